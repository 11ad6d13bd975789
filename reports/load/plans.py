"""Reads `plans.jsonl`, the record of every plan: a line for each run, which holds the hash of the line before.

A line that was changed, taken out or put elsewhere breaks the chain and is refused. A torn last line, left by a
process that was killed while it wrote, is passed over.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reports.errors import ReportError
from reports.load.files import read_lines
from reports.load.ledger import FIRST, hash_line, split_lines
from reports.load.schema import Plan, PlanEntry
from reports.load.seals import find_chain_fault
from reports.load.variants import label_entries

PLANS = "plans.jsonl"


@dataclass(frozen=True)
class PlanRecord:
    """Every plan of a results folder.

    Attributes:
        plans: oldest first.
        length: bytes of their lines; what stands behind them is torn.
        last: hash of the last line.
    """

    plans: tuple[Plan, ...]
    length: int
    last: str

    @property
    def newest(self) -> tuple[PlanEntry, ...]:
        """The cells of the last run; none where nothing was planned."""
        return self.plans[-1].cells if self.plans else ()

    @property
    def earlier(self) -> tuple[PlanEntry, ...]:
        """The cells of earlier runs that are not among those of the last, each once."""
        newest = {cell.path for cell in self.newest}
        cells = {cell.path: cell for plan in self.plans[:-1] for cell in plan.cells}
        return tuple(cell for path, cell in cells.items() if path not in newest)

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """The variant of every cell of every plan by its path, see `label_entries`."""
        return label_entries((*self.newest, *self.earlier))


def read_plans(folder: Path) -> PlanRecord:
    """The record of a results folder, its chain checked; without a plan where there is no file.

    Raises:
        ReportError: a line that is no plan, or whose `previous` is not the hash of the line before, or whose
            own hash is another.
    """
    file = folder / PLANS
    lines, _ = split_lines(read_lines(file))
    plans, previous = list[Plan](), FIRST
    for number, line in enumerate(lines, 1):
        try:
            plan = Plan.model_validate_json(line)
        except ValidationError as error:
            raise _report_damage(file, number, "is not a plan") from error
        fault = find_chain_fault(line, plan.sha256, plan.previous, previous)
        if fault is not None:
            raise _report_damage(file, number, fault)
        plans.append(plan.model_copy(update={"sha256": None, "cells": tuple(_find_config(plan))}))
        previous = hash_line(line)
    return PlanRecord(tuple(plans), sum(len(line) + 1 for line in lines), previous)


def _find_config(plan: Plan) -> Iterable[PlanEntry]:
    """The cells of a plan with their settings."""
    for cell in plan.cells:
        config = None if cell.settings is None else plan.settings[cell.settings]
        yield cell.model_copy(update={"config": config})


def make_plan(previous: str, created: str, cells: Iterable[PlanEntry]) -> Plan:
    """A plan of cells in which equal settings stand once.

    Args:
        previous, created: as in `Plan`.
        cells: with their `config`, as far as it is known.
    """
    places: dict[str, int] = {}
    settings: list[Mapping[str, Any]] = []
    placed: list[PlanEntry] = []
    for cell in cells:
        place = None
        if cell.config is not None:
            place = places.setdefault(json.dumps(dict(cell.config)), len(settings))
            if place == len(settings):
                settings.append(cell.config)
        placed.append(cell.model_copy(update={"settings": place}))
    return Plan(previous=previous, created=created, cells=tuple(placed), settings=tuple(settings))


def list_missing(cells: Iterable[PlanEntry], folder: Path) -> list[PlanEntry]:
    """The cells whose results are not in the folder."""
    return [cell for cell in cells if not (folder / cell.path).is_file()]


def _report_damage(file: Path, number: int, what: str) -> ReportError:
    return ReportError(
        f"the record of plans {str(file)!r} is damaged: line {number} {what}, so that lines were edited, removed "
        "or reordered; restore it from a copy, or delete it, and reports no longer know what earlier runs planned."
    )
