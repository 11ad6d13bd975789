"""Captured calls of a policy give the actions and counts of eager ones bit for bit, whatever they are given."""

import logging
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from recorded_work import CpuRecorder
from tiny import OBSERVATIONS, act, make_policy, slot_methods, small, tiny_setup
from torch import Tensor

import methods.core.captured
from critics.known import KnownCritic
from methods import Method, Setup, SlotPolicy
from methods.core.captured import HeldNoise
from methods.core.policy import find_recorder
from methods.diffusion.denoiser import DenoiserConfig
from methods.diffusion.keyed_noise import KeyedNoise
from methods.diffusion.sampler import SamplerConfig
from methods.idql import IDQL
from methods.swg import SWG
from training.capture import CaptureError

ROWS, CALLS = 7, 6
SCALES = torch.tensor([[0.0, 0.5, 1.0, 1.0, 2.0, 2.0, 3.0]])


def states(call: int, seeds: int = 1) -> Tensor:
    return torch.randn(seeds, ROWS, OBSERVATIONS, generator=torch.Generator().manual_seed(call))


def make_both(method: Method, setup: Setup, seeds: tuple[int, ...] = (3,)) -> tuple[SlotPolicy, SlotPolicy]:
    """An eager policy, and one that captures; of the same weights."""
    eager, captured = (make_policy(method, setup, seeds)[0] for _ in range(2))
    assert isinstance(eager, SlotPolicy)
    assert isinstance(captured, SlotPolicy)
    assert eager.recorder is None
    return eager, replace(captured, recorder=CpuRecorder())


def recorder_of(policy: SlotPolicy) -> CpuRecorder:
    assert isinstance(policy.recorder, CpuRecorder)
    return policy.recorder


@torch.no_grad()
def run(policy: SlotPolicy) -> list[Tensor]:
    """Calls on states, scales and noise that change; in the last but one no row is guided."""
    noise, found = KeyedNoise(3, "x", range(ROWS)), []
    for call in range(CALLS):
        scales = 0 * SCALES if call == CALLS - 2 else SCALES.roll(call, 1)
        found.append(policy.act(states(call), scales, noise))
        noise.advance()
        if call == 2:
            noise.start(1, 20)
    return found


def assert_same_calls(method: Method, setup: Setup) -> CpuRecorder:
    eager, captured = make_both(method, setup)
    for found, expected in zip(run(captured), run(eager), strict=True):
        assert torch.equal(found, expected)
    assert captured.counts.of_seed(0) == eager.counts.of_seed(0)
    return recorder_of(captured)


@pytest.mark.parametrize("solver", ["ddpm", "dpm++-singlestep"])
@pytest.mark.parametrize("name", slot_methods())
def test_replayed_calls_are_the_eager_ones(name: str, solver):
    recorder = assert_same_calls(small(name), tiny_setup(sampler=SamplerConfig(solver=solver)))
    guided = make_both(small(name), tiny_setup())[0].guidance is not None
    assert recorder.captures == 1
    assert (recorder.runs, recorder.replays) == ((2, CALLS - 2) if guided else (1, CALLS - 1))


SETUP = tiny_setup()
SETUPS = {
    "modules": replace(SETUP, plain=True),
    "no temperature": tiny_setup(sampler=SamplerConfig(temperature=0.0)),
    "some levels": tiny_setup(sampler=SamplerConfig(solver="ddim", steps=2, clip="iterate", temperature=0.5)),
    "u-shaped": replace(SETUP, denoiser=replace(SETUP.denoiser, network="u-shaped", schedule="vp-linear")),
    "mlp": replace(SETUP, denoiser=replace(SETUP.denoiser, network="mlp")),
}


@pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)
@pytest.mark.parametrize("method", [SWG(), small("swg-r"), small("cep"), small("dps")], ids=lambda m: m.title)
def test_so_are_those_of_other_samplers_and_networks(method: Method, setup: Setup):
    assert isinstance(setup.denoiser, DenoiserConfig)
    assert assert_same_calls(method, setup).replays > 0


