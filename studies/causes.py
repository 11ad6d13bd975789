"""Three things that were seen and not explained, each a 2 x 2: the suspect removed or not, beside a placebo.

    .venv/bin/python studies/causes.py --plan                how long it should take
    .venv/bin/python studies/causes.py                       5 seeds, `quick`; goes on where it stopped
    .venv/bin/python studies/causes.py --only solvers        one of them: resampling, candidates, solvers
    .venv/bin/python studies/causes.py --kept                the tables again, from what was measured

1. `resampling`: SWG-R scores far below SWG on maze2d-large at the same ρ. Suspected: the greatest predicted weight
   of 16 guided candidates lies outside the data. Removed in two ways: the critic judges the candidates, or they
   are drawn without guidance.
2. `candidates`: on local hopper-medium-expert 64 unguided candidates are no better than 16. Suspected: the
   greatest Q of more candidates is more often an error of Q; the mean of ten Q networks has a smaller one.
3. `solvers`: with a deterministic solver SWG's samples of the toy sets stay farther from the target at β ≥ 10
   than with an ancestral one. Suspected: the network's error, which a flow keeps and fresh noise forgets; four
   times the training steps make it smaller, and the exact network of the tilted data has none.

What is looked at is a difference of two runs on the same seeds. Its change when the suspect is removed is the
effect. The placebo changes LayerNorm's ε from 1e-5 to 1e-6: the same law, another training, so its effect is
chance. Effects are means over both levels of the other factor; intervals are t intervals over seeds.
"""

import argparse
import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from arms import (
    MEASURED,
    TINY,
    Study,
    Tuned,
    collect_seeds,
    read_measured,
    write_measured,
    write_tables,
)

from bench.progress import ProgressConsole
from foundation.errors import UserError
from methods.diffusion.keyed_noise import KeyedNoise
from methods.diffusion.sampler import SamplerConfig, sample
from methods.diffusion.schedule import Schedule, make_schedule
from reports.analysis.intervals import FEWEST, estimate_mean
from reports.load.schema import Result
from reports.render.document import Table
from reports.render.numbers import format_difference
from suites.toy.densities import DENSITIES, sample_target
from suites.toy.measures import measure_distance
from training.shapes import Observations, Z

PLACEBO = "denoiser.layer_norm_epsilon"
EPSILONS = {"as it is": 1e-5, "placebo": 1e-6}
LEAST_BETA = 10.0
SETS, BETAS = ("8gaussians", "moons"), (10.0, 20.0)
FLOW, NOISY = "ddim", "ddpm"
ATOMS = 20_000


@dataclass(frozen=True)
class Run:
    """A method as it is run.

    Attributes:
        method: its name.
        rho: None leaves it to `bench run`.
        settings: by dotted name.
    """

    method: str
    rho: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Suspect:
    """What may be the cause, and both runs whose difference is looked at, without it."""

    name: str
    first: Run
    second: Run


@dataclass(frozen=True)
class Question:
    """A difference that is to be explained.

    Attributes:
        suite, tasks: where.
        seeds: how many.
        what: is looked at, for the table.
        first, second: the runs; the difference is first - second.
        suspects: what may be the cause.
        outcome: of one result; a difference of logarithms is shown as a ratio.
        settings: of all runs.
        is_ratio: whether the outcome is a logarithm.
    """

    suite: str
    tasks: tuple[str, ...]
    seeds: int
    what: str
    first: Run
    second: Run
    suspects: tuple[Suspect, ...]
    outcome: Callable[[Result], float]
    settings: Mapping[str, Any] = field(default_factory=dict)
    is_ratio: bool = False


def read_score(result: Result) -> float:
    """Of a task with episodes."""
    assert result.score is not None, "tasks with episodes have a score"
    return result.score


def read_log_multiple(result: Result) -> float:
    """Mean over β ≥ 10 of the logarithm of a distance as a multiple of its noise floor."""
    far = [each for each in result.densities if each.inverse_temperature >= LEAST_BETA]
    return float(np.mean([np.log(each.distance / each.floor) for each in far]))


