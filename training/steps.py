"""How training steps are taken: one operation after the other, or as CUDA graphs that are replayed."""

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from foundation import stopping
from training.capture import CaptureError, Recorder, Work, find_recorder
from training.checkpoint import StepPlan, TrainingState
from training.component import Step, Trained

WARM_UP = 3
log = logging.getLogger(__name__)


@runtime_checkable
class Steps(Protocol):
    """The steps of one training."""

    def take(self, number: int) -> None:
        """One step of all groups that are due, and its row of the curve.

        Args:
            number: steps done before.

        Raises:
            Stopped: a signal asked for it in the middle of the step; the state is that before it.
        """
        ...


@dataclass(frozen=True)
class EagerSteps:
    """Steps taken one operation after the other.

    Attributes:
        component: what is trained.
        state: what a step changes.
        given: what every step is computed from.
    """

    component: Trained[Any]
    state: TrainingState
    given: Step

    def take(self, number: int) -> None:
        plan = self.state.plan(number)
        self.state.set_rates(number)
        step = replace(self.given, done=number, parts={}, due=plan.due)
        with self.let_stop():
            losses = self.differentiate(step, plan)
        self.update(step, losses, plan)
        if plan.shown:
            self.state.record(number, losses, step.parts)

    @contextlib.contextmanager
    def let_stop(self) -> Iterator[None]:
        """Let a signal end the block, which draws numbers and changes nothing else: they are drawn again later.

        Raises:
            Stopped: the state is that before the step.
        """
        numbers = self.state.noise.state()
        try:
            with stopping.release():
                yield
        except stopping.Stopped:
            self.state.noise.restore(numbers)
            raise

    def compute(self, step: Step, plan: StepPlan) -> dict[str, Tensor]:
        """The whole step; the losses without their graph."""
        losses = self.differentiate(step, plan)
        self.update(step, losses, plan)
        return losses

    def differentiate(self, step: Step, plan: StepPlan) -> dict[str, Tensor]:
        """Batch, losses and gradients; the losses without their graph."""
        losses = self.component.compute_losses(self.state.module, step)
        self.state.differentiate(losses, plan)
        return {name: loss.detach() for name, loss in losses.items()}

    def update(self, step: Step, losses: Mapping[str, Tensor], plan: StepPlan) -> None:
        """Optimisers, averages and targets."""
        self.state.update(losses.keys(), plan)
        self.component.after_step(self.state.module, step)
        self.state.smooth(losses, plan)


@dataclass(frozen=True)
class CapturedStep:
    """A step that is replayed, for all seeds.

    Attributes:
        replay: takes it.
        losses, parts: where it leaves its losses and their parts.
    """

    replay: Work
    losses: dict[str, Tensor]
    parts: dict[str, Tensor]


class CapturedSteps:
    """Steps of one plan are one graph; the first few and the first of each plan are taken eagerly.

    Where a step cannot be captured, all are taken eagerly from then on, and the log says why.

    Args:
        eager: the same steps.
        recorder: captures them.
    """

    def __init__(self, eager: EagerSteps, recorder: Recorder):
        self.eager, self.recorder = eager, recorder
        self.captured: dict[StepPlan, CapturedStep] = {}
        self.failure: str | None = None
        self._seen: list[StepPlan] = []
        for optimiser in eager.state.optimisers:
            optimiser.hold_rate(recorder.rate_dtype)

    def take(self, number: int) -> None:
        plan = self.eager.state.plan(number)
        self.eager.state.set_rates(number)
        if self.failure is None and plan not in self.captured and self._is_warm(plan):
            try:
                self.captured[plan] = self._capture(plan)
            except CaptureError as error:
                self.failure = str(error)
                self.captured.clear()
                kind = self.eager.component.kind
                log.warning("%s: training without CUDA graphs, which fail here: %s", kind, error)
        if plan in self.captured:
            self._replay(number, plan)
        else:
            self.recorder.run(lambda: self.eager.take(number))

    def _is_warm(self, plan: StepPlan) -> bool:
        """Whether the plan has been met often enough; what a first step makes is not made in a graph."""
        is_warm = len(self._seen) >= WARM_UP and plan in self._seen
        if not is_warm:
            self._seen.append(plan)
        return is_warm

    def _capture(self, plan: StepPlan) -> CapturedStep:
        state, losses = self.eager.state, {}
        step = replace(self.eager.given, done=None, parts={}, due=plan.due)
        with state.allow_capture():
            replay = self.recorder.capture(lambda: losses.update(self.eager.compute(step, plan)), state.noise)
        return CapturedStep(replay, losses, step.parts)

    def _replay(self, number: int, plan: StepPlan) -> None:
        captured = self.captured[plan]
        captured.replay()
        if plan.shown:
            self.eager.state.record(number, captured.losses, captured.parts)


def make_steps(component: Trained[Any], state: TrainingState, given: Step) -> Steps:
    """Captured steps on a GPU, where the component has nothing against it; else eager ones.

    Args:
        component: what is trained.
        state: where its training begins or goes on.
        given: what every step is computed from.
    """
    eager = EagerSteps(component, state, given)
    recorder = find_recorder(given.data.rewards.device) if component.capturable else None
    return eager if recorder is None else CapturedSteps(eager, recorder)
