"""One network, two implementations: SWG's actions by this project and by the authors' libraries, same parameters.

    .venv/bin/pip install --no-build-isolation -e '.[calibration]'
    .venv/bin/python studies/same_network.py                         against `twin.py`
    .venv/bin/python studies/same_network.py --checkouts FOLDER      against SWG-JAX itself, from FOLDER/SWG-JAX

SWG's official network is started here, its parameters are handed over to flax, and both samplers act on the same
states at several ρ. It prints how far apart two actions are, whose range is 2. SWG-JAX also needs distrax.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import authors
import jax
import jax.numpy as jnp
import numpy as np
import torch
import twin
from flax.traverse_util import unflatten_dict

from bench.config.comparison import Comparison, find_jobs
from bench.runner.data import make_setup
from methods.diffusion.networks.flax_paths import name_denoiser
from methods.diffusion.noise import StreamNoise
from training import SeedStreams
from training.flax_tree import write_tree

RHO = (0, 1, 5, 10, 20, 30)
STATES, OBSERVATION, ACTION, BLOCKS = 256, 11, 3, 3
COMPARED = Comparison(
    suite="locomotion",
    tasks=("hopper-medium-v2",),
    methods=("swg",),
    preset="official",
    terms="as-published",
)


def main() -> None:
    """Start, hand over, act, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkouts", type=Path, help="the folder with SWG-JAX, in the place of `twin.py`")
    options = parser.parse_args()
    (job,) = find_jobs(COMPARED)
    setup = make_setup(job.task, job.config, (-1.0,) * ACTION, (1.0,) * ACTION)
    method = job.methods["swg"]
    denoiser = method.components(setup)["denoiser"].build(SeedStreams([0], "same")).eval().requires_grad_(False)
    tensors = {name: tensor[0] for name, tensor in denoiser.state_dict().items()}
    tree = write_tree(tensors, name_denoiser(BLOCKS, has_weight=True))
    theirs_act = hand_over(tree, options.checkouts)
    states = np.random.default_rng(0).standard_normal((STATES, OBSERVATION)).astype(np.float32)
    unguided = None
    for rho in RHO:
        policy = method.policy({"denoiser": denoiser}, setup)
        scales, noise = torch.full((1, STATES), float(rho)), StreamNoise(SeedStreams([0], "act"), STATES)
        ours = policy.act(torch.from_numpy(states)[None], scales, noise)[0].numpy()
        theirs = theirs_act(rho, states)
        unguided = ours if unguided is None else unguided
        moved = np.abs(ours - unguided).mean()
        apart = np.abs(ours - theirs).max(1)
        text = f"{np.median(apart):.0e} apart in the median, {apart.max():.0e} at most"
        print(f"ρ = {rho}: {text}; guidance moves an action by {moved:.2f}")


def hand_over(tree: dict[str, np.ndarray], checkouts: Path | None) -> Callable[[float, np.ndarray], np.ndarray]:
    """The other sampler with these parameters: (ρ, states) → actions.

    Args:
        tree: by the paths of the authors' tree.
        checkouts: of SWG-JAX; None takes `twin.py`.
    """
    if checkouts is not None:
        params = unflatten_dict(tree, sep="/")
        return partial(authors.act, checkouts / "SWG-JAX", params, actions=ACTION)
    params = unflatten_dict(rename_for_twin(tree), sep="/")
    key = jax.random.PRNGKey(0)
    return lambda rho, states: np.asarray(twin.swg_action({"params": params}, rho, jnp.asarray(states), key))


def rename_for_twin(tree: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The authors' parameters by the names of the twin, which numbers the layers as it constructs them."""
    body = "MLPResNet_mod_0"
    blocks = [f"{body}/MLPResNetBlock_{block}" for block in range(BLOCKS)]
    layers = ["MLP_0/Dense_1", "MLP_0/Dense_0", f"{body}/Dense_0"]
    layers += [f"{block}/{layer}" for block in blocks for layer in ("Dense_1", "Dense_0")]
    layers += [f"{body}/Dense_1", f"{body}/MLP_0/Dense_1", f"{body}/MLP_0/Dense_0"]
    found = {"frequencies": tree["FourierFeatures_0/kernel"]}
    for number, layer in enumerate(layers):
        found |= {f"Dense_{number}/{part}": tree[f"{layer}/{part}"] for part in ("kernel", "bias")}
    for number, block in enumerate(blocks):
        found |= {f"LayerNorm_{number}/{part}": tree[f"{block}/LayerNorm_0/{part}"] for part in ("scale", "bias")}
    return found


if __name__ == "__main__":
    main()
