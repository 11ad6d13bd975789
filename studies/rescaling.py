"""AEPO's Figure 2 on results that are there: score at each ω, the guided score rescaled or not, in pairs of seeds.

    .venv/bin/python -m bench run --experiment aepo-figure2 --preset quick --seeds 5 --results results/figure2
    .venv/bin/python studies/rescaling.py results/figure2

Rescaled and not have the same components, seeds, episodes and noise at every ω, so their difference is of pairs,
and so is each one's difference from ω = 0. Intervals are t intervals over seeds, one at a time, without correction
for the number of rows. Writes `tables.md` beside the results, and prints it.
"""

import argparse
import itertools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from arms import write_tables

import bench
from foundation.errors import UserError
from reports.analysis.intervals import estimate_mean
from reports.render.document import Table
from reports.render.numbers import format_difference

SETTING = "guidance.rescale"
LEAST = 2  # seeds, for a standard deviation
Scores = Mapping[tuple[bool, float], np.ndarray]
"""By (rescaled or not, ω), the scores of all seeds in their order."""


def read_scores(folder: Path) -> dict[str, Scores]:
    """The scores of each task.

    Raises:
        UserError: there is no result, or one seed alone; one failed; there are several for an ω, or none for one
            of them, with or without rescaling.
    """
    again = f"run `python -m bench run --experiment aepo-figure2 --results {folder}` to its end."
    cells = bench.load_results(folder, settings=True)
    cells = cells[cells["method"] == "aepo"]
    if SETTING not in cells or not (cells["rho"] == 0).any():
        raise UserError(f"{str(folder)!r} has no results of AEPO with {SETTING} at ω = 0; {again}")
    if failed := int((cells["status"] != "done").sum()):
        raise UserError(f"{str(folder)!r}: {failed} of AEPO's results failed; {again}")
    found = {}
    for task, own in cells.groupby("task", sort=False):
        seeds, scales = sorted(set(own["seed"])), sorted(set(own["rho"]))
        if len(seeds) < LEAST:
            raise UserError(f"{str(folder)!r} has {len(seeds)} seed of {task}; run {LEAST} or more.")
        if len(own) > len(set(zip(own[SETTING], own["rho"], own["seed"], strict=True))):
            raise UserError(
                f"{str(folder)!r} has results of {task} with other settings too; name a folder without."
            )
        by_place = own.set_index([SETTING, "rho", "seed"])["score"].to_dict()
        for rescaled, rho, seed in itertools.product((True, False), scales, seeds):
            if (rescaled, rho, seed) not in by_place:
                what = f"{task}, {SETTING}={str(rescaled).lower()}, ω = {rho:g}, seed {seed}"
                raise UserError(f"{str(folder)!r} has no result of {what}; {again}")
        found[str(task)] = {
            (rescaled, float(rho)): np.array([by_place[rescaled, rho, seed] for seed in seeds])
            for rescaled, rho in itertools.product((True, False), scales)
        }
    return found


def compare(task: str, scores: Scores) -> Table:
    """A row for each ω: both means with the deviation of seeds, their difference, and each one's from ω = 0.

    Args:
        task: whose.
        scores: its own.
    """
    rows = []
    for rho in sorted({rho for _, rho in scores}):
        kinds = {kind: scores[kind, rho] for kind in (True, False)}
        of_zero = [
            format_difference(estimate_mean(own - scores[kind, 0.0]), 1) if rho else "–"
            for kind, own in kinds.items()
        ]
        both = format_difference(estimate_mean(kinds[True] - kinds[False]), 1) if rho else "–"
        rows.append((f"{rho:g}", *(_spread(own) for own in kinds.values()), both, *of_zero))
    header = (f"{task}: ω", "rescaled", "not", "rescaled − not", "rescaled − unguided", "not − unguided")
    return Table(header, tuple(rows))


def _spread(scores: np.ndarray) -> str:
    return f"{scores.mean():.1f} ± {scores.std(ddof=1):.1f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write and print a table for each task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="folder of the run")
    options = parser.parse_args(arguments)
    try:
        write_tables(options.results, [compare(*each) for each in read_scores(options.results).items()])
    except UserError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
