"""Whether SWG of this project and of its authors' code make policies of one law: many seeds of each, compared.

    .venv/bin/python studies/same_law.py --checkouts FOLDER --plan     how long it should take
    .venv/bin/python studies/same_law.py --checkouts FOLDER            10 seeds of each; goes on where it stopped
    .venv/bin/python studies/same_law.py --exports FOLDER              the authors' networks are in FOLDER/seed-N
    .venv/bin/python studies/same_law.py --kept                        the tables again, from what was measured

Both learn from the same transitions with the same numbers of steps. The authors' SWG-JAX, from FOLDER/SWG-JAX,
trains in this process (`authors.py`; it needs jax, flax and optax); its networks are imported by
`import-checkpoint` and act by the sampler here, which `same_network.py` holds against theirs. Compared are, of
policies at temperature 0, where the noise is the same for all of them:

1. the mean distance of their actions at states of the data, of pairs of one implementation and of the other;
2. the cosine of the moves that guidance makes, the action at ρ minus that at 0;
3. the returns of all seeds.

Intervals and p values are those of `two_samples.py`, over seeds and not over pairs.
"""

import argparse
import importlib.util
import itertools
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from arms import read_measured, write_measured, write_tables
from two_samples import FEWEST, compare_means, compare_pairs, find_pair_p

import bench
from bench.config.comparison import Comparison, find_jobs
from bench.progress import format_duration
from bench.runner.data import load_data
from bench.runner.policy import LoadedPolicy, load
from bench.storage.components import ComponentStore
from foundation.errors import UserError
from methods.diffusion.networks.flax_paths import name_denoiser
from reports.analysis.intervals import Estimate
from reports.analysis.pairs import adjust_by_holm
from reports.load.files import read_result
from reports.load.schema import Result
from reports.render.document import Table
from reports.render.numbers import format_difference, format_estimate, format_p
from training.flax_tree import write_tree

TASK, SUITE, METHOD, IMPORT = "hopper-medium-expert-v2", "locomotion", "swg", "authors"
RHO = (0.0, 1.0, 5.0, 10.0, 15.0, 20.0, 30.0)
SCORED = (1.0, 10.0, 15.0)
STATES = 1_000
STILL = 1e-6  # a move that is shorter has no direction
SMALL: Mapping[str, Any] = {
    "critic.width": 8, "denoiser.width": 8, "denoiser.frequencies": 4, "denoiser.level_features": 8,
}  # fmt: skip
STAND_INS = 1_000
"""With --tiny the authors' seed N is ours of seed 1,000 + N."""


def make_settings(options: argparse.Namespace) -> dict[str, Any]:
    """By dotted name, what both implementations have."""
    return {
        "data.transitions": options.transitions,
        "critic.steps": options.critic_steps,
        "critic.batch_size": options.batch,
        "denoiser.steps": options.denoiser_steps,
        "denoiser.batch_size": options.batch,
        **(SMALL if options.tiny else {}),
    }


