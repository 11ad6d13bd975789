"""The calibration by a second implementation, in JAX: tells what the data do from what this project's code does.

    .venv/bin/pip install --no-build-isolation -e '.[calibration]'
    .venv/bin/python studies/calibration.py [--seeds 0,1] [--methods swg,idql] [--out results/calibration]

`twin.py` shares nothing with the packages but the data: it stands on the authors' libraries, with their initial
weights and order of steps, and episodes are played in Gymnasium directly. Every training and every score is kept
in --out and not made again. One core takes about half an hour per seed for SWG and as long again for IDQL.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import flax.serialization
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from twin import FIELDS, critic, denoiser, idql_action, swg_action, weights

from bench.config.comparison import Comparison, find_jobs
from bench.runner.data import load_data

TASK, REFERENCE = "hopper-medium-expert-v2", (-20.272305, 3234.3)
RHO = (0, 1, 5, 8, 10, 12, 15, 20, 25, 30)
CANDIDATES = (1, 16, 64)
EPISODES = {"swg": 20, "idql": 10}

Act: TypeAlias = Callable[[jax.Array, jax.Array], jax.Array]
"""(states, random key) → actions."""


def load(artifacts: Path) -> dict[str, np.ndarray]:
    """The transitions that `bench run` trains on (200,000 of the shipped policies), rewards scaled as it does."""
    (job,) = find_jobs(
        Comparison(
            suite="locomotion",
            tasks=(TASK,),
            methods=("swg",),
            preset="official",
            terms="as-published",
            settings={"data.transitions": 200_000},
        )
    )
    found = load_data(job.task, job.config, "local", artifacts, 0).data
    return {name: getattr(found, name).numpy() for name in FIELDS}


def play(act: Act, episodes: int, seed: int) -> list[float]:
    """Normalised scores of as many episodes side by side in Hopper-v4."""
    envs = [gymnasium.make("Hopper-v4") for _ in range(episodes)]
    s = np.stack([env.reset(seed=10_000 * (seed + 1) + i)[0] for i, env in enumerate(envs)])
    total, alive, key = np.zeros(episodes), np.ones(episodes, bool), jax.random.PRNGKey(seed)
    while alive.any():
        key, part = jax.random.split(key)
        actions = np.asarray(act(jnp.asarray(s, jnp.float32), part))
        for i in np.flatnonzero(alive):
            s[i], reward, terminated, truncated, _ = envs[i].step(actions[i])
            total[i] += float(reward)
            alive[i] = not (terminated or truncated)
    return (100 * (total - REFERENCE[0]) / (REFERENCE[1] - REFERENCE[0])).round(2).tolist()


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """The parameters in the file, made first if it is not there."""
    if not path.exists():
        made = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".part").write_bytes(flax.serialization.msgpack_serialize(jax.device_get(made)))
        path.with_suffix(".part").rename(path)
    return flax.serialization.msgpack_restore(path.read_bytes())


def main() -> None:
    """Train what is missing, play what is missing, print the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--methods", default="swg,idql")
    parser.add_argument("--out", type=Path, default=Path("results/calibration"))
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"))
    options = parser.parse_args()
    data = {name: jnp.asarray(array) for name, array in load(options.artifacts).items()}
    print(f"{len(data['rewards'])} transitions", flush=True)
    for seed in map(int, options.seeds.split(",")):
        values = kept(options.out / f"critic-{seed}.msgpack", lambda seed=seed: critic(data, seed))
        for method in options.methods.split(","):
            run = swg_scores if method == "swg" else idql_scores
            run(options.out, data, values, seed)


def swg_scores(out: Path, data: dict, values: dict, seed: int) -> None:
    """A line for each ρ."""
    channels = jnp.concatenate([data["actions"], weights(data, values)], -1)
    params = kept(out / f"joint-{seed}.msgpack", lambda: denoiser(data, channels, True, seed))
    for rho in RHO:
        scored(out, "swg", rho, seed, partial(swg_action, params, rho))


def idql_scores(out: Path, data: dict, values: dict, seed: int) -> None:
    """A line for each number of candidates."""
    params = kept(out / f"behaviour-{seed}.msgpack", lambda: denoiser(data, data["actions"], False, seed))
    for n in CANDIDATES:
        scored(out, "idql", n, seed, partial(idql_action, params, values["q"], n))


def scored(out: Path, method: str, setting: int, seed: int, act: Act) -> None:
    """Keep a cell's episodes and print their mean."""
    path = out / f"{method}-{setting}-{seed}.json"
    if not path.exists():
        path.write_text(json.dumps(play(act, EPISODES[method], seed)))
    scores = json.loads(path.read_text())
    print(f"{path.stem}: {np.mean(scores):.1f}  ({min(scores):.0f} to {max(scores):.0f})", flush=True)


if __name__ == "__main__":
    main()
