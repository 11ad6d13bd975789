"""SWG by solver and number of function evaluations: score on toy sets and maze2d, and milliseconds of a call.

    .venv/bin/python studies/solvers.py [--results results/solvers] [--seeds 2] [--preset quick] [--device cuda]

One denoiser of 25 levels is trained for each task; every solver then walks 5, 10, 15 or 25 of them. It goes
through `bench run`, so it resumes. Times are medians of one run on one machine: read them as ratios.
"""

import argparse
import itertools
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch

from bench.cli.arguments import parse
from bench.cli.main import main as bench
from bench.cli.requests import find_jobs
from bench.runner.data import make_setup
from bench.runner.timing import time_one
from methods.diffusion.solvers import SOLVERS

EVALUATIONS = (5, 10, 15, 25)
LEVELS = 25
TASKS = {"toy": ("8gaussians", "moons"), "maze2d": ("maze2d-umaze",)}
BATCH, CALLS = 20, 60


def main() -> None:
    """Run what is open, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results/solvers"))
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"))
    parser.add_argument("--seeds", default="2")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    places = ["--results", str(options.results), "--artifacts", str(options.artifacts)]
    for suite, solver, steps in itertools.product(TASKS, SOLVERS, EVALUATIONS):
        flags = arguments(suite, solver, steps, options.preset)
        bench(["run", *flags, *places, "--seeds", options.seeds, "--device", options.device])
    rows = [row(solver, steps, options) for solver in SOLVERS for steps in EVALUATIONS]
    print("\n" + "\n".join(table(rows)))


def arguments(suite: str, solver: str, steps: int, preset: str) -> list[str]:
    """The flags of one cell of the table."""
    settings = [f"--denoiser.levels={LEVELS}", f"--sampler.solver={solver}", f"--sampler.steps={steps}"]
    return ["--suite", suite, "--tasks", ",".join(TASKS[suite]), "--methods", "swg", "--preset", preset, *settings]


def row(solver: str, steps: int, options: argparse.Namespace) -> list[str]:
    """Solver, evaluations, each toy set's distance, maze2d's score, milliseconds guided and unguided."""
    found = [json.loads(path.read_text()) for path in sorted(options.results.rglob("swg-*/seed-*.json"))]
    chosen = [
        result
        for result in found
        if (result["config"]["sampler.solver"], result["config"]["sampler.steps"]) == (solver, steps)
    ]
    cells = [solver, str(steps)]
    for task in (task for tasks in TASKS.values() for task in tasks):
        here = [result for result in chosen if result["task"] == task]
        if not here:
            raise SystemExit(f"no result of {task} with {solver} in {steps} steps lies in {options.results}")
        cells += score_of(here)
    guided, unguided = (milliseconds(solver, steps, options, guide) for guide in (True, False))
    return [*cells, f"{guided:.1f}", f"{unguided:.1f}"]


def score_of(results: Sequence[dict]) -> list[str]:
    """Multiples of the floor at each β but 0, or mean ± sd of the normalised score, over the seeds."""
    if results[0]["densities"]:
        places = [n for n, d in enumerate(results[0]["densities"]) if d["inverse_temperature"] > 0]
        multiples = np.array(
            [[r["densities"][n]["distance"] / r["densities"][n]["floor"] for n in places] for r in results]
        )
        return [" / ".join(f"{value:.1f}" for value in multiples.mean(0))]
    scores = np.array([result["score"] for result in results])
    return [f"{scores.mean():.1f}" + (f" ± {scores.std(ddof=1):.1f}" if len(scores) > 1 else "")]


def milliseconds(solver: str, steps: int, options: argparse.Namespace, guided: bool) -> float:
    """Median time of a call for maze2d's sizes."""
    flags = [*arguments("maze2d", solver, steps, options.preset), "--seeds", "1"]
    (job,) = find_jobs(parse(["run", *flags]))
    ones = (1.0,) * job.task.action_dim
    setup = make_setup(job.task, job.config, tuple(-one for one in ones), ones)
    timed = time_one("swg", job.methods["swg"], setup, BATCH, guided, CALLS, torch.device(options.device))
    return timed["milliseconds"].median


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Markdown."""
    toy = [f"{name} β 3 / 10 / 20" for name in TASKS["toy"]]
    header = ["solver", "evaluations", *toy, *TASKS["maze2d"], "ms guided", "ms unguided"]
    return [f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rows)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
