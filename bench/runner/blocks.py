"""Evaluation computes a seed's episodes in blocks of one shape, so that an episode's digits depend on it alone.

A matrix product rounds otherwise with another number of rows or of seeds, and some in another row, by 1e-7 of the
result. So a call has one seed and always the same number of rows; an episode has its row by its number, and rows
without one are computed all the same. Where rows that lie a multiple of 4 apart are found to be alike, episodes at
several scales share a block, each in one of those rows. Random numbers are by (training seed, task, purpose,
episode, step), see `KeyedNoise`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from bench.runner.halving import SplitPolicy
from bench.runner.unfinished import Unfinished
from methods.core.policy import Policy, SlotPolicy
from methods.diffusion.keyed_noise import KeyedNoise
from methods.diffusion.noise import Noise
from suites.task import DensityTask, Task
from suites.toy.references import Reference
from training.seeds import stream_number

EVALUATION = 5
"""Version of how evaluation draws and computes, part of the key of every result."""
REPORT = "evaluation"
TUNING = "tuning"
FEW_CANDIDATES = 4
ROWS, ROWS_OF_MANY, ROWS_OF_POINTS = 52, 28, 1024
ALIKE = 4  # rows of which so many lie between are alike in matrix products, or scales are rolled out alone


@dataclass(frozen=True)
class Evaluation:
    """What is evaluated of a policy.

    Attributes:
        seed: the training seed that the policy is of.
        rho: guidance scale; 0 for a method without one.
        episodes: numbers of the episodes; on a density, of the samples at each β.
        betas: inverse temperatures of a density.
        device: of the policy.
        purpose: `evaluation` or `tuning`; the two draw disjoint resets and noise.
        references: what samples of a density are held against, by β; without one the distance alone is computed.
        done: what is done of it already, and where more is kept; None for what is made at once.
    """

    seed: int
    rho: float
    episodes: range
    betas: Sequence[float]
    device: torch.device
    purpose: str = REPORT
    references: Mapping[float, Reference] = field(default_factory=dict)
    done: Unfinished | None = field(default=None, compare=False, repr=False)

    def noise(self, task: Task, episodes: Sequence[int], step: int = 0) -> KeyedNoise:
        """The random numbers of rows at one step of these episodes."""
        return KeyedNoise(self.seed, name_noise(self.purpose, task), episodes, self.device, step)


def name_noise(purpose: str, task: Task) -> str:
    """The stream of a task's noise."""
    return f"{purpose}/{task.name}"


def reset_seed(task: str, seed: int, episode: int, purpose: str) -> int:
    """The reset seed of an episode: reported and tuning episodes never share one by construction."""
    return stream_number(seed, f"{purpose}/{task}/{episode}") % 2**31


def suggest_remedy(rho: float) -> str:
    """What to do where actions are not finite; without a guidance there is no ρ to lower."""
    return "lower ρ or the learning rates" if rho else "lower the learning rates"


def count_rows(policy: Policy, task: Task, device: torch.device) -> int:
    """Rows of a block, by what a row costs; neither the number of episodes nor of seeds changes it.

    On a CPU a row of many candidates fills the processor, so that an empty one would cost as much as a full one;
    with few candidates, and on a GPU, a call costs about the same whatever its rows.
    """
    if isinstance(task, DensityTask):
        return ROWS_OF_POINTS
    acting = policy.policy if isinstance(policy, SplitPolicy) else policy
    candidates = acting.selection.candidates if isinstance(acting, SlotPolicy) else 1
    return ROWS if candidates <= FEW_CANDIDATES or device.type != "cpu" else ROWS_OF_MANY


@torch.no_grad()
def has_like_rows(policy: Policy, task: Task, evaluation: Evaluation) -> bool:
    """Whether an action is the same bit for bit in every row that lies a multiple of 4 from its own.

    Args:
        policy: it acts three times, so its counts are of no use afterwards.
        task: for the size of the states.
        evaluation: seed, scale and device.
    """
    rows = count_rows(policy, task, evaluation.device)
    generator = torch.Generator().manual_seed(evaluation.seed)
    states = torch.randn(rows, task.observation_dim, generator=generator).to(evaluation.device)
    filled = torch.ones(rows, dtype=torch.bool, device=evaluation.device)

    def act(shift: int) -> Tensor:
        order = [(row + shift) % rows for row in range(rows)]
        noise = evaluation.noise(task, order)
        return act_in_block(policy, states[order], filled, evaluation.rho, noise).roll(shift, 0)

    first = act(0)
    return all(torch.equal(act(shift), first) for shift in (ALIKE, ALIKE * 5))


def act_in_block(
    policy: Policy,
    observations: Float[Tensor, "rows observation"],
    filled: Bool[Tensor, " rows"],
    rho: float | Float[Tensor, " rows"],
    noise: Noise,
) -> Float[Tensor, "rows action"]:
    """One call of a seed's policy; its counts are of the filled rows alone.

    Args:
        policy: of one seed.
        observations: anything finite in rows that are not filled.
        filled: rows whose actions are asked for.
        rho: guidance scale of all rows or of each.
        noise: of the rows.
    """
    if isinstance(policy, SplitPolicy):
        each = torch.as_tensor(rho, device=filled.device).expand(len(filled))
        acted: list[Tensor] = []
        for at, part in policy.split(len(filled), noise):
            with policy.count_rows(at, len(filled)):
                acted.append(act_in_block(policy.policy, observations[at], filled[at], each[at], part))
        return torch.cat(acted)
    counts, rows, asked = policy.counts, len(filled), int(filled.sum())
    before = replace(counts)
    scales = torch.where(filled, rho, 0.0)  # unguided rows are not among the counts of guidance
    actions = policy.act(observations[None], scales[None], noise)[0]
    for name in ("function", "gradient", "beside"):
        spent = getattr(counts, name) - getattr(before, name)
        setattr(counts, name, getattr(before, name) + spent * asked // rows)
    return actions
