"""One network, two implementations: SWG's actions by this project and by `twin.py`, from the same parameters.

    .venv/bin/pip install --no-build-isolation -e '.[calibration]'
    .venv/bin/python studies/same_network.py

SWG's official network is started here, its parameters are handed over to flax, and both samplers act on the same
states at several ρ. It prints how far apart two actions are, whose range is 2.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import jax
import jax.numpy as jnp
import numpy as np
import torch
import twin

from bench.config.comparison import Comparison, find_jobs
from bench.runner.data import make_setup
from methods.diffusion.noise import StreamNoise
from training import SeedStreams

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
    (job,) = find_jobs(COMPARED)
    setup = make_setup(job.task, job.config, (-1.0,) * ACTION, (1.0,) * ACTION)
    method = job.methods["swg"]
    denoiser = method.components(setup)["denoiser"].build(SeedStreams([0], "same")).eval().requires_grad_(False)
    params = handed_over({name: value[0].numpy() for name, value in denoiser.network.named_parameters()})
    states = np.random.default_rng(0).standard_normal((STATES, OBSERVATION)).astype(np.float32)
    unguided = None
    for rho in RHO:
        policy = method.policy({"denoiser": denoiser}, setup)
        scales, noise = torch.full((1, STATES), float(rho)), StreamNoise(SeedStreams([0], "act"), STATES)
        ours = policy.act(torch.from_numpy(states)[None], scales, noise)[0].numpy()
        theirs = twin.swg_action(params, rho, jnp.asarray(states), jax.random.PRNGKey(0))
        unguided = ours if unguided is None else unguided
        moved = np.abs(ours - unguided).mean()
        apart = np.abs(ours - theirs).max(1)
        text = f"{np.median(apart):.0e} apart in the median, {apart.max():.0e} at most"
        print(f"ρ = {rho}: {text}; guidance moves an action by {moved:.2f}")


def handed_over(ours: dict[str, np.ndarray]) -> dict:
    """Our parameters by flax's names, which number the layers in the order in which the twin constructs them."""
    blocks = [f"blocks.{block}.{layer}" for block in range(BLOCKS) for layer in ("contract", "expand")]
    layers = ["level.mlp.2", "level.mlp.0", "enter", *blocks, "leave", "auxiliary.2", "auxiliary.0"]
    params: dict = {"frequencies": ours["level.frequency"].reshape(-1, 1)}
    for number, name in enumerate(layers):
        params[f"Dense_{number}"] = {"kernel": ours[f"{name}.weight"], "bias": ours[f"{name}.bias"][0]}
    for block in range(BLOCKS):
        scale, shift = ours[f"blocks.{block}.norm.scale"][0], ours[f"blocks.{block}.norm.shift"][0]
        params[f"LayerNorm_{block}"] = {"scale": scale, "bias": shift}
    return {"params": params}


if __name__ == "__main__":
    main()
