"""Whether training in bf16 is equivalent to training in fp32: the same seeds trained in both, compared in pairs.

    .venv/bin/python studies/precision.py --plan                   how long it should take
    .venv/bin/python studies/precision.py                          10 seeds, `quick`; goes on where it stopped
    .venv/bin/python studies/precision.py --tuned-from results     with the ρ and settings that were tuned there
    .venv/bin/python studies/precision.py --kept                   the tables again, from what was measured

Four criteria, each of which must hold for every row:

1. maze2d-umaze: the mean difference of the scores, bf16 - fp32, has its 95 % interval within ± 5 points.
2. Toy sets: the ratio of the distances, a geometric mean over sets and β, has its interval within 1/1.1 to 1.1.
3. Actions at states of the data, with the same noise: the mean distance between the policies of fp32 and bf16 is
   at most that between two seeds of fp32, which the interval of the difference, if it lies below 0, shows.
4. Losses, the mean over the last tenth of a training: the mean difference has its interval within ± the standard
   deviation between seeds of fp32.

Intervals are t intervals over seeds. Evaluation and sampling are in fp32 in both.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from arms import (
    MEASURED,
    TINY,
    Place,
    Study,
    add_options,
    average_log_multiple,
    check_seeds,
    collect_seeds,
    read_measured,
    read_tuned,
    write_measured,
    write_tables,
)

from bench.progress import ProgressConsole
from bench.runner.data import load_data
from bench.runner.policy import load
from bench.storage.components import ComponentStore
from foundation.errors import UserError
from methods import method_names
from reports.analysis.intervals import Estimate, estimate_mean
from reports.analysis.pairs import MARGIN
from reports.load.schema import Result
from reports.render.document import Table
from reports.render.numbers import format_difference, format_estimate

TASK = "maze2d-umaze"
METHODS = ("unguided", "cep", "ddice", "idql", "swg", "swg-r")
GROUPS = ("critic", "denoiser", "guidance_net")
ARMS = {arm: {f"{group}.precision": arm for group in GROUPS} for arm in ("fp32", "bf16")}
RATIO = 1.1  # of toy distances; our choice
STATES = 256
NOISE = 0  # the seed that names the noise of every policy
SETS = ("8gaussians", "2spirals")  # two of six, to halve the time: lumps, and thin arms
LAST = 0.1  # of a learning curve


@dataclass(frozen=True)
class Verdict:
    """One row of a criterion.

    Attributes:
        cells: of its table, without the last.
        is_inside: whether the interval lies where the criterion wants it.
    """

    cells: tuple[str, ...]
    is_inside: bool


def lies_within(found: Estimate, low: float, high: float) -> bool:
    """Whether an interval lies within two bounds; that of seeds that are all equal is their value alone."""
    lower, upper = (found.value if end is None else end for end in (found.lower, found.upper))
    return low <= lower and upper <= high


def compare_scores(measured: Mapping[str, Any]) -> list[Verdict]:
    """Criterion 1, a row for each method."""
    rows = []
    for method, scores in measured["scores"].items():
        fp32, bf16 = (np.array(scores[arm]) for arm in ARMS)
        difference, rho = estimate_mean(bf16 - fp32), measured["rho"][method]
        cells = (
            method,
            "–" if rho is None else f"{rho:g}",
            f"{fp32.mean():.1f}",
            f"{bf16.mean():.1f}",
            format_difference(difference, 1),
        )
        rows.append(Verdict(cells, lies_within(difference, -MARGIN, MARGIN)))
    return rows


def compare_distances(measured: Mapping[str, Any]) -> list[Verdict]:
    """Criterion 2, a row for each method: multiples of the noise floor, their ratio, and the ratio on each set."""
    rows = []
    for method in next(iter(measured["log_multiples"].values()), ()):
        logs = {
            arm: np.array([each[method][arm] for each in measured["log_multiples"].values()])  # (set, seed)
            for arm in ARMS
        }
        apart = logs["bf16"] - logs["fp32"]
        log_ratio = estimate_mean(apart.mean(axis=0))
        ratio = exponentiate(log_ratio)
        means = (f"{np.exp(logs[arm].mean()):.2f}" for arm in ARMS)
        per_set = (f"{each:.2f}" for each in np.exp(apart.mean(axis=1)))
        cells = (method, *means, format_estimate(ratio, 2), *per_set)
        rows.append(Verdict(cells, lies_within(log_ratio, -np.log(RATIO), np.log(RATIO))))
    return rows


def exponentiate(found: Estimate) -> Estimate:
    """The ratio whose logarithm is estimated."""
    lower, upper = (None if end is None else float(np.exp(end)) for end in (found.lower, found.upper))
    return Estimate(float(np.exp(found.value)), lower, upper)


def compare_actions(measured: Mapping[str, Any]) -> list[Verdict]:
    """Criterion 3, a row for each method."""
    rows = []
    for method, distances in measured["actions"].items():
        precisions, seeds = (np.array(distances[name]) for name in ("precisions", "seeds"))
        difference = estimate_mean(precisions - seeds)
        means = (f"{each.mean():.3f}" for each in (precisions, seeds))
        rows.append(
            Verdict((method, *means, format_difference(difference, 3)), lies_within(difference, -np.inf, 0.0))
        )
    return rows


def compare_losses(measured: Mapping[str, Any]) -> list[Verdict]:
    """Criterion 4, a row for each kind of component."""
    rows = []
    for kind, losses in measured["losses"].items():
        fp32, bf16 = (np.array(losses[arm]) for arm in ARMS)
        spread, difference = float(fp32.std(ddof=1)), estimate_mean(bf16 - fp32)
        numbers = (f"{each:.4g}" for each in (fp32.mean(), bf16.mean(), spread))
        ends = [format(e, "+.2g") for e in (difference.lower, difference.upper) if e is not None]
        shown = f"{difference.value:+.2g}" + (f" [{', '.join(ends)}]" if ends else "")
        rows.append(Verdict((kind, *numbers, shown), lies_within(difference, -spread, spread)))
    return rows


def make_tables(measured: Mapping[str, Any]) -> list[Table]:
    """What all criteria say together, then a table for each."""
    sets = tuple(measured["log_multiples"])
    criteria: dict[str, tuple[list[Verdict], tuple[str, ...]]] = {
        "maze2d-umaze, ± 5 points": (
            compare_scores(measured),
            ("method", "ρ", "fp32", "bf16", "difference", "within ± 5"),
        ),
        "toy distances, 1/1.1 to 1.1": (
            compare_distances(measured),
            ("method", "fp32, floors", "bf16, floors", "ratio", *sets, "within 1.1"),
        ),
        "actions, at most those between seeds": (
            compare_actions(measured),
            ("method", "fp32 to bf16", "seed to seed", "difference", "at most"),
        ),
        "losses, ± spread of seeds": (
            compare_losses(measured),
            ("component", "fp32", "bf16", "spread of seeds", "difference", "within"),
        ),
    }
    everything = {**criteria, "all": ([row for rows, _ in criteria.values() for row in rows], ())}
    is_whole = all(rows for rows, _ in criteria.values())
    lines = [
        (
            name,
            str(len(rows)),
            str(sum(row.is_inside for row in rows)),
            say(all(row.is_inside for row in rows)) if rows and (name != "all" or is_whole) else "not measured",
        )
        for name, (rows, _) in everything.items()
    ]
    tables = [
        Table(header, tuple((*row.cells, say(row.is_inside)) for row in rows))
        for rows, header in criteria.values()
    ]
    return [Table(("criterion", "rows", "inside", "equivalent"), tuple(lines)), *tables]


def say(holds: bool) -> str:
    """`yes` or `no`."""
    return "yes" if holds else "no"


def measure_actions(results: Mapping[Place, Result], study: Study) -> dict[str, dict[str, list[float]]]:
    """Per method and seed, the mean distance of bf16 actions to those of fp32, and of these to other seeds'."""
    job = study.request().jobs[0]
    source, artifacts = study.request().sources[TASK], study.artifacts
    observations = load_data(job.task, job.config, source, artifacts, 0).data.observations
    states = observations[:: max(1, len(observations) // STATES)][:STATES].numpy()
    found: dict[str, dict[str, list[float]]] = {}
    for method in study.methods:
        fp32, bf16 = (
            np.stack([act_alike(each, artifacts, states) for each in collect_seeds(results, arm, TASK, method)])
            for arm in ARMS
        )
        found[method] = {
            "precisions": [average_distance(a, b) for a, b in zip(bf16, fp32, strict=True)],
            "seeds": [
                float(np.mean([average_distance(a, b) for other, b in enumerate(fp32) if other != place]))
                for place, a in enumerate(fp32)
            ],
        }
    return found


def act_alike(result: Result, artifacts: Path, states: np.ndarray) -> np.ndarray:
    """A policy's actions at these states, (state, action), with noise that is the same for every result."""
    loaded = load(result, artifacts, torch.device("cpu"), "precision")
    loaded.evaluation = replace(loaded.evaluation, seed=NOISE)
    return loaded.act(states)


def average_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Mean Euclidean distance of two sets of actions, state by state."""
    return float(np.linalg.norm(a - b, axis=-1).mean())


def measure_losses(results: Mapping[Place, Result], artifacts: Path) -> dict[str, dict[str, list[float]]]:
    """Per kind of component and arm, each seed's mean loss over the last tenth of its training."""
    store, found = ComponentStore(artifacts), dict[str, dict[str, dict[int, float]]]()
    for place, result in results.items():
        for label in result.components.values():
            file = store.file(label, place.seed).with_suffix(".csv")
            if file.is_file():  # what is computed rather than trained has none
                own = found.setdefault(label.rpartition("-")[0], {arm: {} for arm in ARMS})
                own[place.arm].setdefault(place.seed, average_end(pd.read_csv(file)["loss"].to_numpy()))
    return {
        kind: {arm: [by_seed[seed] for seed in sorted(by_seed)] for arm, by_seed in own.items()}
        for kind, own in found.items()
    }


def average_end(losses: np.ndarray) -> float:
    """Mean over the last tenth of a learning curve, at least its last row."""
    return float(losses[-max(1, round(LAST * len(losses))) :].mean())


def collect(
    results: Mapping[Place, Result], task: str, methods: Sequence[str], of: Callable[[Result], float]
) -> dict[str, dict[str, list[float]]]:
    """A number of every seed, by method and arm."""
    return {
        method: {arm: [of(each) for each in collect_seeds(results, arm, task, method)] for arm in ARMS}
        for method in methods
    }


def measure_maze(study: Study, console: ProgressConsole) -> dict[str, Any]:
    """Train and evaluate what is missing on the maze, and collect what three of the tables need."""
    scored = study.run(console)
    return {
        "preset": study.preset,
        "seeds": sorted({place.seed for place in scored}),
        "rho": {place.method: result.rho for place, result in scored.items()},
        "scores": collect(scored, TASK, study.methods, lambda result: result.score),
        "actions": measure_actions(scored, study),
        "losses": measure_losses(scored, study.artifacts),
        "log_multiples": {},
    }


def measure_sets(study: Study, console: ProgressConsole) -> dict[str, Any]:
    """The same on the toy sets, for the table of distances."""
    drawn = study.run(console)
    sets = dict.fromkeys(place.task for place in drawn)
    return {"log_multiples": {name: collect(drawn, name, study.methods, average_log_multiple) for name in sets}}


def is_of(found: Mapping[str, Any], study: Study) -> bool:
    """Whether what was measured of a maze is what this study would measure."""
    wanted = (study.preset, list(range(study.seeds)), list(study.methods))
    return (found["preset"], found["seeds"], list(found["scores"])) == wanted


def measure(maze: Study, toy: Study, out: Path, console: ProgressConsole) -> None:
    """Measure the maze, then the toy sets; what a study that is not whole has is not measured again."""
    found = read_measured(out) if (out / MEASURED).is_file() else {}
    if not found or found["log_multiples"] or not is_of(found, maze):
        found = measure_maze(maze, console)
        write_measured(out, found)
    write_measured(out, {**found, **measure_sets(toy, console)})


def make_studies(options: argparse.Namespace) -> tuple[Study, Study]:
    """Both precisions on maze2d-umaze and on the toy sets."""
    methods = tuple(options.methods.split(","))
    unknown = [name for name in methods if name not in method_names()]
    if unknown:
        raise UserError(f"there is no method {unknown[0]!r}; choose from {', '.join(method_names())}.")
    tuned = read_tuned(options.tuned_from, "maze2d", TASK) if options.tuned_from is not None else {}
    common: dict[str, Any] = {
        "methods": methods,
        "arms": ARMS,
        "preset": "smoke" if options.tiny else options.preset,
        "results": options.results,
        "artifacts": options.artifacts,
        "processes": options.processes,
    }
    sizes, sets = ({**TINY, "evaluation.episodes": 1}, ("moons",)) if options.tiny else ({}, SETS)
    maze = Study("maze2d", (TASK,), seeds=options.seeds, settings=sizes, tuned=tuned, **common)
    samples = {**(TINY if options.tiny else {}), "evaluation.episodes": options.toy_samples}
    toy = Study("toy", sets, seeds=options.toy_seeds, settings=samples, **common)
    return maze, toy


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, "precision")
    parser.add_argument("--methods", default=",".join(METHODS), help="names with commas")
    options, console = parser.parse_args(arguments), ProgressConsole()
    try:
        if not options.kept:
            check_seeds(options)
            studies = make_studies(options)
            for study in studies:
                study.show_plan(console)
            if options.plan:
                return
            measure(*studies, options.out, console)
        write_tables(options.out, make_tables(read_measured(options.out)))
    except UserError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
