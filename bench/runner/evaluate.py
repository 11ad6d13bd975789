"""Evaluation of the last checkpoint: all episodes of all seeds step together, one call draws all their actions.

Resets are seeded by (task, training seed, episode), so every method meets the same starting states.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import gymnasium as gym
import numpy as np
import torch

from foundation.errors import UserError
from methods.core.policy import Policy
from methods.diffusion.noise import StreamNoise
from reports.load.schema import Density, Episode
from suites.success import take_step
from suites.task import ControlTask, DensityTask, Task
from suites.toy.densities import sample_target
from suites.toy.distance import noise_floor, sliced_wasserstein
from training import Progress, SeedStreams
from training.seeds import stream_number

REPORT = "evaluation"
TUNING = "tuning"
ROWS_AT_ONCE = 500
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
        densities, points: of a density, where it is to be reported; none while tuning.
    """

    scores: tuple[float, ...]
    episodes: tuple[Episode, ...] = ()
    densities: tuple[Density, ...] = ()
    points: tuple[Points, ...] = ()

    @property
    def metric(self) -> Literal["normalized_score", "sliced_wasserstein"]:
        """`normalized_score` (higher is better) or `sliced_wasserstein` (lower is better)."""
        return "normalized_score" if self.episodes else "sliced_wasserstein"

    @property
    def score(self) -> float:
        return float(np.mean(self.scores))


@dataclass(frozen=True)
class Evaluation:
    """What is evaluated of a policy.

    Attributes:
        seeds: training seeds, exactly those that the policy is for, in its order.
        rho: guidance scale of every row; 0 for a method without one.
        episodes: numbers of the episodes, the same for every seed; on a density, as many samples at each β.
        betas: inverse temperatures of a density.
        device: of the policy.
        purpose: `evaluation` or `tuning`; the two draw disjoint resets and noise.
    """

    seeds: Sequence[int]
    rho: float
    episodes: range
    betas: Sequence[float]
    device: torch.device
    purpose: str = REPORT

    def streams(self) -> SeedStreams:
        return SeedStreams(self.seeds, f"{self.purpose}/actions", self.device)

    def scales(self, rows: int) -> torch.Tensor:
        """ρ of every row, (seed, rows)."""
        return torch.full((len(self.seeds), rows), float(self.rho), device=self.device)


@torch.no_grad()
def evaluate(policy: Policy, task: Task, evaluation: Evaluation, progress: Progress) -> list[Outcome]:
    """Evaluate a policy on a task, one outcome per seed.

    Args:
        policy: for exactly the seeds of the evaluation.
        task: with a simulator, or a density.
        evaluation: seeds, scale, episodes, purpose.
        progress: called with (steps, horizon), or (β done, β).

    Raises:
        UserError: a task of neither kind.
    """
    match task:
        case ControlTask():
            return _evaluate_control(policy, task, evaluation, progress)
        case DensityTask():
            return _evaluate_density(policy, task, evaluation, progress)
    raise UserError(f"task {task.name!r} has no way to be evaluated; it is neither control nor density.")


def reset_seed(task: str, seed: int, episode: int, purpose: str) -> int:
    """The reset seed of an episode: reported and tuning episodes never share one by construction."""
    return stream_number(seed, f"{purpose}/{task}/{episode}") % 2**31


def _evaluate_control(
    policy: Policy, task: ControlTask, evaluation: Evaluation, progress: Progress
) -> list[Outcome]:
    resets = [
        reset_seed(task.name, seed, number, evaluation.purpose)
        for seed in evaluation.seeds
        for number in evaluation.episodes
    ]
    environments: list[gym.Env] = [task.make_environment() for _ in resets]
    try:
        episodes = _step_together(policy, task, evaluation, resets, environments, progress)
    finally:
        for environment in environments:
            environment.close()
    count = len(evaluation.episodes)
    by_seed = [episodes[row * count : (row + 1) * count] for row in range(len(evaluation.seeds))]
    return [Outcome(tuple(episode.normalized for episode in row), episodes=row) for row in by_seed]


