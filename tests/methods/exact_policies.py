"""The methods' own policies on exact components, and the sample statistics they are held to."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from closed_form import ExactBehaviour, ExactEnergy, ExactJoint, LogLinear
from tiny import act, tiny_setup
from torch import Tensor

from methods import Policy, SeedStreams, Setup, SlotMethod, SlotPolicy
from methods.diffusion.guidance import CountedDenoiser, Counts, GuidedDenoiser
from methods.diffusion.sampler import SamplerConfig
from methods.diffusion.schedule import Schedule
from methods.swg import SWG
from methods.swg_r import SWGR

LAW = LogLinear()
ERRORS = 4.5


class LinearCritic:
    """Q(s, a) = a and V(s) = 0."""

    def q(self, observations: Tensor, actions: Tensor) -> Tensor:
        return actions[..., 0]

    def v(self, observations: Tensor) -> Tensor:
        return torch.zeros(observations.shape[:2])


def one_dimensional(solver: Any) -> Setup:
    """The tiny task with one wide action, so that clipping never acts."""
    setup = tiny_setup(sampler=SamplerConfig(solver=solver))
    return replace(setup, action_dim=1, observation_dim=1, action_low=(-6.0,), action_high=(6.0,))


def exact_models(schedule: Schedule, joint: bool, law: LogLinear = LAW) -> dict[str, Any]:
    """Exact stand-ins for everything a method may have had trained, by the methods' names for them."""
    denoiser = ExactJoint(law, schedule) if joint else ExactBehaviour(law, schedule)
    return {"denoiser": denoiser, "guidance": ExactEnergy(law, schedule), "critic": LinearCritic()}


def guided_denoiser(
    method: SlotMethod, models: dict[str, Any], rho: float, rows: int, seeds: int = 1
) -> GuidedDenoiser:
    """The method's guidance around its denoiser at one ρ."""
    guidance, counts = method.guidance(), Counts()
    assert guidance is not None
    denoiser = CountedDenoiser(models["denoiser"], counts)
    return GuidedDenoiser(
        denoiser,
        lambda z, level, observations: guidance.steer(denoiser, models, z, level, observations),
        torch.full((seeds, rows), rho),
        counts,
    )


def policy_of(method: SlotMethod, schedule: Schedule, solver: str, law: LogLinear = LAW) -> SlotPolicy:
    """The method's own policy on exact components."""
    models = exact_models(schedule, isinstance(method, SWG | SWGR), law)
    setup = one_dimensional(solver)
    weights = {name: part for name, part in method.components(setup).items() if name == "weight"}
    built = {name: part.build(SeedStreams([0], "x")) for name, part in weights.items()}
    return method.policy(models | built, setup)


def draws_of(policy: Policy, rho: float, draws: int) -> Tensor:
    """(draw, channel): one for each of as many equal observations."""
    return act(policy, torch.zeros(1, draws, 1), rho, (0,))[0].double()


def actions_of(method: SlotMethod, schedule: Schedule, solver: str, rho: float, draws: int) -> Tensor:
    """Draws of the method's action."""
    return draws_of(policy_of(method, schedule, solver), rho, draws)[:, 0]


def assert_law(actions: Tensor, mean: float, std: float, slack: float = 0.0) -> None:
    """Sample mean and standard deviation within Monte-Carlo error, plus a slack for discretisation."""
    error = ERRORS * std / len(actions) ** 0.5
    assert actions.mean().item() == pytest.approx(mean, abs=error + slack)
    assert actions.std().item() == pytest.approx(std, abs=error / 2**0.5 + slack)
