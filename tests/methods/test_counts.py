"""Interventions are counted at their level and for their seed, evaluations as rows times levels, by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pytest
import torch
from closed_form import ExactBehaviour, LogLinear
from exact_policies import one_dimensional
from tiny import OBSERVATIONS, act, make_all, tiny_setup
from torch import Tensor

from foundation.errors import UserError
from methods import Best, Component, Counts, Denoiser, Models, SeedStreams, Selection, Setup, SlotMethod, Steer
from methods.diffusion.schedule import Schedule, make_schedule
from methods.swg import SWG
from methods.swg_r import SWGR

SEEDS, LEVELS, ROWS = (0, 1), 8, 6
SCHEDULE = make_schedule("vp", LEVELS)
BROKEN_LEVEL = 4


@dataclass(frozen=True)
class Stumbling:
    """A score that is NaN at one level where the observation is positive, and one elsewhere.

    Attributes:
        calls: of the denoiser at each level.
    """

    calls: int

    def components(self, setup: Setup, denoiser: Component) -> Mapping[str, Component]:
        return {}

    def steer(self, denoiser: Denoiser, models: Models, z: Tensor, level: int, observations: Tensor) -> Steer:
        for _ in range(self.calls - 1):
            denoiser(z + 0.1, level, observations)
        broken = (observations > 0) & (level == BROKEN_LEVEL)
        score = torch.where(broken, torch.nan, torch.ones_like(z))
        large = {"large": z[..., 0] > 0.5}
        return Steer(denoiser(z, level, observations), score, gradients=3, beside=2, interventions=large)


@dataclass(frozen=True)
class Stumbler(SlotMethod):
    title: ClassVar[str] = "Stumbler"
    paper: ClassVar[str] = "none"
    calls: int = 1
    candidates: int = 1

    def guidance(self) -> Stumbling:
        return Stumbling(self.calls)

    def selection(self) -> Selection:
        return Best(self.candidates, lambda models, observations, z: z[..., 0], needs=None)


@dataclass
class Watched:
    """A denoiser that notes what it was asked and what it answered.

    Attributes:
        denoiser: the one that answers.
        asked: level, z, answer of each call.
    """

    denoiser: Any
    asked: list[tuple[int, Tensor, Tensor]] = field(default_factory=list)

    @property
    def schedule(self) -> Schedule:
        return self.denoiser.schedule

    @property
    def channels(self) -> int:
        return self.denoiser.channels

    def __call__(self, z: Tensor, level: int, observations: Tensor) -> Tensor:
        answer = self.denoiser(z, level, observations)
        self.asked.append((level, z.detach(), answer.detach()))
        return answer


def setup_of(steps: int | None) -> Setup:
    setup = one_dimensional("ddpm")
    return replace(setup, sampler=replace(setup.sampler, steps=steps))


def observations() -> Tensor:
    """Positive in four rows of the first seed and in one of the second."""
    table = torch.tensor([[1.0, 1, -1, 1, -1, 1], [-1, -1, -1, -1, 1, -1]])
    return table[..., None]


@pytest.mark.parametrize("candidates", [1, 3])
@pytest.mark.parametrize(("steps", "visited"), [(None, LEVELS), (3, 3)])  # 7, 4, 0
def test_a_score_that_is_nan_is_counted_at_its_level_for_its_seed(
    candidates: int, steps: int | None, visited: int
):
    watched = Watched(ExactBehaviour(LogLinear(), SCHEDULE))
    policy = Stumbler(candidates=candidates).policy({"denoiser": watched}, setup_of(steps))
    for times in (1, 2):
        act(policy, observations(), 1.0, SEEDS)
        for row, broken in enumerate((4, 1)):
            found = policy.counts.of_seed(row)["interventions"]
            expected = [0] * LEVELS
            expected[BROKEN_LEVEL] = times * broken * candidates
            assert found["nan_gradients"] == expected
            large = [0] * LEVELS
            for level, z, _ in watched.asked:
                large[level] += int((z[row, :, 0] > 0.5).sum())
            assert found["large"] == large
            assert sum(large) > 0
    assert len(watched.asked) == 2 * visited


@pytest.mark.parametrize("candidates", [1, 3])
def test_each_observation_of_a_seed_can_be_counted_apart(candidates: int):
    policy = Stumbler(candidates=candidates).policy(
        {"denoiser": ExactBehaviour(LogLinear(), SCHEDULE)}, setup_of(None)
    )
    policy.counts.apart = ROWS
    act(policy, observations()[:1], torch.tensor([[1.0, 0, 1, 1, 1, 1]]), SEEDS[:1])
    broken, guided = (1, 0, 0, 1, 0, 1), (1, 0, 1, 1, 1, 1)  # the second one is not guided
    for row in range(ROWS):
        counts = policy.counts.of_seed(row)
        assert counts["interventions"]["nan_gradients"][BROKEN_LEVEL] == broken[row] * candidates
        assert counts["evaluations"]["guided_rows"] == guided[row] * candidates * LEVELS


def test_observations_of_unequal_numbers_of_rows_are_refused():
    counts = Counts(apart=4)
    with pytest.raises(UserError, match="6 rows are counted of 4 observations"):
        counts.intervene("large", torch.ones(1, 6, dtype=torch.bool), 0, LEVELS)


@pytest.mark.parametrize("candidates", [1, 3])
@pytest.mark.parametrize("calls", [1, 2])
@pytest.mark.parametrize(("steps", "visited"), [(None, LEVELS), (3, 3)])
def test_evaluations_are_rows_times_levels(candidates: int, calls: int, steps: int | None, visited: int):
    watched = Watched(ExactBehaviour(LogLinear(), SCHEDULE))
    policy = Stumbler(calls=calls, candidates=candidates).policy({"denoiser": watched}, setup_of(steps))
    rows = ROWS * candidates
    act(policy, observations(), 1.0, SEEDS)
    expected = {"function": calls * rows * visited, "gradient": 3 * rows * visited, "beside": 2 * rows * visited}
    expected |= {"guided_rows": rows * visited}
    assert policy.counts.of_seed(0)["evaluations"] == policy.counts.of_seed(1)["evaluations"] == expected
    assert expected["function"] == sum(z.shape[1] for _, z, _ in watched.asked)
    # Without guidance only the denoiser is asked, once at each level.
    act(policy, observations(), 0.0, SEEDS)
    expected["function"] += rows * visited
    assert policy.counts.of_seed(1)["evaluations"] == expected


@pytest.mark.parametrize(
    "method", [SWG(), SWGR(candidates=3), SWG(shrunk_clip=True)], ids=["one", "three", "shrunk"]
)
def test_clipped_weights_are_those_whose_prediction_leaves_the_range_level_by_level(method: SlotMethod):
    setup = tiny_setup(levels=LEVELS)
    models = make_all(method.components(setup), SEEDS)
    watched = Watched(models["denoiser"])
    policy = method.policy({"denoiser": watched}, setup)
    states = SeedStreams(SEEDS, "states").normal(50, OBSERVATIONS)
    act(policy, states, 2.0, SEEDS)
    assert sorted({level for level, _, _ in watched.asked}) == list(range(LEVELS))
    for row in range(2):
        expected = [0] * LEVELS
        for level, _, answer in watched.asked:
            before = watched.schedule.alpha[level - 1].item() if level else 1.0
            weight = answer[row, :, -1] * (before if method == SWG(shrunk_clip=True) else 1.0)
            expected[level] += int(((weight < 1e-4) | (weight > 1.0)).sum())
        found = policy.counts.of_seed(row)["interventions"]
        assert found["clipped_weights"] == expected
        assert 0 < sum(expected) < 50 * method.selection().candidates * LEVELS
        assert found["nan_gradients"] == [0] * LEVELS
    assert policy.counts.of_seed(0) != policy.counts.of_seed(1)
