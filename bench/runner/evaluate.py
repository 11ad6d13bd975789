"""Evaluation of the last checkpoint: all episodes of all seeds step together, one call draws all their actions.

Resets are seeded by (task, training seed, episode), so every method meets the same starting states.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import torch

from methods.core.method import Policy
from suites.task import ControlTask, DensityTask
from suites.toy.densities import sample_target
from suites.toy.distance import noise_floor, sliced_wasserstein
from training.component import Progress
from training.seeds import SeedStreams, stream_number

REPORT = "evaluation"
TUNING = "tuning"
ROWS_AT_ONCE = 500
PICTURE_SAMPLES = 2000


@dataclass(frozen=True)
class Episode:
    """One finished evaluation episode.

    Attributes:
        seed: of its reset.
        episode_return: undiscounted sum of rewards.
        length: steps.
        normalized: D4RL's normalised score of the return.
    """

    seed: int
    episode_return: float
    length: int
    normalized: float


def reset_seed(task: str, seed: int, episode: int, purpose: str) -> int:
    """The reset seed of an episode: reported and tuning episodes never share one by construction."""
    return stream_number(seed, f"{purpose}/{task}/{episode}") % 2**31


@torch.no_grad()
def rollouts(
    policy: Policy,
    task: ControlTask,
    seeds: Sequence[int],
    episodes: range,
    device: torch.device,
    progress: Progress,
    purpose: str = REPORT,
) -> list[list[Episode]]:
    """Run the episodes of every seed to their end.

    Args:
        policy: for exactly these seeds, in this order.
        task: with its simulator and horizon.
        seeds: training seeds.
        episodes: numbers of the episodes, the same for every seed.
        device: of the policy.
        progress: called with (steps, horizon).
        purpose: `evaluation` or `tuning`; the two draw disjoint resets.

    Returns:
        Per seed, its episodes in order.
    """
    resets = [[reset_seed(task.name, seed, number, purpose) for number in episodes] for seed in seeds]
    environments = [task.make_environment() for _ in range(len(seeds) * len(episodes))]
    try:
        return _step_together(policy, task, seeds, resets, environments, device, progress, purpose)
    finally:
        for environment in environments:
            environment.close()


def _step_together(
    policy: Policy,
    task: ControlTask,
    seeds: Sequence[int],
    resets: list[list[int]],
    environments: list[gym.Env],
    device: torch.device,
    progress: Progress,
    purpose: str,
) -> list[list[Episode]]:
    streams = SeedStreams(seeds, f"{purpose}/actions", device)
    flat_resets = [number for row in resets for number in row]
    observations = np.stack(
        [e.reset(seed=n)[0] for e, n in zip(environments, flat_resets, strict=True)], dtype=np.float32
    )
    returns = np.zeros(len(environments))
    lengths = np.zeros(len(environments), dtype=int)
    alive = np.ones(len(environments), dtype=bool)
    for step in range(task.horizon):
        # Finished episodes keep their row: a seed's random numbers must not depend on another one's episodes.
        batch = torch.from_numpy(observations).to(device).unflatten(0, (len(seeds), -1))
        actions = policy.act(batch, streams).flatten(0, 1).cpu().numpy()
        for index in np.flatnonzero(alive):
            observation, reward, terminated, truncated, _ = environments[index].step(actions[index])
            observations[index] = observation
            returns[index] += float(reward)
            lengths[index] += 1
            alive[index] = not (terminated or truncated)
        progress(step + 1, task.horizon)
        if not alive.any():
            break
    finished = [
        Episode(number, float(total), int(length), task.normalized_score(float(total)))
        for number, total, length in zip(flat_resets, returns, lengths, strict=True)
    ]
    count = len(resets[0])
    return [finished[row * count : (row + 1) * count] for row in range(len(seeds))]


@dataclass(frozen=True)
class DensityScore:
    """How far a policy's samples lie from the exact target at one β.

    Attributes:
        inverse_temperature: β.
        distance: sliced Wasserstein distance to exact target samples of the same number.
        floor: the distance between two independent exact samples of that number; NaN while tuning.
        samples: that number.
        ours, truth: up to 2000 points each, (point, 2), for the pictures.
    """

    inverse_temperature: float
    distance: float
    floor: float
    samples: int
    ours: np.ndarray
    truth: np.ndarray


@torch.no_grad()
def densities(
    policy: Policy,
    task: DensityTask,
    seeds: Sequence[int],
    samples: int,
    betas: Sequence[float],
    device: torch.device,
    progress: Progress,
    purpose: str = REPORT,
) -> list[list[DensityScore]]:
    """Draw `samples` points at every β and compare them with the exact target, per seed."""
    streams = SeedStreams(seeds, f"{purpose}/actions", device)
    scores: list[list[DensityScore]] = [[] for _ in seeds]
    for number, beta in enumerate(betas):
        points = _draw(policy, beta, samples, streams)
        for row, seed in enumerate(seeds):
            ours = points[row].double().cpu().numpy()
            generator = np.random.default_rng(stream_number(seed, f"{purpose}/{task.name}/{beta:g}"))
            truth = sample_target(task.density, beta, samples, generator)
            distance = sliced_wasserstein(ours, truth)
            # The floor takes ten target samples more; tuning compares scales with each other and needs none.
            floor = noise_floor(task.density, beta, samples, generator) if purpose == REPORT else math.nan
            kept = slice(PICTURE_SAMPLES)
            scores[row].append(DensityScore(beta, distance, floor, samples, ours[kept], truth[kept]))
        progress(number + 1, len(betas))
    return scores


def _draw(policy: Policy, beta: float, samples: int, streams: SeedStreams) -> torch.Tensor:
    """(seed, samples, 2) points, drawn in slices that bound the memory."""
    drawn: list[torch.Tensor] = []
    for start in range(0, samples, ROWS_AT_ONCE):
        rows = min(ROWS_AT_ONCE, samples - start)
        observations = torch.full((len(streams), rows, 1), beta, device=streams.device)
        drawn.append(policy.act(observations, streams))
    return torch.cat(drawn, 1)
