"""The samplers take the steps of diffusers' schedulers, and the schedules have the papers' values."""

import itertools
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.schedulers.deprecated.scheduling_sde_vp import ScoreSdeVpScheduler
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_dpmsolver_singlestep import DPMSolverSinglestepScheduler
from scipy.integrate import quad
from tiny import tiny_setup
from torch import Tensor

from methods.diffusion.denoiser import NetworkDenoiser
from methods.diffusion.noise import StreamNoise
from methods.diffusion.sampler import Bounds, SamplerConfig, sample, sample_with_gradient, visited_levels
from methods.diffusion.schedule import SCHEDULES, Schedule, make_schedule
from methods.diffusion.solvers import SOLVERS
from training import SeedStreams

BATCH = 32

# ᾱ of the discrete VP schedule, to the digits in which the authors' code prints it.
VP_5 = [0.80413, 0.43518, 0.1585, 0.03885, 0.00641]
VP_15 = [
    *[0.97174, 0.90363, 0.80413, 0.68477, 0.55804, 0.43518, 0.32476, 0.23193],
    *[0.1585, 0.10366, 0.06487, 0.03885, 0.02227, 0.01221, 0.00641],
]


def reference(kind: Any, schedule: Schedule, **settings: Any) -> Any:
    """A diffusers scheduler with this schedule's betas, ᾱ_t = ∏ (1 - β)."""
    alpha_bar = schedule.alpha.double().square()
    previous = torch.cat([torch.ones(1, dtype=torch.float64), alpha_bar[:-1]])
    betas = (1 - alpha_bar / previous).float().numpy()
    return kind(num_train_timesteps=len(betas), trained_betas=betas, **settings)


def frozen(schedule_name: str, levels: int) -> tuple[NetworkDenoiser, Tensor]:
    """A behaviour denoiser with random weights, and random observations."""
    setup = tiny_setup(levels=levels)
    setup = replace(setup, denoiser=replace(setup.denoiser, schedule=schedule_name))
    denoiser = setup.behaviour().build(SeedStreams([0], "frozen")).requires_grad_(False).eval()
    return denoiser, SeedStreams([0], "observations").normal(BATCH, setup.observation_dim)


def draws(seed: int = 0) -> StreamNoise:
    """One seed's noise."""
    return StreamNoise(SeedStreams([seed], "draws"), BATCH)


@dataclass
class Constant:
    """A denoiser that says 0.7 whatever it sees, and remembers what that was."""

    schedule: Schedule
    channels: int = 2
    asked_at: list[Tensor] = field(default_factory=list)

    def __call__(self, z: Tensor, level: int, observations: Tensor) -> Tensor:
        self.asked_at.append(z)
        return torch.full_like(z, 0.7)