def nest(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted name as `bench.run` takes them, the data set's as `data_set`."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        group, _, rest = name.partition(".")
        found.setdefault("data_set" if group == "data" else group, {})[rest] = value
    return found


def make_arguments(options: argparse.Namespace, imported: str | None, seeds: Sequence[int]) -> dict[str, Any]:
    """Of `bench.run` and `bench.plan` for one implementation."""
    settings = make_settings(options) | {"evaluation.episodes": options.episodes, "denoiser.imported": imported}
    return {
        "suite": SUITE, "tasks": [TASK], "methods": [METHOD], "preset": "official", "terms": "as-published",
        "data": "local", "device": "cpu", "seeds": list(seeds), "rho": SCORED, "results": options.results,
        "artifacts": options.artifacts, "processes": options.processes, **nest(settings),
    }  # fmt: skip


def read_data(options: argparse.Namespace) -> dict[str, np.ndarray]:
    """The transitions, as the authors' code takes them; they are made first where they are not there."""
    settings = make_settings(options)
    compared = Comparison(
        suite=SUITE, tasks=(TASK,), methods=(METHOD,), preset="official", terms="as-published", settings=settings
    )
    (job,) = find_jobs(compared)
    data = load_data(job.task, job.config, "local", options.artifacts, 0).data
    names = ("observations", "actions", "rewards", "next_observations", "terminals")
    return {name: getattr(data, name).numpy() for name in names}


def show_plan(options: argparse.Namespace) -> None:
    """Print what is left and how long it should take; the authors' steps are measured where their code is."""
    print("Ours:", flush=True)
    bench.plan(**make_arguments(options, None, range(options.seeds)))
    left = [seed for seed in range(options.seeds) if not find_export(options, seed).exists()]
    print(f"The authors': {len(left)} of {options.seeds} seeds to train")
    if left and can_train(options):
        from authors import measure_steps

        critic, denoiser = measure_steps(options.checkouts / "SWG-JAX", read_data(options), options.batch)
        seconds = critic * options.critic_steps + denoiser * options.denoiser_steps
        print(
            f"  a critic step takes {1e3 * critic:.2f} ms and a denoiser step {1e3 * denoiser:.2f} ms: "
            f"{format_duration(seconds)} a seed, {format_duration(seconds * len(left))} for all in turn"
        )
    print("  then they are evaluated, which takes as long as the evaluation of ours")


def can_train(options: argparse.Namespace) -> bool:
    """Whether the authors' code and its packages are here."""
    is_there = options.checkouts is not None and (options.checkouts / "SWG-JAX").is_dir()
    return is_there and all(importlib.util.find_spec(name) for name in ("jax", "flax", "optax"))


def find_export(options: argparse.Namespace, seed: int) -> Path:
    """The file of a seed's denoiser, written last."""
    return options.exports / f"seed-{seed}" / "denoiser.npz"


def train_theirs(options: argparse.Namespace) -> list[float]:
    """Train the authors' seeds that are not there; returns the seconds of each that it trained.

    Raises:
        UserError: there is one to train, and no checkout or package to train it with.
    """
    left = [seed for seed in range(options.seeds) if not find_export(options, seed).exists()]
    if left and options.tiny:
        export_stand_ins(options, left)
        return []
    if left and not can_train(options):
        raise UserError(
            f"there is no {str(find_export(options, left[0]))!r}: name the folder with a clone of SWG-JAX with "
            "--checkouts, in a Python that has jax, flax and optax too, or networks that are there with --exports."
        )
    taken, data = [], read_data(options) if left else {}
    for seed in left:
        from authors import train_agent

        began = time.monotonic()
        steps = (options.critic_steps, options.denoiser_steps)
        print(f"SWG-JAX, seed {seed}", flush=True)
        folder = find_export(options, seed).parent
        train_agent(options.checkouts / "SWG-JAX", data, seed, steps, options.batch, folder)
        taken.append(time.monotonic() - began)
    return taken


def export_stand_ins(options: argparse.Namespace, seeds: Sequence[int]) -> None:
    """Networks of ours, of other seeds, in the layout of the authors' files."""
    for result in run(options, None, [STAND_INS + seed for seed in seeds]):
        weights = ComponentStore(options.artifacts).file(result.components["denoiser"], result.seed)
        file = find_export(options, result.seed - STAND_INS)
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, allow_pickle=False, **write_tree(load_file(weights), name_denoiser(3, has_weight=True)))


def import_theirs(options: argparse.Namespace) -> None:
    """Put the authors' networks into the artifacts."""
    settings = nest(make_settings(options))
    for seed in range(options.seeds):
        bench.import_checkpoint(
            "swg-jax", name=IMPORT, suite=SUITE, tasks=[TASK], data="local", seed=seed,
            denoiser_file=find_export(options, seed), artifacts=options.artifacts, **settings,
        )  # fmt: skip


def run(options: argparse.Namespace, imported: str | None, seeds: Sequence[int]) -> list[Result]:
    """Train what is missing and evaluate; the results of all seeds at all scales.

    Raises:
        UserError: one failed.
    """
    frame = bench.run(**make_arguments(options, imported, seeds))
    found = []
    for path in frame["path"]:
        result = read_result(options.results / path)
        if not isinstance(result, Result):
            raise UserError(f"{METHOD} failed with seed {result.seed}, see {str(result.path)!r}.")
        found.append(result)
    return found


