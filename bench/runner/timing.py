"""Milliseconds per call of every method's policy, guided and unguided, with fresh weights: training changes none.

CUDA events on a GPU, the monotonic clock on a CPU. One seed; batch is the number of observations in a call.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.config.request import Job, Request, TimingDetails
from bench.config.spec import join_items
from bench.progress import ProgressConsole, format_duration
from bench.runner.data import make_setup
from bench.runner.estimate import seconds_per_call
from bench.runner.result import describe_machine
from bench.storage.results import ResultStore
from methods.core.method import Method
from methods.core.setup import Setup
from methods.diffusion.noise import StreamNoise
from reports.load import schema
from reports.load.files import TIMING, read_optional, write_file
from training.networks import parameter_count
from training.seeds import SeedStreams

WARM_UP = 5
CLEAR_REFS = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")


def time_methods(request: Request[TimingDetails], console: ProgressConsole) -> tuple[schema.TimingRow, ...]:
    """Time every method on the first task, show plan and rows, write `timing.json`, and return the rows.

    What was timed before on this machine, in another suite or on other terms, stays in it.
    """
    device, calls = request.device, request.details.calls
    store = ResultStore(request.results)
    store.prepare()
    jobs = [job for job in request.jobs if job.task.name == request.jobs[0].task.name]
    planned = [(job, call) for job in jobs for call in plan_calls(job, request.details.batches, device)]
    print_plan(planned, request, console)
    rows: list[schema.TimingRow] = []
    for job, call in planned:
        about = {"suite": job.task.suite, "task": job.task.name, "preset": request.preset, "terms": job.terms}
        rows.append(schema.TimingRow(**about, **time_call(call, calls, device)))
        console.say(format_row(rows[-1]))
    now = {(row.suite, row.terms) for row in rows}
    kept = [row for row in read_earlier_rows(store.root, device) if (row.suite, row.terms) not in now]
    file, described = store.root / TIMING, describe_machine(device)
    write_file(file, schema.Timing(format=schema.FORMAT, rows=(*kept, *rows), machine=described))
    console.say(f"Written: {file}; the report shows it.")
    return tuple(rows)


@dataclass(frozen=True)
class PolicyCall:
    """A call of a policy that is to be timed.

    Attributes:
        method: its name.
        guided: whether its guidance is on.
        batch: observations.
        make: builds the policy and gives the call, and the number of parameters.
    """

    method: str
    guided: bool
    batch: int
    make: Callable[[], tuple[Callable[[], None], int]]


def plan_calls(job: Job, batches: Sequence[int], device: torch.device) -> list[PolicyCall]:
    """Every method of a job at every batch, guided and unguided where it has a scale."""
    ones = (1.0,) * job.task.action_dim
    setup = make_setup(job.task, job.config, tuple(-one for one in ones), ones)
    return [
        PolicyCall(name, guided, batch, partial(make_call, method, setup, batch, guided, device))
        for name, method in job.methods.items()
        for batch in batches
        for guided in ((True, False) if method.rho else (False,))
    ]


def print_plan(
    planned: Sequence[tuple[Job, PolicyCall]], request: Request[TimingDetails], console: ProgressConsole
) -> None:
    """Print what will be timed and how long it should take."""
    task, calls = planned[0][0].task, request.details.calls
    names = join_items(dict.fromkeys(call.method for _, call in planned))
    threads = f"{request.threads} thread" + ("s" if request.threads > 1 else "")
    where = f"device {request.device}" + (f", {threads}" if request.device.type == "cpu" else "")
    console.say(f"Plan: time actions, preset {request.preset}, {where}, {calls} calls after {WARM_UP} to warm up")
    console.say(
        f"  {task.name} ({task.observation_dim} observations, {task.action_dim} actions): {names}; "
        f"batches {join_items(request.details.batches)}; untrained weights, which cost the same"
    )
    seconds = sum(estimate_call(call, request.device) for _, call in planned) * (calls + WARM_UP + 1)
    console.say(f"  expected time: {format_duration(seconds)} (measured on one call of each)")


def estimate_call(call: PolicyCall, device: torch.device) -> float:
    """Seconds of one call, after one to warm up."""
    act, _ = call.make()
    return seconds_per_call(act, device, repeats=1)


def read_earlier_rows(results: Path, device: torch.device) -> tuple[schema.TimingRow, ...]:
    """The rows of `timing.json`, none where it is of another machine: the file names only one."""
    before = read_optional(results / TIMING, schema.Timing)
    return before.rows if before is not None and before.machine == describe_machine(device) else ()


def make_call(
    method: Method, setup: Setup, batch: int, guided: bool, device: torch.device
) -> tuple[Callable[[], None], int]:
    """A call of the method's policy for `batch` observations, and the parameters of all that it needs."""
    components = method.components(setup)
    streams = SeedStreams([0], "timing", device)
    built = {component: component.build(streams) for component in dict.fromkeys(components.values())}
    modules = [model for model in built.values() if isinstance(model, torch.nn.Module)]
    count = sum(map(parameter_count, modules))
    for module in modules:
        module.requires_grad_(False)
    models = {name: built[component] for name, component in components.items()}
    policy = method.policy(models, setup)
    observations = streams.normal(batch, setup.observation_dim)
    rho = torch.full((1, batch), method.rho.default if guided and method.rho else 0.0, device=device)
    noise = StreamNoise(streams, batch)

    def act() -> None:
        with torch.no_grad():
            policy.act(observations, rho, noise)

    return act, count


