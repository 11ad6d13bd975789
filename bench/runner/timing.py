"""Milliseconds per call of every method's policy, guided and unguided, with fresh weights: training changes none.

CUDA events on a GPU, the monotonic clock on a CPU. One seed; batch is the number of observations in a call.
"""

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.config.check_settings import check_bounds
from bench.config.request import Request, TimingDetails
from bench.progress import ProgressConsole
from bench.runner.data import make_setup
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


def time_methods(request: Request[TimingDetails], console: ProgressConsole) -> None:
    """Time every method of each job, print the table and write `timing.json`.

    What was timed before on this machine, in another suite or on other terms, stays in it.

    Raises:
        UserError: a batch below 1, or fewer than two calls.
    """
    check_bounds(request.details)
    device, calls = request.device, request.details.calls
    store = ResultStore(request.results)
    store.prepare()
    rows: list[schema.TimingRow] = []
    for job in request.jobs:
        ones = (1.0,) * job.task.action_dim
        setup = make_setup(job.task, job.config, tuple(-one for one in ones), ones)
        for name, method in job.methods.items():
            for batch in request.details.batches:
                for guided in (True, False) if method.rho else (False,):
                    row = schema.TimingRow(
                        suite=job.task.suite,
                        task=job.task.name,
                        preset=request.preset,
                        terms=job.terms,
                        **time_one(name, method, setup, batch, guided, calls, device),
                    )
                    rows.append(row)
                    console.say(format_row(row))
    now = {(row.suite, row.terms) for row in rows}
    kept = [row for row in read_earlier_rows(store.root, device) if (row.suite, row.terms) not in now]
    file, described = store.root / TIMING, describe_machine(device)
    write_file(file, schema.Timing(format=schema.FORMAT, rows=(*kept, *rows), machine=described))
    console.say(f"Written: {file}; the report shows it.")


def read_earlier_rows(results: Path, device: torch.device) -> tuple[schema.TimingRow, ...]:
    """The rows of `timing.json`, none where it is of another machine: the file names only one."""
    before = read_optional(results / TIMING, schema.Timing)
    return before.rows if before is not None and before.machine == describe_machine(device) else ()


def time_one(
    name: str, method: Method, setup: Setup, batch: int, guided: bool, calls: int, device: torch.device
) -> dict[str, Any]:
    """Median, 5th and 95th percentile of the milliseconds of a call, parameters and peak memory."""
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

    for _ in range(WARM_UP):
        act()
    milliseconds = measure(act, calls, device)
    low, middle, high = np.percentile(milliseconds, [5, 50, 95])
    return {
        "method": name,
        "guided": guided,
        "batch": batch,
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
