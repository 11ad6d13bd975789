"""SWG's weight head at four places: exactness on the toy sets, score on maze2d-umaze and cost of an action.

    .venv/bin/python studies/weight_heads.py --plan    how long it should take
    .venv/bin/python studies/weight_heads.py           10 seeds, `quick`; goes on where it stopped
    .venv/bin/python studies/weight_heads.py --kept    the tables again, from what was measured

The weight is read from the first block (`early`), the last but one (`middle`, as the authors have it) or the last
one, or predicted by a perceptron of its own, and guidance differentiates as far as it is read. SWG's §5.4
announces the comparison and has no numbers. All heads have the same data, critic, seeds and ρ. Cost is the CPU
time of an action at the papers' sizes, guided and unguided in turns (`speed.py`); it needs no training.
"""

import argparse
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from arms import (
    TINY,
    Place,
    Study,
    add_options,
    check_seeds,
    collect_seeds,
    read_measured,
    read_tuned,
    write_measured,
    write_tables,
)
from speed import SEED, act, make_setup
from turns import Row, measure

from bench.progress import ProgressConsole
from foundation.errors import UserError
from methods import SeedStreams
from methods.swg import SWG, WEIGHT_HEADS
from reports.analysis.intervals import estimate_mean
from reports.analysis.multiples import estimate_multiple
from reports.load.schema import Density, Result
from reports.render.document import Table
from reports.render.numbers import format_difference, format_estimate
from training import parameter_count

TASK, METHOD, BASE = "maze2d-umaze", "swg", "middle"
ARMS = {head: {"swg.weight_head": head} for head in WEIGHT_HEADS}
BETAS = (3.0, 10.0)
BATCHES = (1, 20, 256)


def make_rows(batches: Sequence[int]) -> dict[str, dict[int, Row]]:
    """The action of every head at each number of states, unguided and guided."""
    rows: dict[str, dict[int, Row]] = {}
    for head in WEIGHT_HEADS:
        method = make_method(head)
        rows[head] = {
            states: Row(
                f"{head}, {states} states",
                "call",
                1,
                {
                    "unguided": act(method, states, plain=False, guided=False),
                    "guided": act(method, states, plain=False),
                },
            )
            for states in batches
        }
    return rows


def make_method(head: str) -> SWG:
    """SWG with that head and else its defaults."""
    return replace(SWG(), weight_head=head)  # pyright: ignore[reportArgumentType]


def measure_cost(batches: Sequence[int], seconds: float) -> dict[str, dict[str, list[float]]]:
    """Per head and number of states, CPU time guided ÷ unguided in every turn."""
    generator = random.Random(SEED)
    return {
        head: {
            str(states): [1 / ratio for ratio in measure(row, generator, seconds)["guided"].ratios]
            for states, row in rows.items()
        }
        for head, rows in make_rows(batches).items()
    }


def count_parameters() -> dict[str, int]:
    """Of every head's denoiser at the papers' sizes."""
    setup, found = make_setup(), dict[str, int]()
    for head in WEIGHT_HEADS:
        denoiser = make_method(head).components(setup)["denoiser"]
        found[head] = parameter_count(denoiser.build(SeedStreams([SEED], "count")))
    return found


def describe_densities(results: Mapping[Place, Result]) -> dict[str, dict[str, dict[str, list[Any]]]]:
    """Per set, β and head: multiple and effective β of each seed with their ends, and the floor's error."""
    found: dict[str, dict[str, dict[str, list[Any]]]] = {}
    for name in dict.fromkeys(place.task for place in results):
        for head in ARMS:
            for result in collect_seeds(results, head, name, METHOD):
                for density in result.densities:
                    own = found.setdefault(name, {}).setdefault(f"{density.inverse_temperature:g}", {})
                    own.setdefault(head, []).append(describe_density(density))
    return found


def describe_density(density: Density) -> dict[str, Any]:
    """What the tables need of one density."""
    return {
        "multiple": density.distance / density.floor,
        "error": density.floor_log_spread / density.floor_pairs**0.5,
        "effective": density.effective_beta,
        "is_most": density.effective_beta_high >= density.effective_beta_most,
    }


def measure_heads(maze: Study, toy: Study, options: argparse.Namespace) -> dict[str, Any]:
    """Train and evaluate what is missing, then measure the cost."""
    console = ProgressConsole()
    scored, drawn = maze.run(console), toy.run(console)
    batches, seconds = ((1,), 0.1) if options.tiny else (BATCHES, options.seconds)
    return {
        "preset": maze.preset,
        "rho": next(iter(scored.values())).rho,
        "parameters": count_parameters(),
        "cost": measure_cost(batches, seconds),
        "scores": {head: [each.score for each in collect_seeds(scored, head, TASK, METHOD)] for head in ARMS},
        "densities": describe_densities(drawn),
    }