def make_questions(seeds: int) -> dict[str, Question]:
    """All of them, by name."""
    best, judged = ({"swg-r.select": kind, "swg-r.candidates": 16} for kind in ("best", "critic"))
    flow, noisy = ({"sampler.solver": kind, "denoiser.levels": 25} for kind in (FLOW, NOISY))
    longer = {"denoiser.steps": 12_000, "denoiser.decay_steps": 12_000}
    few, many = ({"ddice.candidates": count, "ddice.select": "critic"} for count in (16, 64))
    by_mean = {"ddice.select": "ensemble"}
    swg = Run("swg", 10.0)
    return {
        "resampling": Question(
            "maze2d",
            ("maze2d-large",),
            seeds,
            "swg-r − swg, score on maze2d-large at ρ = 10",
            Run("swg-r", 10.0, best),
            swg,
            (
                Suspect("the critic judges", Run("swg-r", 10.0, judged), swg),
                Suspect("candidates without guidance", Run("swg-r", 0.0, best), swg),
            ),
            read_score,
        ),
        "candidates": Question(
            "locomotion",
            ("hopper-medium-expert-v2",),
            seeds,
            "64 − 16 unguided candidates, score on hopper-medium-expert (local)",
            Run("ddice", 0.0, many),
            Run("ddice", 0.0, few),
            (
                Suspect(
                    "the mean of ten Q judges",
                    Run("ddice", 0.0, {**many, **by_mean}),
                    Run("ddice", 0.0, {**few, **by_mean}),
                ),
            ),
            read_score,
            {"evaluation.episodes": 10},
        ),
        "solvers": Question(
            "toy",
            SETS,
            seeds,
            f"{FLOW} ÷ {NOISY}, floors on {' and '.join(SETS)} at β 10 and 20",
            Run("swg", None, flow),
            Run("swg", None, noisy),
            (
                Suspect(
                    "four times the steps",
                    Run("swg", None, {**flow, **longer}),
                    Run("swg", None, {**noisy, **longer}),
                ),
            ),
            read_log_multiple,
            {"evaluation.inverse_temperatures": BETAS, "evaluation.episodes": 5_000},
            is_ratio=True,
        ),
    }


def make_study(question: Question, run: Run, options: argparse.Namespace) -> Study:
    """One run of a question, with the placebo and without."""
    own = {**run.settings, **(TINY if options.tiny else {})}
    if options.tiny and "denoiser.levels" in own:
        own["denoiser.levels"] = 2
    small = {"evaluation.episodes": 1 if question.suite != "toy" else 50} if options.tiny else {}
    return Study(
        suite=question.suite,
        tasks=question.tasks[:1] if options.tiny else question.tasks,
        methods=(run.method,),
        arms={name: {PLACEBO: epsilon} for name, epsilon in EPSILONS.items()},
        seeds=question.seeds,
        preset="smoke" if options.tiny else options.preset,
        results=options.results / question.suite,
        artifacts=options.artifacts,
        settings={**question.settings, **own, **small},
        tuned={run.method: Tuned(run.rho, {})},
        processes=options.processes,
    )


def list_runs(question: Question) -> list[Run]:
    """Every run that the question needs, each once."""
    pairs = [(question.first, question.second), *((each.first, each.second) for each in question.suspects)]
    runs: list[Run] = []
    for run in itertools.chain.from_iterable(pairs):
        if run not in runs:
            runs.append(run)
    return runs


def measure_question(question: Question, options: argparse.Namespace) -> dict[str, Any]:
    """Run what is missing: per suspect (and none) and placebo level, the difference of every seed."""
    console, found = ProgressConsole(), []
    for run in list_runs(question):
        results = make_study(question, run, options).run(console)
        tasks = dict.fromkeys(place.task for place in results)
        found.append(
            {
                level: np.mean(
                    [
                        [question.outcome(each) for each in collect_seeds(results, level, task, run.method)]
                        for task in tasks
                    ],
                    axis=0,
                )
                for level in EPSILONS
            }
        )
    outcome = dict(zip(map(repr, list_runs(question)), found, strict=True))

    def subtract(first: Run, second: Run) -> dict[str, list[float]]:
        return {level: (outcome[repr(first)][level] - outcome[repr(second)][level]).tolist() for level in EPSILONS}

    return {
        "what": question.what,
        "is_ratio": question.is_ratio,
        "there": subtract(question.first, question.second),
        "removed": {each.name: subtract(each.first, each.second) for each in question.suspects},
    }


@dataclass(frozen=True)
class ExactDenoiser:
    """E[z_0 | z_k] of a law that has the same mass at every atom: the network that training aims at.

    Attributes:
        atoms: (atom, 2).
        schedule: of its levels.
    """

    atoms: torch.Tensor
    schedule: Schedule
    channels: int = 2

    def __call__(self, z: Z, level: int, observations: Observations) -> Z:
        """The atoms' mean, weighted by N(z; α atom, σ²)."""
        alpha, sigma = self.schedule.coefficients[level]
        chunks = []
        for rows in z[0].split(1_000):
            square = torch.cdist(rows, alpha * self.atoms).square()
            chunks.append(torch.softmax(-square / (2 * sigma**2), -1) @ self.atoms)
        return torch.cat(chunks)[None]


