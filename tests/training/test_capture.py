"""Captured steps are the eager ones bit for bit: recorded once, then replayed without any Python of the step."""

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from actor_critic import ACTOR, CRITIC, ActorCritic, Networks, quiet, toy_data
from kept_states import KeptStates
from recorded_work import CpuRecorder
from torch import Tensor
from torch.torch_version import TorchVersion

import training.steps
from training import Group, SeedStreams, Step, fit
from training.capture import CaptureError, CudaRecorder, find_recorder
from training.loop import Fitted

SEEDS, STEPS = (0, 3), 30


@dataclass(frozen=True)
class Closed(ActorCritic):
    """The toy without what it does by the number of the step."""

    kind: ClassVar[str] = "actor-critic"
    length: int = STEPS

    def losses(self, module: Networks, step: Step) -> Mapping[str, Tensor]:
        batch = step.sample_batch(8)
        pair = torch.cat([batch.observations, module.actor(batch.observations)], -1)
        q = module.q(torch.cat([batch.observations, batch.actions], -1)).squeeze(-1)
        step.record("mean_q", q.mean(-1))
        noise = step.noise.normal(8)
        return {
            "critic": (q - batch.rewards + 0.1 * noise).square().mean(-1),
            "actor": -module.q(pair).mean((1, 2)),
        }


@dataclass(frozen=True)
class Reading(Closed):
    """It decides by a value of the device."""

    def losses(self, module: Networks, step: Step) -> Mapping[str, Tensor]:
        found = super().losses(module, step)
        return {name: loss if loss.detach()[0] > -1e9 else 0 * loss for name, loss in found.items()}


@dataclass(frozen=True)
class Unwilling(Closed):
    capturable: ClassVar[bool] = False


GROUPS: dict[str, tuple[Group, ...]] = {
    "plain": (CRITIC, ACTOR),
    "decayed": (CRITIC, replace(ACTOR, decay_steps=20)),
    "every third step": (CRITIC, replace(ACTOR, every=3)),
    "clipped and averaged": (replace(CRITIC, ema=0.2), replace(ACTOR, clip=0.02, ema=0.1)),
    "all": (replace(CRITIC, every=2), replace(ACTOR, every=3, clip=0.02, ema=0.1, decay_steps=25)),
}


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> CpuRecorder:
    made = CpuRecorder()
    monkeypatch.setattr(training.steps, "find_recorder", lambda device: made)
    return made


def train(component: ActorCritic, seeds: Sequence[int] = SEEDS, checkpoint: Any = None) -> Fitted:
    return fit(component, toy_data(), {}, seeds, quiet, checkpoint)


def assert_same(found: Fitted, expected: Fitted) -> None:
    for name, tensor in expected.module.state_dict().items():
        assert torch.equal(found.module.state_dict()[name], tensor), name
    assert found.losses == expected.losses
    for ours, theirs in zip(found.curve.rows, expected.curve.rows, strict=True):
        assert [{**row, "seconds": 0} for row in ours] == [{**row, "seconds": 0} for row in theirs]


