"""Guidance whose gradient stops at ẑ_0: the derivative of (z - σ ε)/α with ε held, by hand and by differences."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from exact_policies import LAW, exact_models, one_dimensional
from test_guidance import central_differences
from tiny import OBSERVATIONS, act, make_policy, small, tiny_setup
from torch import Tensor

from bench.config.experiments import Part
from bench.config.request import Job, refuse_idle_stop
from bench.config.spec import Config, replace_dotted
from foundation.errors import UserError
from methods import SeedStreams, SlotPolicy, get_method
from methods.core.inference import prepare
from methods.diffusion.guidance import GuidanceConfig, gradient_through, linearise
from methods.diffusion.schedule import make_schedule
from methods.dps import DPS
from methods.swg import SWG
from suites.registry import get_tasks

SCHEDULE = make_schedule("vp", 4)
STOPPED = GuidanceConfig(stop_gradient=True)


def stopped_policies(name: str, seeds: tuple[int, ...]) -> list[SlotPolicy]:
    """The method's policy with its modules as they are trained, and with the prepared ones."""
    method, setup = small(name), replace(tiny_setup(), guidance=STOPPED)
    _, models = make_policy(method, setup, seeds)
    policies = [method.policy(models, replace(setup, plain=plain)) for plain in (True, False)]
    assert all(isinstance(policy, SlotPolicy) for policy in policies)
    return policies  # pyright: ignore[reportReturnType]


def test_of_a_linear_log_weight_it_is_worked_by_hand():
    """Q = a and β = 2: the score is 2/α, where the whole gradient is 2 α s²/V, dẑ_0/dz = α s²/V."""
    setup, z, rho = one_dimensional("ddpm"), torch.tensor([[[0.4], [-1.0]]]), torch.tensor([[1.5, 0.0]])
    models = exact_models(SCHEDULE, joint=False)
    whole, stopped = (
        DPS(2.0).policy(models, replace(setup, guidance=each)) for each in (GuidanceConfig(), STOPPED)
    )
    for level, (alpha, sigma) in enumerate(SCHEDULE.coefficients):
        clean = stopped.denoiser(z, level, z)
        variance = alpha**2 * LAW.std**2 + sigma**2
        for policy, score in ((whole, 2 * alpha * LAW.std**2 / variance), (stopped, 2 / alpha)):
            moved = policy._guide(rho)(z, level, z)
            assert (moved - clean)[0, 0].item() == pytest.approx(1.5 * sigma**2 / alpha * score, rel=1e-4)
            assert torch.equal(moved[0, 1], clean[0, 1])
    assert stopped.counts.of_seed(0)["evaluations"]["gradient"] == 2 * len(SCHEDULE)  # the critic's


@pytest.mark.parametrize("place", [0, 1])
def test_self_weighted_it_is_in_the_weight_channel_alone(place: int):
    """∂ log ŵ/∂z_w = 1/(α ŵ); a row whose ŵ leaves its range has none, and nothing goes backwards."""
    policy, level = stopped_policies("swg", (0,))[place], 1
    z, states = SeedStreams((0,), "z").normal(8, 3), SeedStreams((0,), "s").normal(8, OBSERVATIONS)
    alpha, sigma = policy.denoiser.schedule.coefficients[level]
    z[..., 2] = alpha * torch.linspace(-0.5, 1.5, 8)
    clean = policy.denoiser(z, level, states)
    weight = clean[..., 2]
    inside = (weight >= 1e-4) & (weight <= 1)
    assert 0 < inside.sum() < 8
    moved = policy._guide(torch.full((1, 8), 2.0))(z, level, states) - clean
    assert torch.equal(moved[..., :2], torch.zeros(1, 8, 2))
    expected = torch.where(inside, 2 * sigma**2 / alpha / (alpha * weight), 0.0)
    torch.testing.assert_close(moved[..., 2], expected, rtol=1e-4, atol=1e-5)
    counts = policy.counts.of_seed(0)
    assert counts["evaluations"] == {"function": 16, "gradient": 0, "beside": 0, "guided_rows": 8}
    assert counts["interventions"]["clipped_weights"][level] == int((~inside).sum())


