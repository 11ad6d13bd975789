"""A method's components and policy follow from its three slots; a name that means two things is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from closed_form import ExactBehaviour, LogLinear
from exact_policies import one_dimensional
from tiny import act, tiny_setup
from torch import Tensor

from critics.iql import IQL
from methods import (
    Best,
    Component,
    Denoiser,
    Guidance,
    MethodError,
    Models,
    Objective,
    QEnsemble,
    Rho,
    Selection,
    Setup,
    SlotMethod,
    Steer,
    get_method,
    method_names,
)
from methods.core.slots import Behaviour
from methods.diffusion.schedule import make_schedule
from methods.swg import Joint


@dataclass(frozen=True)
class Named:
    """A guidance whose score is one, and that asks for a component by a name."""

    name: str
    component: Component

    def components(self, setup: Setup, denoiser: Component) -> Mapping[str, Component]:
        assert denoiser == setup.behaviour()
        return {self.name: self.component}

    def steer(self, denoiser: Denoiser, models: Models, z: Tensor, level: int, observations: Tensor) -> Steer:
        return Steer(denoiser(z, level, observations), torch.ones_like(z))


@dataclass(frozen=True)
class Built(SlotMethod):
    """A method of whatever slots it is given."""

    title: ClassVar[str] = "Built"
    paper: ClassVar[str] = "none"
    rho: ClassVar[Rho | None] = Rho(default=1.0)
    steered: Named | None = None
    picked: Selection | None = None
    learned: Joint | None = None

    def objective(self) -> Objective:
        return self.learned or super().objective()

    def guidance(self) -> Guidance | None:
        return self.steered

    def selection(self) -> Selection:
        return self.picked or super().selection()


SETUP = tiny_setup()
SHARED = IQL(SETUP.critic_config, 3, 2)
OTHER = IQL(replace(SETUP.critic_config, expectile=0.9), 3, 2)
ENSEMBLE = QEnsemble(SETUP.critic_config, 3, 2, SHARED, 3)


def test_one_name_for_two_different_components_is_refused():
    with pytest.raises(
        MethodError, match="Built: its slots give the name 'critic' to different components; rename"
    ):
        Built(Named("critic", OTHER), Best(2)).components(SETUP)
    with pytest.raises(MethodError, match="the name 'critic' to different"):
        Built(Named("critic", SHARED), Best(2, needs=lambda setup: {"critic": ENSEMBLE})).components(SETUP)
    with pytest.raises(MethodError, match="the name 'denoiser' to different"):
        Built(Named("denoiser", OTHER)).components(SETUP)


def test_one_name_for_the_same_component_is_that_component_once():
    same = IQL(replace(SETUP.critic_config), 3, 2)
    assert Built(Named("critic", same), Best(2)).components(SETUP) == {
        "denoiser": SETUP.behaviour(),
        "critic": SHARED,
    }
    assert Built(Named("denoiser", SETUP.behaviour())).components(SETUP) == {"denoiser": SETUP.behaviour()}
    two = Built(Named("own", OTHER), Best(2)).components(SETUP)
    assert two == {"denoiser": SETUP.behaviour(), "own": OTHER, "critic": SHARED}


def test_a_selection_of_one_candidate_needs_nothing():
    assert set(Built(picked=Best(1)).components(SETUP)) == {"denoiser"}
    assert set(Built(picked=Best(2)).components(SETUP)) == {"denoiser", "critic"}


def test_what_a_method_does_not_say_is_behaviour_unguided_and_the_first_draw():
    method = Built()
    assert method.components(SETUP) == {"denoiser": SETUP.behaviour()}
    assert method.objective() == Behaviour()
    assert method.guidance() is None
    assert method.selection().candidates == 1


def test_the_objectives_denoiser_is_made_of_its_own_component():
    joint = Joint("smooth-expectile")
    assert Built(learned=joint).components(SETUP) == {"denoiser": joint.component(SETUP)}
    assert joint.component(SETUP).critic == SHARED
    known = replace(SETUP, known_critic=OTHER)
    assert joint.component(known).critic is OTHER
    assert known.critic(ENSEMBLE) is OTHER
    assert SETUP.critic(ENSEMBLE) is ENSEMBLE


@pytest.mark.parametrize("rho", [0.0, 0.3, 1.0])
def test_a_score_moves_the_clean_prediction_by_rho_sigma_squared_over_alpha(rho: float):
    """One step at level 5 from the zero vector: E[a_0 | 0] = σ² m/V, and a score of one adds ρ σ²/α."""
    schedule = make_schedule("vp", 6)
    law, models = LogLinear(), {"denoiser": ExactBehaviour(LogLinear(), schedule)}
    setup = one_dimensional("ddim")
    setup = replace(setup, sampler=replace(setup.sampler, steps=1, temperature=0.0))
    policy = Built(Named("critic", SHARED)).policy(models, setup)
    scales = torch.tensor([[0.0, rho, 2 * rho]])
    actions = act(policy, torch.zeros(1, 3, 1), scales, (0,))[0, :, 0]
    alpha, sigma = schedule.alpha[5].item(), schedule.sigma[5].item()
    clean = sigma**2 * law.mean / (alpha**2 * law.std**2 + sigma**2)
    expected = torch.tensor([clean + scale * sigma**2 / alpha for scale in (0.0, rho, 2 * rho)])
    torch.testing.assert_close(actions, expected.clamp(-6, 6))


def test_every_built_in_method_but_those_with_an_actor_is_of_slots():
    others = [name for name in method_names() if not issubclass(get_method(name), SlotMethod)]
    assert others == ["bc", "cql", "iql", "td3-bc"]


def test_a_guidance_without_a_scale_is_refused():
    class Scaleless(Built):
        rho: ClassVar[Rho | None] = None

    with pytest.raises(MethodError, match="Built has a guidance but no scale, so it would never be applied"):
        Scaleless(Named("critic", SHARED)).components(SETUP)