@pytest.mark.parametrize("rows", [1000, 7], ids=["a row each step", "few rows"])
@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
def test_replayed_steps_are_the_eager_ones(groups: tuple[Group, ...], rows: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("training.curve.MOST_ROWS", rows)
    expected, made = train(Closed(groups)), CpuRecorder()
    monkeypatch.setattr(training.steps, "find_recorder", lambda device: made)
    assert_same(train(Closed(groups)), expected)
    plans = {(n + 1) % -(-STEPS // rows) == 0 for n in range(STEPS)}
    turns = {tuple(n % group.every == 0 for group in groups) for n in range(STEPS)}
    assert made.captures <= len(plans) * len(turns)
    assert made.runs + made.replays == STEPS
    assert made.replays >= STEPS // 2


def test_a_number_that_changes_in_python_would_be_frozen(recorder: CpuRecorder, monkeypatch: pytest.MonkeyPatch):
    """The imitation finds what a CUDA graph would get wrong: a rate that is no tensor."""
    monkeypatch.setattr("training.optimiser.GroupOptimiser.hold_rate", lambda self, dtype: None)
    component = Closed(GROUPS["decayed"])
    found = train(component)
    assert recorder.replays > 0
    monkeypatch.setattr(training.steps, "find_recorder", lambda device: None)
    weights = train(component).module.state_dict()
    assert not torch.equal(found.module.state_dict()["actor.0.weight"], weights["actor.0.weight"])


@pytest.mark.parametrize(
    ("component", "why"),
    [(ActorCritic(length=STEPS), "depends on its number"), (Reading(), "not permitted")],
    ids=["number", "value"],
)
def test_what_cannot_be_captured_is_trained_eagerly_and_said(
    component: ActorCritic, why: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    expected, made = train(component), CpuRecorder()
    monkeypatch.setattr(training.steps, "find_recorder", lambda device: made)
    with caplog.at_level(logging.WARNING):
        found = train(component)
    assert (made.captures, made.replays) == (0, 0)
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("actor-critic: training without CUDA graphs, which fail here: ")
    assert why in said
    assert_same(found, expected)


def test_a_component_may_say_that_it_is_not_to_be_captured(recorder: CpuRecorder):
    train(Unwilling())
    assert (recorder.runs, recorder.captures) == (0, 0)


def test_a_checkpoint_of_replayed_steps_goes_on_captured_and_eagerly(monkeypatch: pytest.MonkeyPatch):
    component = Closed(GROUPS["all"])
    expected = train(component)
    monkeypatch.setattr("training.loop.CHECKPOINT_SECONDS", -1.0)
    kept = KeptStates()

    class Killed(Exception):
        pass

    def kill(done: int, total: int) -> None:
        raise Killed

    monkeypatch.setattr("training.loop.REPORT_EVERY", 20)
    for resumed_by in (CpuRecorder(), None):
        kept.states = []
        first = CpuRecorder()
        monkeypatch.setattr(training.steps, "find_recorder", lambda device, made=first: made)
        with pytest.raises(Killed):
            fit(component, toy_data(), {}, SEEDS, kill, kept)
        assert first.replays > 0
        monkeypatch.setattr(training.steps, "find_recorder", lambda device, made=resumed_by: made)
        assert_same(train(component, checkpoint=kept), expected)


def test_streams_renewed_after_a_failed_capture_go_on_where_they_were():
    streams = SeedStreams(SEEDS, "x")
    streams.normal(5)
    state, expected = streams.state(), streams.normal(4)
    before = streams.generators
    streams.renew(state)
    assert all(new is not old for new, old in zip(streams.generators, before, strict=True))
    assert torch.equal(streams.normal(4), expected)


def test_a_step_that_is_captured_has_no_number():
    step = Step(toy_data(), {}, SeedStreams(SEEDS, "x"))
    assert step.number == 0
    assert replace(step, done=7).number == 7
    with pytest.raises(CaptureError, match="depends on its number"):
        _ = replace(step, done=None).number


def test_a_cpu_captures_nothing():
    assert find_recorder(torch.device("cpu")) is None


class Cuda:
    """Stands for what `CudaRecorder` calls of `torch.cuda`, and notes what is called.

    Attributes:
        called: names, in order.
        end_fails: whether the end of a capture that failed raises an error of its own, as torch's does.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, end_fails: bool = True):
        self.called: list[str] = []
        self.end_fails = end_fails
        stands_for = {
            "Stream": lambda device: Stream("side", self.called),
            "current_stream": lambda device: Stream("current", self.called),
            "set_stream": lambda stream: self.called.append(f"back to {stream.name}"),
            "stream": lambda stream: self.within(f"on {stream.name}"),
            "CUDAGraph": lambda: self,
            "graph": lambda graph, stream: self.within(f"capture on {stream.name}"),
        }
        for name, stand_in in stands_for.items():
            monkeypatch.setattr(torch.cuda, name, stand_in)

    @contextlib.contextmanager
    def within(self, name: str) -> Iterator[None]:
        self.called.append(name)
        try:
            yield
        except RuntimeError:
            if self.end_fails:
                raise RuntimeError("operation failed due to a previous error during capture")  # noqa: B904
            raise

    def register_generator_state(self, generator: torch.Generator) -> None:
        self.called.append("register")

    def replay(self) -> None:
        self.called.append("replay")

    def reset(self) -> None:
        self.called.append("reset")


class Stream:
    device = torch.device("cpu")

    def __init__(self, name: str, called: list[str]):
        self.name, self.called = name, called

    def wait_stream(self, other: "Stream") -> None:
        self.called.append(f"{self.name} waits for {other.name}")


@pytest.mark.parametrize(("version", "registered"), [("2.6.0", 2), ("2.13.1+cu130", 2), ("2.14.0", 0)])
def test_work_is_captured_on_the_stream_that_it_ran_on(
    version: str, registered: int, monkeypatch: pytest.MonkeyPatch
):
    """Generators are registered before, where the graph does not find them itself."""
    cuda = Cuda(monkeypatch)
    monkeypatch.setattr(torch, "__version__", TorchVersion(version))
    recorder = CudaRecorder(torch.device("cpu"))
    recorder.run(lambda: cuda.called.append("work"))
    assert cuda.called == ["side waits for current", "on side", "work", "current waits for side"]
    cuda.called.clear()
    replay = recorder.capture(lambda: cuda.called.append("work"), SeedStreams(SEEDS, "x"))
    replay()
    assert cuda.called == [*["register"] * registered, "capture on side", "work", "replay"]


@pytest.mark.parametrize("end_fails", [True, False])
def test_a_capture_that_fails_leaves_the_stream_and_the_random_numbers_as_they_were(
    end_fails: bool, monkeypatch: pytest.MonkeyPatch
):
    cuda, streams = Cuda(monkeypatch, end_fails), SeedStreams(SEEDS, "x")
    expected, before = SeedStreams(SEEDS, "x").normal(3), streams.generators

    def fail() -> None:
        streams.normal(1)
        raise RuntimeError("not permitted when stream is capturing\nand a hint")

    with pytest.raises(CaptureError, match=r"^not permitted when stream is capturing$"):
        CudaRecorder(torch.device("cpu")).capture(fail, streams)
    assert cuda.called[-2:] == ["back to current", "reset"]
    assert all(new is not old for new, old in zip(streams.generators, before, strict=True))
    assert torch.equal(streams.normal(3), expected)
