"""Times every method's policy, guided and unguided: latency, throughput, shares, evaluations and memory.

All calls on one task and batch take turns in random order (`bench.runner.turns`), so that what else the machine
does hits all alike, and ratios are taken within a turn. Weights are fresh ones (`bench.runner.timed_policies`).
"""

import dataclasses
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from bench.config.request import Job, Request, TimingDetails
from bench.config.spec import join_items
from bench.config.sweeps import SWEEPS, apply_sweep, find_sweep
from bench.progress import ProgressConsole, format_duration
from bench.runner.estimate import seconds_per_call
from bench.runner.precision import explain_slow_bf16
from bench.runner.result import describe_machine
from bench.runner.shares import measure_shares
from bench.runner.timed_policies import PolicyCall, TimedPolicy, build_policies, plan_calls
from bench.runner.turns import (
    Act,
    Taken,
    divide,
    make_settle,
    measure_bursts,
    summarize,
    take_turns,
)
from bench.storage.manifest import record_command
from bench.storage.results import ResultStore
from reports.analysis.costs import tell_apart
from reports.load.files import TIMING, read_optional, write_file
from reports.load.schema import FORMAT
from reports.load.timing_schema import Ratio, SweepPoint, Throughput, Timing, TimingRow
from reports.sections.timed_places import find_contention

WARM_UP = 5
SHARE_CALLS = 10
ORDER_SEED = 0


@dataclass(frozen=True)
class Point:
    """What is timed together.

    Attributes:
        jobs: of one task.
        sweep: where they stand in a sweep, or None.
    """

    jobs: tuple[Job, ...]
    sweep: SweepPoint | None = None

    def build(self, device: torch.device) -> list[TimedPolicy]:
        """The policies, as `build_policies` makes them."""
        return build_policies(self.jobs, find_sweep(self.sweep and self.sweep.name), device)


def time_methods(request: Request[TimingDetails], console: ProgressConsole) -> tuple[TimingRow, ...]:
    """Time every method on the first task, show plan and rows, write `timing.json`, and return the rows.

    A row replaces the earlier one with the same key; all others stay. The file is written after each batch of each
    point of a sweep, so that what is finished is kept.
    """
    load = read_load()
    store, details = ResultStore(request.results), request.details
    store.prepare()
    points = plan_points(request)
    print_plan(points, request, console)
    record_command(request.command, request.results, console.say)
    rows: list[TimingRow] = []
    for point in points:
        policies = point.build(request.device)
        for batch in details.batches:
            group = measure_group(plan_calls(policies, batch, request.device), details.calls, request.device)
            made = [make_row(group, place, point, request, load) for place in range(len(group.calls))]
            write_rows(store.root / TIMING, made)
            rows += made
            labels = tell_apart(made)
            for row in made:
                console.say(format_row(row, labels[row.key]))
    for sentence in find_contention(rows):
        console.say(f"Warning: {sentence}")
    console.say(f"Written: {store.root / TIMING}; the report shows it.")
    return tuple(rows)


def plan_points(request: Request[TimingDetails]) -> list[Point]:
    """The jobs of the first task, at every value of the sweep if there is one."""
    jobs, name = [job for job in request.jobs if job.task.name == request.jobs[0].task.name], request.details.sweep
    if name is None:
        return [Point(tuple(jobs))]
    setting = SWEEPS[name].setting
    return [
        Point(at, SweepPoint(name=name, setting=setting, value=value))
        for value, at in apply_sweep(jobs, name).items()
    ]