def measure_exact(seeds: int, atoms: int, samples: int) -> list[float]:
    """Mean over sets and β of log(distance by the flow ÷ by the noisy solver) of exact networks, of every seed."""
    schedule = make_schedule("cosine", 25)
    found = []
    for seed in range(seeds):
        logs = []
        for name, beta in itertools.product(SETS, BETAS):
            generator = np.random.default_rng([seed, len(name), int(beta)])
            drawn = sample_target(DENSITIES[name], beta, atoms, generator)
            truth = sample_target(DENSITIES[name], beta, samples, generator)
            denoiser = ExactDenoiser(torch.from_numpy(drawn).float(), schedule)
            distances = {}
            for solver in (FLOW, NOISY):
                noise = KeyedNoise(seed, f"causes {name} {beta}", range(samples))
                config = SamplerConfig(solver=solver)  # pyright: ignore[reportArgumentType]
                z = sample(denoiser, torch.zeros(1, samples, 1), noise, config)
                distances[solver] = measure_distance(z[0].numpy(), truth)
            logs.append(np.log(distances[FLOW] / distances[NOISY]))
        found.append(float(np.mean(logs)))
    return found


def format_effect(values: np.ndarray, is_ratio: bool) -> str:
    """The mean of seeds' differences with its interval, a ratio where they are logarithms."""
    estimate = estimate_mean(values)
    if not is_ratio:
        return format_difference(estimate, 1)
    ends = [end for end in (estimate.value, estimate.lower, estimate.upper) if end is not None]
    middle, *rest = (f"× {np.exp(end):.2f}" for end in ends)
    return f"{middle} [{rest[0]}, {rest[1]}]" if rest else middle


def describe(measured: Mapping[str, Any]) -> Table:
    """A row for what is there and for each suspect: the difference at both levels, and the two effects."""
    there = {level: np.array(values) for level, values in measured["there"].items()}
    real, placebo = EPSILONS

    def show(values: np.ndarray) -> str:
        return format_effect(values, measured["is_ratio"])

    rows: list[tuple[str, ...]] = [
        ("nothing", show(there[real]), show(there[placebo]), "–", show(there[placebo] - there[real]), "–")
    ]
    for name, values in measured["removed"].items():
        gone = {level: np.array(each) for level, each in values.items()}
        by_level = {level: gone[level] - there[level] for level in EPSILONS}
        of_placebo = ((gone[placebo] - gone[real]) + (there[placebo] - there[real])) / 2
        effect = (by_level[real] + by_level[placebo]) / 2
        both = by_level[placebo] - by_level[real]
        rows.append((name, *(show(gone[level]) for level in EPSILONS), *map(show, (effect, of_placebo, both))))
    for name, values in measured.get("exact", {}).items():
        rows.append((name, show(np.array(values)), "–", "–", "–", "–"))
    header = (
        f"{measured['what']}; removed:",
        *EPSILONS,
        "effect of removing",
        "effect of the placebo",
        "interaction",
    )
    return Table(header, tuple(rows))


def choose(options: argparse.Namespace) -> dict[str, Question]:
    """The questions that were asked for.

    Raises:
        UserError: there is none of that name, or there are too few seeds.
    """
    if options.seeds < FEWEST:
        raise UserError(f"--seeds {options.seeds} gives no intervals; name {FEWEST} or more.")
    questions = make_questions(options.seeds)
    names = options.only.split(",") if options.only else list(questions)
    if unknown := [name for name in names if name not in questions]:
        raise UserError(f"--only {unknown[0]} is no question; choose of {', '.join(questions)}.")
    return {name: questions[name] for name in names}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names of questions, with commas")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--results", type=Path, default=Path("results/causes"), help="folder of the runs")
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"))
    parser.add_argument("--out", type=Path, default=Path("results/tables/causes"), help="folder of the numbers")
    parser.add_argument("--processes", type=int)
    parser.add_argument("--plan", action="store_true", help="say what would be run and how long it should take")
    parser.add_argument("--kept", action="store_true", help="measure nothing: tables from --out")
    parser.add_argument("--tiny", action="store_true", help="seconds, to see that it works: no measurement")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        chosen = choose(options)
        if options.plan:
            for question in chosen.values():
                for run in list_runs(question):
                    make_study(question, run, options).show_plan(ProgressConsole())
            return
        is_there = (options.out / MEASURED).is_file()
        measured = read_measured(options.out) if options.kept or is_there else {}
        if not options.kept:
            for name, question in chosen.items():
                measured[name] = measure_question(question, options)
                if name == "solvers":
                    sizes = (200, 100) if options.tiny else (ATOMS, 5_000)
                    measured[name]["exact"] = {
                        "all error (the exact network)": measure_exact(options.seeds, *sizes)
                    }
                write_measured(options.out, measured)
        write_tables(
            options.out, [describe(measured[name]) for name in make_questions(options.seeds) if name in measured]
        )
    except UserError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
