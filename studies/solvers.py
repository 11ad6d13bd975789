"""SWG by solver and number of function evaluations: score on toy sets and maze2d, and milliseconds of a call.

    .venv/bin/python studies/solvers.py [--results results/solvers] [--seeds 2] [--preset quick] [--device cuda]

One denoiser of 25 levels is trained for each task; every solver then walks 5, 10, 15 or 25 of them. It goes
through `bench run`, so it resumes. Times are medians of one run on one machine: read them as ratios.
"""

import argparse
import itertools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import bench
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
    places = {"results": options.results, "device": options.device, "threads": 1}
    rows = []
    for solver, steps in itertools.product(SOLVERS, EVALUATIONS):
        settings = {"denoiser": {"levels": LEVELS}, "sampler": {"solver": solver, "steps": steps}}
        shared: dict[str, Any] = {"methods": "swg", "preset": options.preset, **places, **settings}
        made = {"artifacts": options.artifacts, "seeds": options.seeds}
        cells = [score for suite, tasks in TASKS.items() for score in run_suite(suite, tasks, {**shared, **made})]
        timed = bench.time(suite="maze2d", batches=BATCH, calls=CALLS, **shared).set_index("guided")
        guided, unguided = (timed.loc[guide, "milliseconds"] for guide in (True, False))
        rows.append([solver, str(steps), *cells, f"{guided:.1f}", f"{unguided:.1f}"])
    print("\n" + "\n".join(table(rows)))


def run_suite(suite: str, tasks: Sequence[str], options: Mapping[str, Any]) -> list[str]:
    """Run what is open; each task's multiples of the floor at each β but 0, or mean ± sd of its score."""
    cells = bench.run(suite=suite, tasks=tasks, **options)
    if suite != "toy":
        scores = [cells.loc[cells["task"] == task, "score"].to_numpy() for task in tasks]
        return [f"{s.mean():.1f}" + (f" ± {s.std(ddof=1):.1f}" if len(s) > 1 else "") for s in scores]
    rows = bench.load_results(options["results"], by="episode")
    rows = rows[rows["path"].isin(cells["path"]) & (rows["inverse_temperature"] > 0)]
    rows = rows.assign(multiple=rows["distance"] / rows["floor"])
    multiples = rows.groupby(["task", "inverse_temperature"])["multiple"].mean()
    return [" / ".join(f"{value:.1f}" for value in multiples.loc[task]) for task in tasks]


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Markdown."""
    toy = [f"{name} β 3 / 10 / 20" for name in TASKS["toy"]]
    header = ["solver", "evaluations", *toy, *TASKS["maze2d"], "ms guided", "ms unguided"]
    return [f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rows)]


if __name__ == "__main__":
    main()