def read_load() -> float | None:
    """The load average of the last minute; None where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def print_plan(points: Sequence[Point], request: Request[TimingDetails], console: ProgressConsole) -> None:
    """Print what will be timed and how long it should take."""
    task, details = points[0].jobs[0].task, request.details
    names = join_items(dict.fromkeys(name for job in points[0].jobs for name in job.methods))
    threads = f"{request.threads} thread" + ("s" if request.threads > 1 else "")
    where = f"device {request.device}" + (f", {threads}" if request.device.type == "cpu" else "")
    console.say(
        f"Plan: time actions, preset {request.preset}, {where}, {details.calls} turns after {WARM_UP} to warm up"
    )
    console.say(
        f"  {task.name} ({task.observation_dim} observations, {task.action_dim} actions): {names}; "
        f"batches {join_items(details.batches)}; untrained weights, which cost the same"
    )
    swept = [point.sweep for point in points if point.sweep is not None]
    if swept:
        values = join_items(point.value for point in swept)
        console.say(f"  sweep {swept[0].name}: {swept[0].setting} {values}, one after the other")
    slow = explain_slow_bf16((), [job.config for point in points for job in point.jobs], request.device)
    if slow is not None:
        console.say(slow)
    seconds = sum(estimate_point(point, request) for point in points)
    console.say(f"  expected time: {format_duration(seconds)} (measured on one call of each)")


def estimate_point(point: Point, request: Request[TimingDetails]) -> float:
    """Expected seconds of a point, from one call of each kind after one to warm up."""
    device, details = request.device, request.details
    policies = point.build(device)
    calls = [call for batch in details.batches for call in plan_calls(policies, batch, device)]
    times = 1 if device.type == "cpu" else 2
    return (WARM_UP + times * details.calls + min(SHARE_CALLS, details.calls) + 2) * sum(
        seconds_per_call(call.make(), device, repeats=1) for call in calls
    )


@dataclass(frozen=True)
class Group:
    """Calls on one task and batch that took turns.

    Attributes:
        calls: which.
        acts: what each does.
        taken: by each, in every turn.
        bursts: what each took without being waited for; None on a CPU.
    """

    calls: Sequence[PolicyCall]
    acts: Sequence[Act]
    taken: Sequence[Taken]
    bursts: Sequence[Throughput | None]

    def divide(self, call: PolicyCall, other: PolicyCall) -> Ratio:
        """What a call took over what another did, turn by turn."""
        one, two = (self.taken[self.calls.index(each)] for each in (call, other))
        return divide(one, two)


def measure_group(calls: Sequence[PolicyCall], turns: int, device: torch.device) -> Group:
    """Let all calls take turns."""
    acts, settle, order = [call.make() for call in calls], make_settle(device), random.Random(ORDER_SEED)
    take_turns(acts, WARM_UP, order, settle)
    taken = take_turns(acts, turns, order, settle)
    no_bursts = [None] * len(acts)
    bursts = measure_bursts(acts, turns, order, settle) if device.type == "cuda" else no_bursts
    return Group(calls, acts, taken, bursts)


def make_row(
    group: Group, place: int, point: Point, request: Request[TimingDetails], load: float | None
) -> TimingRow:
    """The row of a group's call; its shares, evaluations and memory are measured here.

    Args:
        group: what was timed together.
        place: of the call.
        point: what it is of.
        request: what `time` was asked for.
        load: average before.
    """
    call, act, taken, device = group.calls[place], group.acts[place], group.taken[place], request.device
    watched, job = call.make_watched(make_settle(device)), call.timed.job
    return TimingRow(
        suite=job.task.suite,
        task=job.task.name,
        preset=request.preset,
        terms=job.terms,
        method=call.timed.name,
        guided=call.guided,
        batch=call.batch,
        way=call.way,
        device=device.type,
        threads=request.threads,
        machine=describe_machine(device),
        settings=call.timed.settings,
        sweep=point.sweep,
        milliseconds=summarize(taken.wall),
        cpu_milliseconds=summarize(taken.cpu),
        throughput=group.bursts[place],
        over_own_unguided=compare_guided(group, call),
        over_unguided_method=compare_unguided_method(group, call),
        shares=None if watched is None else measure_shares(*watched, calls=min(SHARE_CALLS, len(taken.wall))),
        evaluations=call.count(act),
        calls=len(taken.wall),
        order_seed=ORDER_SEED,
        load=load,
        parameters=call.timed.parameters,
        peak_memory_mib=peak_memory(act, device),
    )


def compare_guided(group: Group, call: PolicyCall) -> Ratio | None:
    """A guided call over the same policy's unguided one; None for an unguided call."""
    return group.divide(call, dataclasses.replace(call, guided=False)) if call.guided else None


def compare_unguided_method(group: Group, call: PolicyCall) -> Ratio | None:
    """A call over that of the method `unguided`; None for itself or where it is not timed beside."""
    others = [other for other in group.calls if (other.timed.name, other.way) == ("unguided", call.way)]
    return group.divide(call, others[0]) if others and others[0] is not call else None


def peak_memory(act: Act, device: torch.device) -> float | None:
    """MiB of tensors that one call adds at its peak on a GPU.

    None on a CPU: there it is the allocator's and the products' workspaces that decide what the process's memory
    grows by, and that differs from call to call.
    """
    if device.type != "cuda":
        return None
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    act()
    torch.cuda.synchronize(device)
    return (torch.cuda.max_memory_allocated(device) - before) / 2**20


def write_rows(file: Path, rows: Sequence[TimingRow]) -> None:
    """Add rows to `timing.json`, each in the place of the earlier one with its key."""
    before = read_optional(file, Timing)
    new = {row.key for row in rows}
    kept = [row for row in (before.rows if before is not None else ()) if row.key not in new]
    write_file(file, Timing(format=FORMAT, rows=(*kept, *rows)))


def format_row(row: TimingRow, label: str) -> str:
    """One row for the terminal; the label says what tells it from others of its method."""
    ms, ratio = row.milliseconds, row.over_own_unguided
    kind = "guided" if row.guided else "unguided"
    at = f"{row.sweep.name} {row.sweep.value} " if row.sweep is not None else ""
    interval = f" [{ratio.lower:.2f}, {ratio.upper:.2f}]" if ratio and ratio.lower and ratio.upper else ""
    shown = f", {ratio.median:.2f}{interval} times unguided" if ratio else ""
    memory = f", {row.peak_memory_mib:.0f} MiB at its peak" if row.peak_memory_mib is not None else ""
    apart = f" {label}" if label else ""
    back = f", {row.throughput.milliseconds:.2f} ms unwaited" if row.throughput is not None else ""
    return (
        f"  {at}{row.method:10} {kind:8}{apart} batch {row.batch:4}: {ms.median:8.2f} ms "
        f"({ms.p5:.2f} to {ms.p95:.2f}){shown}{back}, {row.parameters:,} parameters{memory}"
    )