def make_tables(measured: Mapping[str, Any]) -> list[Table]:
    """All of a head in one row, then the toy sets one by one."""
    batches = tuple(next(iter(measured["cost"].values())))
    betas = tuple(next(iter(measured["densities"].values())))
    header = (
        "head",
        "parameters",
        *(f"guided ÷ unguided, {states}" for states in batches),
        "maze2d-umaze",
        f"minus {BASE}",
        *(f"floors, β = {beta}" for beta in betas),
    )
    lines = [
        (
            head,
            f"{measured['parameters'][head]:,}",
            *(format_ratios(measured["cost"][head][states]) for states in batches),
            *compare_scores(measured["scores"], head),
            *(average_floors(measured["densities"], beta, head) for beta in betas),
        )
        for head in ARMS
    ]
    sets = [
        (name, beta, head, *describe_set(by_head[head]))
        for name, by_beta in measured["densities"].items()
        for beta, by_head in by_beta.items()
        for head in ARMS
    ]
    return [
        Table(header, tuple(lines)),
        Table(("set", "β", "head", "floors", "effective β"), tuple(sets), words=3),
    ]


def format_ratios(ratios: Sequence[float]) -> str:
    """Median with the 5th and 95th percentile."""
    low, middle, high = np.percentile(ratios, [5, 50, 95])
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def compare_scores(scores: Mapping[str, Sequence[float]], head: str) -> tuple[str, str]:
    """Mean ± standard deviation over seeds, and the paired difference from the authors' head."""
    own = np.array(scores[head])
    shown = f"{own.mean():.1f} ± {own.std(ddof=1):.1f}"
    return shown, "–" if head == BASE else format_difference(estimate_mean(own - np.array(scores[BASE])), 1)


def average_floors(densities: Mapping[str, Any], beta: str, head: str) -> str:
    """Geometric mean over sets and seeds of the distance in floors, with its interval."""
    by_set = [by_beta[beta][head] for by_beta in densities.values()]
    multiples = np.array([[each["multiple"] for each in seeds] for seeds in by_set]).T
    return format_estimate(estimate_multiple(multiples, [seeds[0]["error"] for seeds in by_set]), 1)


def describe_set(seeds: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Distance in floors and effective β of one set; `≥` where larger β cannot be told apart."""
    multiples = np.array([[each["multiple"]] for each in seeds])
    effective = float(np.median([each["effective"] for each in seeds]))
    prefix = "≥ " if any(each["is_most"] for each in seeds) else ""
    return format_estimate(estimate_multiple(multiples, [seeds[0]["error"]]), 1), f"{prefix}{effective:.2f}"


def make_studies(options: argparse.Namespace) -> tuple[Study, Study]:
    """All heads on maze2d-umaze and on the toy sets."""
    tuned = read_tuned(options.tuned_from, "maze2d", TASK) if options.tuned_from is not None else {}
    common: dict[str, Any] = {
        "methods": (METHOD,),
        "arms": ARMS,
        "preset": "smoke" if options.tiny else options.preset,
        "results": options.results,
        "artifacts": options.artifacts,
        "processes": options.processes,
    }
    sizes, sets = ({**TINY, "evaluation.episodes": 1}, ("moons",)) if options.tiny else ({}, None)
    maze = Study("maze2d", (TASK,), seeds=options.seeds, settings=sizes, tuned=tuned, **common)
    samples = {"evaluation.episodes": options.toy_samples, "evaluation.inverse_temperatures": BETAS}
    settings = {**(TINY if options.tiny else {}), **samples}
    toy = Study("toy", sets, seeds=options.toy_seeds, settings=settings, **common)
    return maze, toy


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, "weight-heads")
    parser.add_argument("--seconds", type=float, default=25.0, help="for each ratio of CPU times")
    options, console = parser.parse_args(arguments), ProgressConsole()
    torch.set_num_threads(1)
    try:
        if not options.kept:
            check_seeds(options)
            studies = make_studies(options)
            for study in studies:
                study.show_plan(console)
            if options.plan:
                return
            write_measured(options.out, measure_heads(*studies, options))
        write_tables(options.out, make_tables(read_measured(options.out)))
    except UserError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
