"""Does the units of a run by the engine that suits it; which one it is changes no result.

An engine is one entry of `ENGINES`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from bench.config.request import Request
from bench.plugins import load_plugins
from bench.progress import ProgressConsole
from bench.runner.data import share_data
from bench.runner.executors.executor import Executor, do_units
from bench.runner.executors.in_process import InProcess
from bench.runner.executors.local import LocalProcesses
from bench.runner.executors.worker_process import Do
from bench.runner.units import Unit, Worker
from training import Data


@dataclass(frozen=True)
class Asked:
    """What an engine is made for.

    Attributes:
        request: where things lie and what computes.
        processes: how many units may be done at once.
        console: shows progress.
    """

    request: Request[Any]
    processes: int
    console: ProgressConsole


def execute_units(units: list[Unit], request: Request[Any], processes: int, console: ProgressConsole) -> None:
    """Do all units, in this process one after the other, or in several; the list is empty after it.

    Raises:
        UserError: from a unit, or a process that died, with what it died of.
    """
    name = "processes" if processes > 1 and len(units) > 1 else "in-process"
    do_units(ENGINES[name](Asked(request, min(processes, len(units)), console)), units)


def make_in_process(asked: Asked) -> Executor[Unit]:
    """The engine without further processes."""
    return InProcess(Worker(asked.request, asked.console).execute)


def make_local_processes(asked: Asked) -> Executor[Unit]:
    """The engine of several processes of this machine."""
    # Without the jobs, whose methods may come from plug-ins that a worker has not loaded when it reads this.
    prepare = partial(prepare_worker, replace(asked.request, jobs=()))
    return LocalProcesses(asked.processes, prepare, asked.console, describe_unit, DataSharing().share)


ENGINES: Mapping[str, Callable[[Asked], Executor[Unit]]] = {
    "in-process": make_in_process,
    "processes": make_local_processes,
}


def prepare_worker(request: Request[Any], console: ProgressConsole) -> Do:
    """What a new process does first; returns what does a unit there."""
    torch.set_num_threads(request.threads)
    load_plugins(request.plugins)
    return Worker(request, console).execute


def describe_unit(unit: Unit) -> str:
    """A unit for the user: its task and its label, which names the folder of what it makes."""
    return unit.name if unit.tuning is not None else f"{unit.where} {unit.name}"


class DataSharing:
    """Puts the data of units where other processes read them without a copy, each set once."""

    def __init__(self) -> None:
        self._shared: dict[tuple[str, str], Data | None] = {}

    def share(self, unit: Unit) -> Unit:
        """The unit with the data in shared memory, or without where there is too little of it."""
        key = (unit.task.name, unit.about.fingerprint)
        if unit.data is not None and key not in self._shared:
            self._shared[key] = share_data(unit.data)
        return replace(unit, data=self._shared.get(key))
