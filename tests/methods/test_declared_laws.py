"""What methods say of the law of their actions, against exact networks' guidance where Bayes gives the answer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from exact_policies import guided_denoiser
from quadratic_law import Behaviour, Energy, Joint, Quadratic, QuadraticCritic, answers
from torch import Tensor

from bench.config.spec import replace_dotted
from bench.reference.docstrings import LAWS, read_law
from methods import SlotMethod, get_method, method_names
from methods.aepo import analytic_energy
from methods.diffusion.schedule import Schedule, make_schedule
from methods.swg import SWG

STEPS = make_schedule("cosine", 20)
PLANE = Quadratic((0.3, -0.2), ((0.25, 0.15), (0.15, 0.2)), (1.0, 1.2), ((5.0, -1.0), (-1.0, 2.0)))
NARROWER = Quadratic((0.3,), ((0.25,),), (2.4,), ((4.0,),))


@dataclass(frozen=True)
class Analytic:
    """AEPO's energy, expanded at E[a_0 | a_k], which is what its network learns there."""

    law: Quadratic
    schedule: Schedule

    def __call__(self, z: Tensor, level: int, observations: Tensor) -> Tensor:
        mean, rest = Behaviour(self.law, self.schedule).posterior(z, level)
        _, _, tilt, p = (torch.from_numpy(part).to(z) for part in self.law.arrays)
        value, slope = mean @ tilt - ((mean @ p) * mean).sum(-1) / 2, tilt - mean @ p
        variance = torch.full_like(value, float(np.trace(rest)) / len(rest))
        return analytic_energy(1.0, value, slope, torch.zeros_like(slope), variance)


def learned(name: str) -> dict[str, Any]:
    """What a method's networks are where they have learned without error, read from its loss."""
    energies = {"mse": Energy(PLANE, STEPS, biased=True), "aepo": Analytic(PLANE, STEPS)}
    energy = energies.get(name, Energy(PLANE, STEPS, biased=False))
    return {"denoiser": Behaviour(PLANE, STEPS), "guidance": energy, "critic": QuadraticCritic(PLANE)}


def guided() -> list[str]:
    made = {name: get_method(name)() for name in method_names()}
    return [name for name, each in made.items() if isinstance(each, SlotMethod) and each.guidance() is not None]


def test_the_guided_methods_are_these():
    assert guided() == ["aepo", "cep", "ddice", "dps", "mse", "swg", "swg-r"]


@pytest.mark.parametrize("name", ["aepo", "cep", "ddice", "dps", "mse"])
def test_guidance_is_bayes_answer_where_the_method_says_exact_and_only_there(name):
    """Q quadratic and μ Gaussian in the plane; the prior π has a posterior mean that no energy enters."""
    method = replace_dotted(get_method(name)(), {"inverse_temperature": 1.0} if name == "dps" else {})
    assert isinstance(method, SlotMethod)
    denoiser = guided_denoiser(method, learned(name), 1.0, rows=4)
    z = torch.tensor([[[0.5, -0.3], [1.0, 0.2], [-0.4, 0.1], [0.0, 0.8]]], dtype=torch.float64)
    gaps = []
    for level in (3, 10, 17):
        gain, constant = answers(PLANE, STEPS, biased=False)[level]
        exact = z @ torch.from_numpy(gain.T) + torch.from_numpy(constant)
        gaps.append((denoiser(z, level, torch.zeros(1, 4, 1)) - exact).abs().max().item())
    law = read_law(type(method))
    assert law is not None
    assert (max(gaps) < 1e-4) == law.is_exact
    assert max(gaps) < 1e-4 or max(gaps) > 1e-2, "no method is nearly exact"


def test_self_weighted_guidance_is_bayes_answer_too():
    """E[a_0 w | z_k]/E[w | z_k] over the same nodes, where no row is clipped."""
    joint = Joint(NARROWER, STEPS, nodes=40)
    denoiser = guided_denoiser(SWG(), {"denoiser": joint}, 1.0, rows=3)
    z = torch.tensor([[[0.5, 0.6], [0.9, 0.4], [0.2, 0.5]]], dtype=torch.float64)
    for level in (5, 10):
        mean, rest = joint.behaviour.posterior(z[..., :-1], level)
        actions = mean[..., None, :] + joint.places @ torch.from_numpy(np.linalg.cholesky(rest).T)
        weights = NARROWER.log_weight(actions).exp()
        misfit = (z[..., -1:] - STEPS.alpha[level].double() * weights) / STEPS.sigma[level].double()
        share = (joint.log_masses - misfit.square() / 2).softmax(-1) * weights
        exact = (share[..., None] * actions).sum(-2) / share.sum(-1, keepdim=True)
        torch.testing.assert_close(denoiser(z, level, torch.zeros(1, 3, 1))[..., :1], exact, rtol=0, atol=2e-3)
    law = read_law(SWG)
    assert law is not None
    assert law.is_exact


@pytest.mark.parametrize("name", method_names())
def test_every_method_says_and_none_that_selects_or_acts_by_a_point_says_exact(name):
    cls = get_method(name)
    law = read_law(cls)
    assert law is not None
    assert law.title in LAWS
    assert law.text.endswith(".")
    if law.is_exact:
        assert issubclass(cls, SlotMethod)
        assert cls().selection().candidates == 1


class Undecided:
    """Objective: behaviour.

    Exact: by
    hand.

    Attributes:
        x: Not exact: this is no paragraph of the description.
    """


class Silent:
    """Exactly: nothing. Not exact: within a line."""


def test_a_law_is_a_paragraph_of_the_description():
    law = read_law(Undecided)
    assert law is not None
    assert (law.title, law.text, law.is_exact) == ("Exact", "by hand.", True)
    assert read_law(Silent) is None
