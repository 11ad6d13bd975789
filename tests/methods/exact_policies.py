"""The methods' own policies on exact components, and the sample statistics they are held to."""

from dataclasses import replace

import pytest
import torch
from closed_form import ExactBehaviour, ExactEnergy, ExactJoint, LogLinear
from tiny import tiny_shared

from methods.diffusion.sampler import SamplerConfig
from methods.swg import SWG
from methods.swg_r import SWGR
from training.seeds import SeedStreams

LAW = LogLinear()
ERRORS = 4.5


class LinearCritic:
    """Q(s, a) = a and V(s) = 0."""

    def q(self, observations, actions):
        return actions[..., 0]

    def v(self, observations):
        return torch.zeros(observations.shape[:2])


def one_dimensional(solver):
    """The tiny task with one wide action, so that clipping never acts."""
    shared = tiny_shared(sampler=SamplerConfig(solver=solver))
    return replace(shared, action_dim=1, observation_dim=1, action_low=(-6.0,), action_high=(6.0,))


def exact_parts(schedule, joint, law=LAW):
    """Exact stand-ins for everything a method may have had trained, by the methods' names for them."""
    energy = ExactEnergy(law, schedule)
    denoiser = ExactJoint(law, schedule) if joint else ExactBehaviour(law, schedule)
    return {"denoiser": denoiser, "energy": energy, "guidance": energy, "critic": LinearCritic()}


def policy_of(method, schedule, solver, rho, law=LAW):
    """The method's own policy on exact components."""
    parts = exact_parts(schedule, isinstance(method, SWG | SWGR), law)
    return method.policy(parts, one_dimensional(solver), rho)


def draws_of(policy, draws):
    """(draw, channel): one for each of as many equal observations."""
    return policy.act(torch.zeros(1, draws, 1), SeedStreams([0], "draws"))[0].double()


def actions_of(method, schedule, solver, rho, draws):
    """Draws of the method's action."""
    return draws_of(policy_of(method, schedule, solver, rho), draws)[:, 0]


def assert_law(actions, mean, std, slack=0.0):
    """Sample mean and standard deviation within Monte-Carlo error, plus a slack for discretisation."""
    error = ERRORS * std / len(actions) ** 0.5
    assert actions.mean().item() == pytest.approx(mean, abs=error + slack)
    assert actions.std().item() == pytest.approx(std, abs=error / 2**0.5 + slack)
