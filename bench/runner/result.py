"""The result of a cell: its full spec, every episode, the data's fingerprint, versions, machine and counts."""

import datetime
import io
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from bench.config.precedence import OWN, find_source_values
from bench.config.spec import Cell, SettingChoice, flatten
from bench.runner.evaluate import Outcome, Points
from bench.runner.machine import describe_machine
from bench.runner.nodes import Node
from bench.runner.plan import PlannedCell
from bench.runner.trajectories import pack_trajectories
from bench.runner.weights import WeightHistograms
from critics.valued import ValuedCritic
from methods.core.method import Method, SlotMethod
from methods.core.setup import Setup
from reports.load.declared_schema import DeclaredRho, DeclaredSetting
from reports.load.schema import (
    FORMAT,
    Critics,
    Data,
    Evaluations,
    FailedResult,
    Failure,
    Result,
    Seconds,
)
from suites.task import ControlTask, DensityTask, Task

PACKAGES = ("torch", "numpy", "mujoco", "gymnasium", "gymnasium-robotics", "minari")


@dataclass(frozen=True)
class Making:
    """What a result says of how its cell was made.

    Attributes:
        planned: the cell.
        data: what it was trained on.
        seconds: its share of the wall time.
        device: where it was evaluated.
    """

    planned: PlannedCell
    data: Data
    seconds: Seconds
    device: torch.device

    def describe(self) -> dict[str, Any]:
        """The fields of `Cell`."""
        cell = self.planned.cell
        return {
            "format": FORMAT,
            "suite": cell.task.suite,
            "task": cell.task.name,
            "method": cell.name,
            "title": cell.method.title,
            "seed": cell.seed,
            "rho": cell.rho,
            "rho_source": cell.rho_source,
            "declared_rho": declare_rho(*cell.declared_rho),
            "declared_settings": declare_settings(cell.declared_settings),
            "preset": cell.preset,
            "terms": cell.terms,
            "data": self.data,
            "config": cell.settings(),
            "components": self.planned.components,
            "tuning": cell.tuning,
            "tunable": cell.tunable,
            "seconds": self.seconds,
            "versions": read_versions(),
            "machine": describe_machine(self.device),
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }


def declare_rho(rho: float | None, source: str | None) -> DeclaredRho | None:
    """What a result says of the scale where none is given; None for a method that has none."""
    return None if rho is None or source is None else DeclaredRho(rho=rho, source=source)


def declare_settings(choices: Mapping[str, SettingChoice | None]) -> dict[str, DeclaredSetting | None]:
    """What a result says of the given settings, where they are not given; see `DeclaredSetting`."""
    return {
        name: None if choice is None else DeclaredSetting(value=choice[0], source=choice[1])
        for name, choice in choices.items()
    }


def make_failed_result(making: Making, failure: Failure) -> FailedResult:
    """The result of a cell that has no score."""
    return FailedResult(**making.describe(), status="failed", failure=failure)


def make_result(making: Making, outcome: Outcome, weights: WeightHistograms | None = None) -> Result:
    """The result of a cell with the outcome of its evaluation, and the weights of a method that has some."""
    planned, counts = making.planned, outcome.counts
    cell = planned.cell
    return Result(
        **making.describe(),
        status="done",
        metric=outcome.metric,
        score=outcome.score,
        episodes=outcome.episodes,
        densities=outcome.densities,
        samples_file=f"seed-{cell.seed}.npz" if outcome.points else None,
        trajectories_file=f"seed-{cell.seed}.npz" if outcome.trajectories else None,
        interventions={name: tuple(by_level) for name, by_level in counts["interventions"].items()},
        evaluations=Evaluations(**counts["evaluations"], candidates=count_candidates(cell.method, planned.setup)),
        weights_histogram=weights.predicted if weights is not None else None,
        learned_weights=weights.learned if weights is not None else None,
        critics=Critics(labels=list_critics(planned.models), departures=find_critic_departures(cell)),
    )


def count_candidates(method: Method, setup: Setup) -> int | None:
    """Draws per action of a method of three slots; None of any other, which need not draw at all."""
    return method.select_in(setup).candidates if isinstance(method, SlotMethod) else None


def list_critics(models: Mapping[str, Node]) -> tuple[str, ...]:
    """The labels of all critics among the components and all they are made from, sorted.

    A critic that a V was fitted to is the one that has the Q.
    """
    found: set[str] = set()

    def visit(nodes: Mapping[str, Node]) -> None:
        for name, node in nodes.items():
            if name == "critic" and not isinstance(node.component, ValuedCritic):
                found.add(node.label)
            visit(node.upstream)

    visit(models)
    return tuple(sorted(found))


def find_critic_departures(cell: Cell) -> tuple[str, ...] | None:
    """The settings in which the critic is not that of the method's authors' code, sorted.

    Compared are the `critic.*` settings that the method's `official` preset has, and those of its own that put
    another critic in the place of the shared one. Settings on which the preset is silent are not compared.

    Returns:
        None where the preset has none of these, or where Q is known and no critic is learned.
    """
    own = {name for name, value in cell.method.presets.get("official", {}).items() if value.own}
    authors = {
        name if "." in name else f"{cell.name}.{name}": value
        for name, value in find_source_values(cell.method, "official", OWN, cell.task).items()
        if name.startswith("critic.") or name in own
    }
    if not authors or isinstance(cell.task, DensityTask):
        return None
    settings = flatten(cell.config) | flatten(cell.method, cell.name)
    return tuple(sorted(name for name, value in authors.items() if settings[name] != value))


def read_versions() -> dict[str, str]:
    """Python's and the packages' that a score can depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def pack_arrays(outcome: Outcome, task: Task) -> bytes | None:
    """The samples of a density, or the trajectories of a maze, as an `.npz` file; None where there are none."""
    if outcome.points:
        return pack_samples(outcome.points)
    if outcome.trajectories and isinstance(task, ControlTask):
        return pack_trajectories(outcome.trajectories, task)
    return None


def pack_samples(points: Sequence[Points]) -> bytes:
    """The points of all β as an `.npz` file."""
    buffer = io.BytesIO()
    arrays = {
        f"{name}_{at.inverse_temperature:g}": array.astype(np.float32)
        for at in points
        for name, array in (("ours", at.ours), ("truth", at.truth))
    }
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