def act(policies: Sequence[LoadedPolicy], rho: float, states: np.ndarray) -> np.ndarray:
    """Actions of every policy at a scale, (policy, state, action)."""
    found = []
    for each in policies:
        each.evaluation = replace(each.evaluation, rho=rho)
        found.append(each.act(states))
    return np.stack(found)


def measure_distances(actions: np.ndarray) -> np.ndarray:
    """Mean Euclidean distance of every two policies' actions, (policy, policy)."""
    size = len(actions)
    found = np.zeros((size, size))
    for i, j in itertools.combinations(range(size), 2):
        found[i, j] = found[j, i] = np.linalg.norm(actions[i] - actions[j], axis=-1).mean()
    return found


def measure_cosines(moves: np.ndarray) -> np.ndarray:
    """Mean cosine of every two policies' moves over the states at which both move, (policy, policy)."""
    size, lengths = len(moves), np.linalg.norm(moves, axis=-1)
    found = np.ones((size, size))
    for i, j in itertools.combinations(range(size), 2):
        both = (lengths[i] > STILL) & (lengths[j] > STILL)
        dots = (moves[i] * moves[j]).sum(-1)[both] / (lengths[i] * lengths[j])[both]
        found[i, j] = found[j, i] = dots.mean() if both.any() else np.nan
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Train, import and evaluate what is missing, then compare."""
    seconds = train_theirs(options)
    import_theirs(options)
    seeds = range(options.seeds)
    results = {"ours": run(options, None, seeds), "theirs": run(options, IMPORT, seeds)}
    observations = read_data(options)["observations"]
    states = observations[:: max(1, len(observations) // options.states)][: options.states]
    policies = [
        load(result, options.artifacts, torch.device("cpu"), "same-law")
        for arm in results.values()
        for result in arm
        if result.rho == SCORED[0]
    ]
    actions = {rho: act(policies, rho, states) for rho in RHO}
    moves = {rho: actions[rho] - actions[0.0] for rho in RHO if rho > 0}
    return {
        "is_tiny": options.tiny,
        "seeds": options.seeds,
        "settings": make_settings(options),
        "episodes": options.episodes,
        "states": len(states),
        "seconds": {"ours": time_ours(results["ours"], options.artifacts), "theirs": seconds},
        "distances": {f"{rho:g}": measure_distances(each).tolist() for rho, each in actions.items()},
        "cosines": {f"{rho:g}": measure_cosines(each).tolist() for rho, each in moves.items()},
        "lengths": {f"{rho:g}": np.linalg.norm(each, axis=-1).mean(1).tolist() for rho, each in moves.items()},
        "returns": {
            f"{rho:g}": {
                arm: [each.score for each in own if each.rho == rho] for arm, own in results.items()
            }
            for rho in SCORED
        },
    }  # fmt: skip


def time_ours(results: Sequence[Result], artifacts: Path) -> list[float]:
    """Seconds that each of our seeds took to train, its share of the loop of all."""
    store, found = ComponentStore(artifacts), []
    for result in results:
        label = result.components["denoiser"]
        labels = [label, *store.upstream(label)]
        if result.rho == SCORED[0]:
            found.append(sum(store.about(each, result.seed)["seconds_per_seed"] for each in labels))
    return found


def make_tables(measured: Mapping[str, Any]) -> list[Table]:
    """Distances, cosines and returns, a row for each ρ."""
    size = measured["seeds"]
    header = ("ρ", "ours and theirs", "two of ours", "two of theirs", "beyond", "p")
    distances = [tabulate_pairs(rho, np.array(pairs), size) for rho, pairs in measured["distances"].items()]
    cosines = []
    for rho, pairs in measured["cosines"].items():
        row = tabulate_pairs(rho, 1 - np.array(pairs), size, one_minus=True)
        lengths = np.array(measured["lengths"][rho])
        cosines.append((*row, f"{lengths[:size].mean():.3f}", f"{lengths[size:].mean():.3f}"))
    of_moves = (*header[:4], "short of", "p", "length, ours", "length, theirs")
    return [
        Table(header, tuple(distances)),
        Table(of_moves, tuple(cosines)),
        tabulate_returns(measured["returns"]),
    ]


def tabulate_pairs(rho: str, pairs: np.ndarray, size: int, one_minus: bool = False) -> tuple[str, ...]:
    """A row: the three means and Δ with intervals, and the p of its permutation test.

    Args:
        rho: the scale.
        pairs: distances, or 1 - cosine, whose means are shown as cosines.
        size: seeds of ours.
        one_minus: whether it is the latter.
    """
    if not np.isfinite(pairs).all():
        return (rho, *["–"] * 5)  # some policy does not move
    found = compare_pairs(pairs, size)
    shown = []
    for name in ("between", "first", "second"):
        each = complement(found[name]) if one_minus else found[name]
        shown.append(format_estimate(each, 3))
    return (rho, *shown, format_difference(found["difference"], 3), format_p(find_pair_p(pairs, size)))


def complement(found: Estimate) -> Estimate:
    """The estimate of 1 - x from that of x."""
    lower, upper = (None if end is None else 1 - end for end in (found.upper, found.lower))
    return Estimate(1 - found.value, lower, upper)


def tabulate_returns(returns: Mapping[str, Mapping[str, Sequence[float]]]) -> Table:
    """A row for each scale: both means ± standard deviations, the difference, p, and p by Holm over the rows."""
    compared = {
        rho: compare_means(*(np.array(own[arm]) for arm in ("ours", "theirs"))) for rho, own in returns.items()
    }
    adjusted = adjust_by_holm(np.array([p for _, p in compared.values()]))
    rows = []
    for (rho, own), holm in zip(returns.items(), adjusted, strict=True):
        difference, p = compared[rho]
        means = (f"{np.mean(own[arm]):.1f} ± {np.std(own[arm], ddof=1):.1f}" for arm in ("ours", "theirs"))
        rows.append((rho, *means, format_difference(difference, 1), format_p(p), format_p(float(holm))))
    return Table(("ρ", "ours", "theirs", "difference", "p", "p, Holm"), tuple(rows))


def make_parser() -> argparse.ArgumentParser:
    """The options; the budget is that of the calibration."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkouts", type=Path, help="the folder with a clone of SWG-JAX")
    parser.add_argument(
        "--exports", type=Path, default=Path("build/same-law"), help="seed-N/denoiser.npz of theirs"
    )
    parser.add_argument("--seeds", type=int, default=10, help="of each implementation")
    parser.add_argument("--transitions", type=int, default=200_000)
    parser.add_argument("--critic-steps", type=int, default=60_000)
    parser.add_argument("--denoiser-steps", type=int, default=25_000)
    parser.add_argument("--batch", type=int, default=256, help="of both")
    parser.add_argument("--episodes", type=int, default=20, help="of each seed and ρ")
    parser.add_argument("--states", type=int, default=STATES, help="of the data, at which actions are compared")
    parser.add_argument("--results", type=Path, default=Path("results/same-law"), help="folder of the runs")
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"))
    parser.add_argument("--out", type=Path, default=Path("results/tables/same-law"), help="folder of the numbers")
    parser.add_argument("--processes", type=int)
    parser.add_argument("--plan", action="store_true", help="say what is left and how long it should take")
    parser.add_argument("--kept", action="store_true", help="measure nothing: tables from --out")
    parser.add_argument("--tiny", action="store_true", help="seconds, ours in both places: no measurement")
    return parser


def make_tiny(options: argparse.Namespace) -> None:
    """Sizes with which the study takes seconds."""
    options.transitions, options.critic_steps, options.denoiser_steps, options.batch = 1_000, 20, 20, 32
    options.seeds, options.episodes, options.states = FEWEST, 1, 20


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the tables."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.tiny:
        make_tiny(options)
    try:
        if options.seeds < FEWEST:
            raise UserError(f"--seeds {options.seeds} gives no intervals; name {FEWEST} or more.")
        if options.plan:
            show_plan(options)
            return
        if not options.kept:
            write_measured(options.out, measure(options))
        write_tables(options.out, make_tables(read_measured(options.out)))
    except UserError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