@pytest.mark.parametrize("weight", ["hard-expectile", "exponential:inverse_temperature=3"])
def test_so_is_a_draw_among_candidates(weight: str):
    assert assert_same_calls(IDQL(candidates=3, select="draw", weight=weight), SETUP).replays > 0


@pytest.mark.parametrize("name", ["swg", "swg-r"])
def test_counts_of_several_observations_are_told_apart(name: str):
    eager, captured = make_both(small(name), SETUP)
    for policy in (eager, captured):
        policy.counts.apart = ROWS
    for found, expected in zip(run(captured), run(eager), strict=True):
        assert torch.equal(found, expected)
    assert recorder_of(captured).replays == CALLS - 2
    counts = [captured.counts.of_seed(row) for row in range(ROWS)]
    assert counts == [eager.counts.of_seed(row) for row in range(ROWS)]
    guided = sum(int((SCALES.roll(call, 1) > 0).sum()) for call in range(CALLS) if call != CALLS - 2)
    found = sum(each["evaluations"]["guided_rows"] for each in counts)
    assert found == guided * eager.selection.candidates * len(captured.denoiser.schedule)


def test_noise_that_depends_on_the_order_of_requests_keeps_it():
    method, seeds = IDQL(candidates=3, select="draw"), (0, 3)
    eager, captured = make_both(method, SETUP, seeds)
    for call in range(4):
        expected = act(eager, states(call, 2), 0.0, seeds, f"call {call}")
        assert torch.equal(act(captured, states(call, 2), 0.0, seeds, f"call {call}"), expected)
    assert recorder_of(captured).replays == 3


def test_what_a_call_gave_is_not_overwritten_by_the_next():
    _, captured = make_both(small("swg"), SETUP)
    found = run(captured)
    assert len({tuple(actions.flatten().tolist()) for actions in found}) == CALLS


def test_each_shape_is_captured_up_to_a_number_of_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(methods.core.captured, "MOST_GRAPHS", 2)
    _, captured = make_both(small("swg"), SETUP)
    for rows in (1, 2, 3):
        for _ in range(3):
            act(captured, states(0)[:, :rows], 1.0, (3,))
    assert (recorder_of(captured).captures, recorder_of(captured).replays) == (2, 4)


def test_a_critic_on_the_host_is_asked_eagerly_and_the_log_says_so(caplog: pytest.LogCaptureFixture):
    known = KnownCritic("sums", lambda points: points.sum(-1), 3.0)
    with caplog.at_level(logging.WARNING):
        recorder = assert_same_calls(small("dps"), replace(SETUP, known_critic=known))
    assert (recorder.captures, recorder.replays) == (0, 0)
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("acting without CUDA graphs, which fail here: a copy to the host is not permitted")


def test_noise_that_was_not_asked_for_before_is_refused():
    with pytest.raises(CaptureError, match=r"asks for noise 'start' in some calls only"):
        HeldNoise({}).normal("start", 2)


class OnAGpu(SWG):
    """SWG as a method that captures nothing."""

    capturable: ClassVar[bool] = False


@pytest.mark.parametrize(
    ("method", "setup", "captures"),
    [(SWG(), SETUP, True), (SWG(), replace(SETUP, plain=True), False), (OnAGpu(), SETUP, False)],
)
def test_calls_are_captured_on_a_gpu_unless_somebody_has_something_against_it(
    method: Method, setup: Setup, captures: bool, monkeypatch: pytest.MonkeyPatch
):
    assert find_recorder(torch.device("cpu")) is None
    made = CpuRecorder()
    monkeypatch.setattr("methods.core.policy.find_recorder", lambda device: made)
    policy, _ = make_policy(method, setup, (3,))
    assert isinstance(policy, SlotPolicy)
    assert policy.recorder is (made if captures else None)