@pytest.mark.parametrize("schedule_name", SCHEDULES)
@pytest.mark.parametrize("steps", [15, 8, 5])
@pytest.mark.parametrize(("solver", "variance"), [("ddpm", "fixed_small"), ("ddpm-large", "fixed_large")])
def test_ddpm_is_diffusers_ddpm(schedule_name, steps, solver, variance):
    denoiser, observations = frozen(schedule_name, 15)
    scheduler = reference(
        DDPMScheduler,
        denoiser.schedule,
        clip_sample=False,
        variance_type=variance,
        timestep_spacing="linspace",
    )
    scheduler.set_timesteps(steps)
    assert scheduler.timesteps.tolist() == visited_levels(15, steps)
    numbers = SeedStreams([3], "draws").generators[0]
    z = torch.randn(1, BATCH, denoiser.channels, generator=numbers)
    for t in scheduler.timesteps.tolist():
        noise = denoiser.network(z, t, observations, denoiser.levels)
        z = scheduler.step(noise, t, z, generator=numbers).prev_sample
    ours = sample(denoiser, observations, draws(3), SamplerConfig(solver=solver, steps=steps))
    assert z.abs().max() < 1e4
    torch.testing.assert_close(ours, z, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("schedule_name", SCHEDULES)
@pytest.mark.parametrize(("levels", "steps"), [(15, 15), (13, 5), (13, 4)])
def test_ddim_is_diffusers_ddim(schedule_name, levels, steps):
    denoiser, observations = frozen(schedule_name, levels)
    scheduler = reference(DDIMScheduler, denoiser.schedule, clip_sample=False)
    visited = visited_levels(levels, steps)
    # diffusers steps down by T // n, so it is asked for the stride of these levels.
    stride = visited[0] - visited[1]
    assert [a - b for a, b in itertools.pairwise(visited)] == [stride] * (steps - 1)
    scheduler.num_inference_steps = levels // stride
    assert levels // scheduler.num_inference_steps == stride
    z = SeedStreams([3], "draws").normal(BATCH, denoiser.channels)
    for t in visited:
        noise = denoiser.network(z, t, observations, denoiser.levels)
        z = scheduler.step(noise, t, z, eta=0.0).prev_sample
    ours = sample(denoiser, observations, draws(3), SamplerConfig(solver="ddim", steps=steps))
    torch.testing.assert_close(ours, z, rtol=1e-4, atol=1e-4)


DPM = {"dpm++-multistep": DPMSolverMultistepScheduler, "dpm++-singlestep": DPMSolverSinglestepScheduler}


# diffusers turns its own tensors into arrays in a way that NumPy warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("solver", DPM)
@pytest.mark.parametrize("schedule_name", SCHEDULES)
@pytest.mark.parametrize(
    ("levels", "steps"), [(15, 15), (16, 16), (15, 8), (15, 5), (40, 25), (100, 10), (15, 3), (15, 2), (15, 1)]
)
def test_dpm_solver_is_diffusers_dpm_solver(solver, schedule_name, levels, steps):
    """Even and odd numbers of steps differ in how the last pair of the single-step solver ends."""
    denoiser, observations = frozen(schedule_name, levels)
    settings = {"algorithm_type": "dpmsolver++", "solver_type": "midpoint", "final_sigmas_type": "zero"}
    scheduler = reference(DPM[solver], denoiser.schedule, lower_order_final=True, **settings)
    scheduler.set_timesteps(timesteps=visited_levels(levels, steps))
    assert len(scheduler.timesteps) == steps
    z = SeedStreams([3], "draws").normal(BATCH, denoiser.channels)
    for t in scheduler.timesteps:
        noise = denoiser.network(z, int(t), observations, denoiser.levels)
        z = scheduler.step(noise, t, z).prev_sample
    ours = sample(denoiser, observations, draws(3), SamplerConfig(solver=solver, steps=steps))
    assert 0.1 < z.abs().max() < 1e4
    torch.testing.assert_close(ours, z, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("levels", "values"), [(5, VP_5), (15, VP_15)])
def test_vp_has_the_papers_values(levels, values):
    schedule = make_schedule("vp", levels)
    assert schedule.alpha.square().tolist() == pytest.approx(values, abs=6e-6)


@pytest.mark.parametrize("levels", [5, 50, 100])
def test_cosine_is_diffusers_squared_cosine(levels):
    scheduler = DDPMScheduler(num_train_timesteps=levels, beta_schedule="squaredcos_cap_v2")
    schedule = make_schedule("cosine", levels)
    torch.testing.assert_close(schedule.alpha.square(), scheduler.alphas_cumprod, rtol=2e-4, atol=1e-8)


def test_vp_linear_is_the_integral_of_a_linear_beta_and_diffusers_noise():
    """ᾱ_t = exp(-∫β); from x = 0 with score 1, diffusers' reverse step of dt = -1 moves by -β/std."""
    schedule = make_schedule("vp-linear", 1000)
    scheduler = ScoreSdeVpScheduler(beta_min=0.1, beta_max=20)
    scheduler.set_timesteps(1)
    for level, t in ((0, 1e-3), (1, 2e-3), (249, 0.25), (499, 0.5), (999, 1.0)):
        integral, _ = quad(lambda s: 0.1 + s * 19.9, 0, t)
        assert schedule.alpha[level].item() == pytest.approx(np.exp(-integral / 2), rel=1e-6)
        zero, one = torch.zeros(1, 1), torch.ones(1, 1)
        _, moved = scheduler.step_pred(one, zero, torch.tensor([t]))
        std = -(0.1 + t * 19.9) / moved.item()
        assert schedule.sigma[level].item() == pytest.approx(std, rel=2e-3)  # theirs is rounded to float32
    # The values that the authors' code gives at t = 0.5 and at the end.
    assert schedule.alpha[[499, 999]].tolist() == pytest.approx([np.exp(-1.26875), np.exp(-5.025)], rel=1e-6)
    assert make_schedule("vp-linear", 1).alpha.item() == pytest.approx(np.exp(-5.025), rel=1e-6)
    assert make_schedule("vp-linear", 2).alpha.tolist() == pytest.approx(
        [schedule.alpha[0].item(), schedule.alpha[-1].item()], rel=1e-6
    )


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_preserve_variance_and_only_lose_signal(name):
    schedule = make_schedule(name, 40)
    assert len(schedule) == 40
    torch.testing.assert_close(schedule.alpha.square() + schedule.sigma.square(), torch.ones(40))
    assert (schedule.alpha.diff() < 0).all()
    assert (schedule.alpha > 0).all()


def test_visited_levels_run_from_the_noisiest_to_the_least_noisy():
    assert visited_levels(4, None) == [3, 2, 1, 0]
    assert visited_levels(9, 3) == [8, 4, 0]
    assert visited_levels(15, 2) == [14, 0]
    assert visited_levels(15, 1) == [14]
    for levels in range(1, 41):
        for steps in range(2, levels + 1):
            visited = visited_levels(levels, steps)
            assert len(visited) == steps
            assert (visited[0], visited[-1]) == (levels - 1, 0)
            # No level twice: between two of the same λ there is no slope.
            assert all(a > b for a, b in itertools.pairwise(visited))


@pytest.mark.parametrize("solver", SOLVERS)
def test_temperature_zero_is_deterministic_and_starts_from_zero(solver):
    denoiser, observations = frozen("vp", 6)
    config = SamplerConfig(solver=solver, temperature=0.0)
    first, second = (sample(denoiser, observations, draws(n), config) for n in (0, 1))
    assert torch.equal(first, second)
    assert first.isfinite().all()
    short = SamplerConfig(solver=solver, steps=1, temperature=0.0)
    one = sample(denoiser, observations, draws(), short)
    torch.testing.assert_close(one, denoiser(torch.zeros_like(one), 5, observations))


@pytest.mark.parametrize("schedule_name", SCHEDULES)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_prediction_that_no_longer_changes_is_where_every_walk_ends(solver, schedule_name):
    """ẑ_0 = c at every level: no slope, and the last step lands on c, from one step to a thousand levels."""
    observations = torch.zeros(1, BATCH, 3)
    for levels, steps in ((1, 1), (2, 2), (15, 1), (15, 2), (15, 15), (1000, 7), (1000, 1000)):
        constant = Constant(make_schedule(schedule_name, levels))
        drawn = sample(constant, observations, draws(), SamplerConfig(solver=solver, steps=steps))
        assert torch.equal(drawn, torch.full_like(drawn, 0.7))
        assert all(z.isfinite().all() and z.abs().max() < 10 for z in constant.asked_at)


def test_only_ddpm_draws_after_the_start_at_every_step_but_the_last():
    denoiser, observations = frozen("vp", 6)
    solver: Any
    for solver in SOLVERS:
        noise, beside = draws(), SeedStreams([0], "draws")
        sample(denoiser, observations, noise, SamplerConfig(solver=solver))
        for _ in range(6 if solver.startswith("ddpm") else 1):
            beside.normal(BATCH, denoiser.channels)
        assert torch.equal(noise.streams.state()[0], beside.state()[0]), solver


def unchecked(**settings: str) -> SamplerConfig:
    """A config as it can be made where nobody checks types; under test the constructor does."""
    config = SamplerConfig()
    for name, value in settings.items():
        object.__setattr__(config, name, value)
    return config


def test_a_setting_that_cannot_be_is_named():
    denoiser, observations = frozen("vp", 6)
    with pytest.raises(
        ValueError,
        match=r"unknown solver 'euler'; choose one of ddpm, ddpm-large, ddim, dpm\+\+-multistep, dpm\+\+-single",
    ):
        sample(denoiser, observations, draws(), unchecked(solver="euler"))
    with pytest.raises(ValueError, match=r"unknown clip 'twice'; choose one of clean, iterate, none\."):
        sample(denoiser, observations, draws(), unchecked(clip="twice"))
    for steps in (0, 7):
        with pytest.raises(ValueError, match=f"sampler.steps={steps} must lie between 1 and the schedule's 6"):
            sample(denoiser, observations, draws(), SamplerConfig(steps=steps))
    with pytest.raises(ValueError, match=r"unknown schedule 'linear'; choose one of vp, cosine, vp-linear\."):
        make_schedule("linear", 5)
    with pytest.raises(ValueError, match="at least one level, not 0"):
        make_schedule("vp", 0)


@dataclass(frozen=True)
class Curved:
    """ẑ_0 = sin(θ z) + s in double precision, of which θ is a parameter."""

    theta: Tensor
    schedule: Schedule = field(default_factory=lambda: make_schedule("vp", 6))
    channels: int = 2

    def __call__(self, z: Tensor, level: int, observations: Tensor) -> Tensor:
        return torch.sin(self.theta * z) + observations


class DoubleNoise(StreamNoise):
    """The same numbers in double precision."""

    def normal(self, key: str, *shape: int) -> Tensor:
        return super().normal(key, *shape).double()


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_gradient_goes_through_every_evaluation_and_stops_where_it_is_clipped(solver):
    """∂z_0/∂θ of every row against central differences, and none where the last prediction is out of bounds."""
    observations = torch.linspace(-1.0, 1.0, 10, dtype=torch.float64).view(1, 5, 2)
    bounds = Bounds(torch.full((2,), -1.2, dtype=torch.float64), torch.full((2,), 1.2, dtype=torch.float64))

    def draw(theta: Tensor, sampler: Any = sample_with_gradient) -> Tensor:
        noise = DoubleNoise(SeedStreams([0], "draws"), 5)
        return sampler(Curved(theta), observations, noise, SamplerConfig(solver=solver), bounds)

    theta = torch.tensor([0.7, 1.3], dtype=torch.float64, requires_grad=True)
    drawn, shift = draw(theta), 1e-6
    assert torch.equal(draw(theta, sample), drawn)
    assert not draw(theta, sample).requires_grad
    for row, channel in itertools.product(range(5), range(2)):
        (found,) = torch.autograd.grad(drawn[0, row, channel], theta, retain_graph=True)
        for place in range(2):
            step = shift * torch.eye(2, dtype=torch.float64)[place]
            with torch.no_grad():
                expected = (draw(theta + step) - draw(theta - step))[0, row, channel] / (2 * shift)
            assert found[place].item() == pytest.approx(expected.item(), abs=1e-7)
        is_clipped = abs(drawn[0, row, channel].item()) == 1.2
        assert (found[channel].item() == 0.0) == is_clipped
    assert (drawn.abs() == 1.2).any()
