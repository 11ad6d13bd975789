"""Where the parameters of the residual network lie in the authors' code: SWG-JAX (e312c4f) and IDQL (7582571).

Both build `DDPM` of `FourierFeatures`, an `MLP` on the level and a residual network, which flax numbers in the
order in which they are made: `MLPResNet_0` in IDQL; in SWG-JAX `MLPResNet_mod_0`, the weight's `MLP_0` inside.
"""

from training.flax_tree import FREQUENCIES, name_affine, name_norm

WEIGHT_BLOCK = 1
"""Index of the block that SWG-JAX reads the weight from, of however many there are."""


def name_denoiser(blocks: int, has_weight: bool) -> dict[str, str]:
    """Names of the tensors of a `NetworkDenoiser` with the residual network to their paths.

    Args:
        blocks: how many residual blocks.
        has_weight: whether it predicts SWG's weight beside the noise.
    """
    body = "MLPResNet_mod_0" if has_weight else "MLPResNet_0"
    found = {"network.level.frequency": FREQUENCIES}
    found |= name_affine("network.level.mlp.0", "MLP_0/Dense_0") | name_affine(
        "network.level.mlp.2", "MLP_0/Dense_1"
    )
    found |= name_affine("network.enter", f"{body}/Dense_0")
    for number in range(blocks):
        ours, theirs = f"network.blocks.{number}", f"{body}/MLPResNetBlock_{number}"
        found |= name_norm(f"{ours}.norm", f"{theirs}/LayerNorm_0")
        found |= name_affine(f"{ours}.expand", f"{theirs}/Dense_0")
        found |= name_affine(f"{ours}.contract", f"{theirs}/Dense_1")
    found |= name_affine("network.leave", f"{body}/Dense_1")
    if has_weight:
        found |= name_affine("network.auxiliary.0", f"{body}/MLP_0/Dense_0")
        found |= name_affine("network.auxiliary.2", f"{body}/MLP_0/Dense_1")
    return found


def measure_denoiser(shapes: dict[str, tuple[int, ...]], has_weight: bool) -> tuple[int, int] | None:
    """Numbers in an observation and an action of the network with arrays of these shapes; None where they lack.

    Args:
        shapes: by path.
        has_weight: see `name_denoiser`.
    """
    body = "MLPResNet_mod_0" if has_weight else "MLPResNet_0"
    enter, leave = shapes.get(f"{body}/Dense_0/kernel", ()), shapes.get(f"{body}/Dense_1/kernel", ())
    level = shapes.get("MLP_0/Dense_1/kernel", ())
    if not len(enter) == len(leave) == len(level) == 2:
        return None
    return enter[0] - leave[1] - has_weight - level[1], leave[1]