@pytest.mark.parametrize("is_prepared", [False, True])
def test_it_is_the_derivative_with_the_predicted_noise_held(is_prepared: bool):
    denoiser = tiny_setup().behaviour().build(SeedStreams([0], "x")).double()
    model: Any = prepare(denoiser) if is_prepared else denoiser
    z = SeedStreams((0,), "z").normal(5, 2).double()
    states, level = SeedStreams((0,), "s").normal(5, OBSERVATIONS).double(), 2
    alpha, sigma = denoiser.schedule.coefficients[level]
    with torch.no_grad():
        noise = (z - alpha * model(z, level, states)) / sigma

    def log_weight(clean: Tensor) -> Tensor:
        return (clean.square() * states[..., :1]).sum(-1).sin()

    expected = central_differences(lambda moved: log_weight((moved - sigma * noise) / alpha), z)
    clean, gradient = gradient_through(model, z, level, states, log_weight, stop=True)
    torch.testing.assert_close(gradient, expected, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(clean, model(z, level, states), rtol=1e-12, atol=1e-12)
    whole = gradient_through(model, z, level, states, log_weight)[1]
    assert (whole - gradient).abs().max() > 1e-3
    _, pull_back = linearise(model, z, level, states, stop=True)
    torch.testing.assert_close(pull_back(z[..., 1:], 1), torch.cat([0 * z[..., :1], z[..., 1:] / alpha], -1))


@pytest.mark.parametrize("name", ["dps", "swg"])
def test_the_prepared_path_acts_as_the_plain_one(name: str):
    states = SeedStreams((0,), "states").normal(6, OBSERVATIONS)
    plain, prepared = (act(policy, states, 3.0, (0,)) for policy in stopped_policies(name, (0,)))
    torch.testing.assert_close(plain, prepared, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["cep", "ddice", "unguided"])
def test_without_a_gradient_through_the_denoiser_it_changes_nothing(name: str):
    method = small(name)
    plain, models = make_policy(method, tiny_setup(), (0, 1))
    stopped = method.policy(models, replace(tiny_setup(), guidance=STOPPED))
    states = SeedStreams((0, 1), "states").normal(6, OBSERVATIONS)
    assert torch.equal(act(plain, states, 3.0, (0, 1)), act(stopped, states, 3.0, (0, 1)))
    assert plain.counts.of_seed(0) == stopped.counts.of_seed(0)


def test_it_is_refused_where_no_compared_method_has_such_a_gradient():
    def compare(*names: str, apart: bool = False) -> None:
        """In one job, or, as published, in one for each method."""
        groups = [(name,) for name in names] if apart else [names]
        config, (task,) = replace_dotted(Config(), {"guidance.stop_gradient": True}), get_tasks("toy", ["moons"])
        made = [{name: get_method(name)() for name in group} for group in groups]
        refuse_idle_stop([Job(task, config, group, "shared", Part(suite="toy", methods={})) for group in made])

    for apart in (False, True):
        compare("swg", "cep", apart=apart)
        compare("cep", "dps", apart=apart)
        with pytest.raises(
            UserError, match=r"no gradient of cep, idql goes through .* one of .*dps, .*swg, swg-r"
        ):
            compare("cep", "idql", apart=apart)


def test_of_self_weighted_guidance_the_whole_gradient_moves_the_action_too():
    """What stopping it leaves out: with the exact joint denoiser the action moves where nothing is stopped."""
    models = exact_models(SCHEDULE, joint=True)
    policies = (
        SWG().policy(models, replace(one_dimensional("ddpm"), guidance=each))
        for each in (GuidanceConfig(), STOPPED)
    )
    z = torch.tensor([[[0.1, 0.06], [0.3, 0.1]]])
    whole, stopped = ((p._guide(torch.ones(1, 2))(z, 0, z) - p.denoiser(z, 0, z))[..., 0] for p in policies)
    assert (whole > 1e-3).all()
    assert torch.equal(stopped, torch.zeros(1, 2))