def _step_together(
    policy: Policy,
    task: ControlTask,
    evaluation: Evaluation,
    resets: Sequence[int],
    environments: list[gym.Env],
    progress: Progress,
) -> tuple[Episode, ...]:
    """The episodes of all seeds, those of a seed one after the other."""
    noise = StreamNoise(evaluation.streams(), len(evaluation.episodes))
    rho = evaluation.scales(len(evaluation.episodes))
    observations = np.stack(
        [e.reset(seed=n)[0] for e, n in zip(environments, resets, strict=True)], dtype=np.float32
    )
    returns = np.zeros(len(environments))
    lengths = np.zeros(len(environments), dtype=int)
    alive = np.ones(len(environments), dtype=bool)
    held: list[list[bool]] = [[] for _ in environments]
    for step in range(task.horizon):
        # Finished episodes keep their row: a seed's random numbers must not depend on another one's episodes.
        batch = torch.from_numpy(observations).to(evaluation.device).unflatten(0, rho.shape)
        actions = policy.act(batch, rho, noise).flatten(0, 1).cpu().numpy()
        for index in np.flatnonzero(alive).tolist():
            found = take_step(environments[index], actions[index])
            observations[index] = found.observation
            returns[index] += found.reward
            lengths[index] += 1
            alive[index] = not (found.terminated or found.truncated)
            if task.success is not None:
                held[index].append(bool(task.success.holds(found)))
        progress(step + 1, task.horizon)
        if not alive.any():
            break
    return tuple(
        Episode(
            episode_return=total,
            length=length,
            seed=seed,
            normalized=task.normalized_score(total),
            success=task.success.judge(steps) if task.success is not None else None,
        )
        for seed, total, length, steps in zip(resets, returns.tolist(), lengths.tolist(), held, strict=True)
    )


def _evaluate_density(
    policy: Policy, task: DensityTask, evaluation: Evaluation, progress: Progress
) -> list[Outcome]:
    """Draw points at every β and compare them with the exact target, per seed."""
    streams, samples, purpose = evaluation.streams(), len(evaluation.episodes), evaluation.purpose
    outcomes = [Outcome(()) for _ in evaluation.seeds]
    for number, beta in enumerate(evaluation.betas):
        points = _draw_points(policy, beta, evaluation, streams)
        for row, seed in enumerate(evaluation.seeds):
            ours = points[row].double().cpu().numpy()
            generator = np.random.default_rng(stream_number(seed, f"{purpose}/{task.name}/{beta:g}"))
            truth = sample_target(task.density, beta, samples, generator)
            distance = sliced_wasserstein(ours, truth)
            before = outcomes[row]
            outcomes[row] = replace(before, scores=(*before.scores, distance))
            if purpose == REPORT:  # a floor takes ten target samples more, and tuning needs none
                floor = noise_floor(task.density, beta, samples, generator)
                density = Density(inverse_temperature=beta, distance=distance, floor=floor, samples=samples)
                shown = Points(beta, ours[:PICTURE_SAMPLES], truth[:PICTURE_SAMPLES])
                outcomes[row] = replace(
                    outcomes[row], densities=(*before.densities, density), points=(*before.points, shown)
                )
        progress(number + 1, len(evaluation.betas))
    return outcomes


def _draw_points(policy: Policy, beta: float, evaluation: Evaluation, streams: SeedStreams) -> torch.Tensor:
    """(seed, samples, 2) points, drawn in slices that bound the memory."""
    drawn: list[torch.Tensor] = []
    samples = len(evaluation.episodes)
    for start in range(0, samples, ROWS_AT_ONCE):
        rows = min(ROWS_AT_ONCE, samples - start)
        observations = torch.full((len(streams), rows, 1), beta, device=streams.device)
        drawn.append(policy.act(observations, evaluation.scales(rows), StreamNoise(streams, rows)))
    return torch.cat(drawn, 1)
