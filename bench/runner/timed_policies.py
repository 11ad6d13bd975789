"""The policies that are timed, with fresh weights: training changes no cost. One seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from bench.config.request import Job
from bench.config.sweeps import Sweep, list_acting_settings, list_versions
from bench.runner.data import make_setup
from bench.runner.estimate import freeze
from bench.runner.result import count_candidates
from bench.runner.shares import PartClock, watch
from bench.runner.turns import Act, Settle
from methods.core.method import Method
from methods.core.policy import Policy, SlotPolicy
from methods.core.setup import Setup
from methods.diffusion.noise import StreamNoise
from reports.load.schema import Evaluations
from training import Component, SeedStreams
from training.networks import parameter_count

SEED = 0
EAGER, CAPTURED = "eager", "captured"


@dataclass(frozen=True, eq=False)
class TimedPolicy:
    """A policy of a job, with what a row says of it.

    Attributes:
        job: its job.
        name, method: the method's name, and itself with its settings.
        policy: what acts.
        setup: its sizes.
        parameters: of all that it was made from.
    """

    job: Job
    name: str
    method: Method
    policy: Policy
    setup: Setup
    parameters: int

    @property
    def settings(self) -> dict[str, Any]:
        """All that it was made from, by dotted name."""
        return list_acting_settings(self.name, self.method, self.job.config)


@dataclass(frozen=True)
class PolicyCall:
    """A call of a policy that is to be timed.

    Attributes:
        timed: whose.
        guided: whether its guidance is on.
        batch: observations.
        device: where.
        way: how it is executed, see `TimingRow.way`.
    """

    timed: TimedPolicy
    guided: bool
    batch: int
    device: torch.device
    way: str = EAGER

    def make(self) -> Act:
        """The call."""
        policy = self.timed.policy
        if isinstance(policy, SlotPolicy) and self.way == EAGER:
            policy = replace(policy, recorder=None)
        return self._act(policy)

    def make_watched(self, settle: Settle) -> tuple[Act, PartClock] | None:
        """The call with its parts timed; None for a policy that is not of three slots, or captured as a whole."""
        policy = self.timed.policy
        if not isinstance(policy, SlotPolicy) or self.way != EAGER:
            return None
        clock = PartClock(settle)
        return self._act(watch(policy, clock)), clock

    def _act(self, policy: Policy) -> Act:
        streams = SeedStreams([SEED], "timing", self.device)
        observations = streams.normal(self.batch, self.timed.setup.observation_dim)
        rho = self.timed.method.rho if self.guided else None
        scales = torch.full((1, self.batch), rho.default if rho else 0.0, device=self.device)
        noise = StreamNoise(streams, self.batch)

        def act() -> None:
            with torch.no_grad():
                policy.act(observations, scales, noise)

        return act

    def count(self, act: Act) -> Evaluations:
        """What one call evaluates."""
        before = self.timed.policy.counts.of_seed(0)["evaluations"]
        act()
        after: Mapping[str, int] = self.timed.policy.counts.of_seed(0)["evaluations"]
        made = {name: after[name] - before[name] for name in after}
        candidates = count_candidates(self.timed.method, self.timed.setup)
        return Evaluations(**made, actions=self.batch, candidates=candidates)


def build_policies(jobs: Sequence[Job], sweep: Sweep | None, device: torch.device) -> list[TimedPolicy]:
    """The policy of every method of the jobs; a component of several is built once.

    Args:
        jobs: on one task.
        sweep: whose further versions of methods are built too, or None.
        device: where they act.
    """
    streams, built = SeedStreams([SEED], "timing", device), dict[Component, tuple[Any, int]]()
    found: list[TimedPolicy] = []
    for job in jobs:
        ones = (1.0,) * job.task.action_dim
        setup = make_setup(job.task, job.config, tuple(-one for one in ones), ones)
        for name, method in list_versions(job, sweep):
            components = method.components(setup)
            for component in components.values():
                if component not in built:
                    built[component] = _build(component, streams)
            count = sum(built[component][1] for component in set(components.values()))
            models = {each: built[component][0] for each, component in components.items()}
            found.append(TimedPolicy(job, name, method, method.policy(models, setup), setup, count))
    return found


def _build(component: Component, streams: SeedStreams) -> tuple[Any, int]:
    """The component's model without gradients, and the number of its parameters."""
    model = component.build(streams)
    count = parameter_count(model) if isinstance(model, torch.nn.Module) else 0
    return freeze(model), count


def plan_calls(policies: Sequence[TimedPolicy], batch: int, device: torch.device) -> list[PolicyCall]:
    """Every policy at a number of observations, guided and unguided where it has a scale, in each of its ways."""
    return [
        PolicyCall(timed, guided, batch, device, way)
        for timed in policies
        for way in list_ways(timed.policy)
        for guided in ((True, False) if timed.method.rho else (False,))
    ]


def list_ways(policy: Policy) -> tuple[str, ...]:
    """How a policy can be executed: one operation after the other, and captured where it has a recorder."""
    is_captured = isinstance(policy, SlotPolicy) and policy.recorder is not None
    return (EAGER, CAPTURED) if is_captured else (EAGER,)