def time_call(call: PolicyCall, calls: int, device: torch.device) -> dict[str, Any]:
    """Median, 5th and 95th percentile of the milliseconds of a call, parameters and peak memory."""
    act, count = call.make()
    for _ in range(WARM_UP):
        act()
    milliseconds = measure(act, calls, device)
    low, middle, high = np.percentile(milliseconds, [5, 50, 95])
    return {
        "method": call.method,
        "guided": call.guided,
        "batch": call.batch,
        "milliseconds": schema.Milliseconds(median=middle, p5=low, p95=high),
        "calls": calls,
        "parameters": count,
        "peak_memory_mib": peak_memory(act, device),
        "device": device.type,
    }


def measure(act: Callable[[], None], calls: int, device: torch.device) -> list[float]:
    """Milliseconds of each call."""
    if device.type == "cuda":
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(calls + 1)]
        marks[0].record()
        for mark in marks[1:]:
            act()
            mark.record()
        torch.cuda.synchronize(device)
        return [a.elapsed_time(b) for a, b in itertools.pairwise(marks)]
    taken: list[float] = []
    for _ in range(calls):
        started = time.perf_counter()
        act()
        taken.append(1000 * (time.perf_counter() - started))
    return taken


def peak_memory(act: Callable[[], None], device: torch.device) -> float | None:
    """MiB that one call adds at its peak; None where the system does not tell.

    On a CPU it is the growth of the process's resident set, whose peak Linux lets a process reset.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        act()
        torch.cuda.synchronize(device)
        return (torch.cuda.max_memory_allocated(device) - before) / 2**20
    try:
        CLEAR_REFS.write_text("5")
    except OSError:
        return None
    before = read_memory("VmRSS")
    act()
    return max(read_memory("VmHWM") - before, 0.0)


def read_memory(field: str) -> float:
    """A memory figure of this process in MiB."""
    for entry in STATUS.read_text().splitlines():
        if entry.startswith(field):
            return int(entry.split()[1]) / 1024
    return 0.0


def format_row(row: schema.TimingRow) -> str:
    """One row for the terminal."""
    ms, memory = row.milliseconds, row.peak_memory_mib
    kind = "guided" if row.guided else "unguided"
    shown = "" if memory is None else f", {memory:.0f} MiB at its peak"
    return (
        f"  {row.method:10} {kind:8} batch {row.batch:4}: {ms.median:8.2f} ms "
        f"({ms.p5:.2f} to {ms.p95:.2f}), {row.parameters:,} parameters{shown}"
    )
