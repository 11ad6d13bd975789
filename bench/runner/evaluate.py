"""Evaluation of the last checkpoint, one training seed at a time, in blocks of one shape.

Resets are seeded by (task, training seed, episode) and noise by those and the step, so every method meets the same
starting states with the same noise, and an episode is the same whatever else is evaluated.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch

from bench.runner.blocks import REPORT, Evaluation, act_in_block, count_rows, has_like_rows, suggest_remedy
from bench.runner.counting import subtract_counts
from bench.runner.rollout import Played, roll_out
from bench.runner.unfinished import Unfinished
from foundation.errors import UserError
from methods.core.policy import Policy, SlotPolicy
from reports.load.schema import Density, Episode, Failure
from reports.load.unfinished_schema import Trajectory
from suites.task import ControlTask, DensityTask, Task
from suites.toy.densities import sample_target
from suites.toy.measures import Measures, measure, measure_distance
from suites.toy.references import Reference
from training import Progress
from training.seeds import stream_number

PICTURE_SAMPLES = 2000


@dataclass(frozen=True)
class Points:
    """A policy's samples and the exact target's at one β, up to 2000 of each, for the pictures.

    Attributes:
        inverse_temperature: β.
        ours, truth: (point, 2).
    """

    inverse_temperature: float
    ours: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """What an evaluation gave for one seed.

    Attributes:
        scores: one number for each episode, normalised, or for each inverse temperature, a distance.
        episodes: of a simulator.
        densities: of a density, where there are references to hold it against.
        points: of a density, where it is to be reported; none while tuning.
        trajectories: of episodes in a maze, where they are kept, by the episode's number.
        counts: interventions, and the evaluations of networks and actions that these episodes or samples took.
        failure: why there is no score; the scores are NaN then.
    """

    scores: tuple[float, ...]
    episodes: tuple[Episode, ...] = ()
    densities: tuple[Density, ...] = ()
    points: tuple[Points, ...] = ()
    trajectories: Mapping[int, Trajectory] = field(default_factory=dict)
    counts: Mapping[str, Any] = field(default_factory=dict)
    failure: Failure | None = None

    @property
    def actions(self) -> int:
        """How many actions were taken, or samples drawn."""
        return self.counts.get("evaluations", {}).get("actions", 0)

    @property
    def metric(self) -> Literal["normalized_score", "sliced_wasserstein"]:
        """`normalized_score` (higher is better) or `sliced_wasserstein` (lower is better)."""
        return "normalized_score" if self.episodes else "sliced_wasserstein"

    @property
    def score(self) -> float:
        return float(np.mean(self.scores))


def group_scales(policy: Policy, task: Task, scales: Sequence[float]) -> list[list[int]]:
    """The places of the scales that may be evaluated together, in one block of rows.

    On a simulator those above 0 of a policy of slots, whose counts can be told apart; each other one alone, and
    one that is another's in single precision.
    """
    together: dict[np.float32, int] = {}
    if isinstance(policy, SlotPolicy) and isinstance(task, ControlTask):
        for place, rho in enumerate(scales):
            if np.float32(rho) > 0:
                together.setdefault(np.float32(rho), place)
    alone = [[place] for place in range(len(scales)) if place not in together.values()]
    return [*([list(together.values())] if together else []), *alone]


def split_evaluations(policy: Policy, task: Task, evaluations: Sequence[Evaluation]) -> list[list[int]]:
    """The places of the evaluations that are made together; `policy` is of no use afterwards.

    Args:
        policy: of the evaluations' seed.
        task: where.
        evaluations: equal in all but scale and episodes.
    """
    found: list[list[int]] = []
    for group in group_scales(policy, task, [evaluation.rho for evaluation in evaluations]):
        is_split = len(group) > 1 and not has_like_rows(policy, task, evaluations[group[0]])
        found += [[place] for place in group] if is_split else [group]
    return found


@torch.no_grad()
def evaluate(
    policy: Policy, task: Task, evaluations: Sequence[Evaluation], progress: Progress
) -> tuple[Outcome, ...]:
    """Evaluate a new policy of one seed on a task.

    Args:
        policy: of the evaluations' seed, which has not acted before.
        task: with a simulator, or a density.
        evaluations: of one group by `split_evaluations`; what is done of them is not done again.
        progress: called with (done, total): steps, or β.

    Returns:
        The outcome of each evaluation.

    Raises:
        UserError: a task of neither kind.
    """
    done = [each.done if each.done is not None else Unfinished() for each in evaluations]
    for each in done:
        each.share = 1 / len(done)
    match task:
        case ControlTask():
            played = roll_out(policy, task, evaluations, progress, done)
            outcomes = [describe_played(each, e.episodes) for each, e in zip(played, evaluations, strict=True)]
        case DensityTask():
            both = zip(evaluations, done, strict=True)
            outcomes = [_evaluate_density(policy, task, evaluation, each, progress) for evaluation, each in both]
        case _:
            raise UserError(f"task {task.name!r} has no way to be evaluated; it is neither control nor density.")
    return tuple(replace(outcome, counts=each.counts) for outcome, each in zip(outcomes, done, strict=True))


def describe_played(played: Played, episodes: Sequence[int]) -> Outcome:
    """The outcome of an evaluation in a simulator.

    Args:
        played: what was rolled out.
        episodes: the numbers that were asked for.
    """
    if played.failure is not None:
        return Outcome((math.nan,) * len(episodes), failure=played.failure)
    found = tuple(played.episodes[number] for number in episodes)
    return Outcome(tuple(episode.normalized for episode in found), found, trajectories=played.trajectories)


def _evaluate_density(
    policy: Policy, task: DensityTask, evaluation: Evaluation, done: Unfinished, progress: Progress
) -> Outcome:
    """Draw points at every β and compare them with the exact target."""
    samples, purpose = len(evaluation.episodes), evaluation.purpose
    outcome = Outcome(())
    for number, beta in enumerate(evaluation.betas):
        ours = _draw_points(policy, task, evaluation, number, done).double().cpu().numpy()
        bad = samples - int(np.isfinite(ours).all(1).sum())
        if bad:
            return Outcome(
                (math.nan,) * len(evaluation.betas),
                failure=describe_bad_samples(beta, bad, samples, evaluation.rho),
            )
        generator = np.random.default_rng(stream_number(evaluation.seed, f"{purpose}/{task.name}/{beta:g}"))
        truth = sample_target(task.density, beta, samples, generator)
        if beta in evaluation.references:
            reference = evaluation.references[beta]
            measures = measure(ours, truth, task.density, reference.law)
            distance = measures.distance
            density = describe_density(beta, samples, measures, reference)
            outcome = replace(outcome, densities=(*outcome.densities, density))
        else:
            distance = measure_distance(ours, truth)
        if purpose == REPORT:
            shown = Points(beta, ours[:PICTURE_SAMPLES], truth[:PICTURE_SAMPLES])
            outcome = replace(outcome, points=(*outcome.points, shown))
        outcome = replace(outcome, scores=(*outcome.scores, distance))
        progress(number + 1, len(evaluation.betas))
    return outcome


def describe_bad_samples(beta: float, bad: int, samples: int, rho: float) -> Failure:
    """Why samples at one β and that scale are not measured."""
    return Failure(
        step=f"evaluation at β = {beta:g}",
        reason=f"{bad:,} of {samples:,} samples are not finite; {suggest_remedy(rho)}",
    )


def describe_density(beta: float, samples: int, measures: Measures, reference: Reference) -> Density:
    """What a result says of samples at one β.

    Args:
        beta: the inverse temperature.
        samples: how many were measured.
        measures: of them.
        reference: what they are held against.
    """
    floor, effective = reference.floor, measures.effective
    return Density(
        inverse_temperature=beta,
        distance=measures.distance,
        floor=floor.distance,
        floor_log_spread=floor.log_spread,
        floor_pairs=floor.pairs,
        samples=samples,
        effective_beta=effective.value,
        effective_beta_low=effective.lower,
        effective_beta_high=effective.upper,
        effective_beta_least=effective.least,
        effective_beta_most=effective.most,
        divergence=measures.divergence,
        divergence_floor=floor.divergence,
        divergence_spread=floor.divergence_spread,
        classifier=measures.accuracy,
    )


def _draw_points(
    policy: Policy, task: DensityTask, evaluation: Evaluation, place: int, done: Unfinished
) -> torch.Tensor:
    """(samples, 2) points at the β in that place, whose number is the step of their noise."""
    rows, samples, drawn = count_rows(policy, task, evaluation.device), evaluation.episodes, []
    first, last = samples.start // rows * rows, samples.stop
    observations = torch.full((rows, 1), evaluation.betas[place], device=evaluation.device)
    for start in range(first, last, rows):
        name, before = f"{place}-{max(start, samples.start)}", policy.counts.of_seed(0)
        points = done.find_block(name, evaluation.device)
        if points is None:
            numbers = torch.arange(start, start + rows, device=evaluation.device)
            filled = (numbers >= samples.start) & (numbers < last)
            noise = evaluation.noise(task, range(start, start + rows), step=place)
            points = act_in_block(policy, observations, filled, evaluation.rho, noise)[filled]
            done.add_block(name, points, subtract_counts(policy.counts.of_seed(0), before))
        drawn.append(points)
    return torch.cat(drawn)
