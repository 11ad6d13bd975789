"""The schema of a frozen plan: what a comparison is to be, with a hash, written before anything is evaluated.

The hash is the SHA-256 of the rest of the file as JSON with sorted keys and no spaces. It shows an edit to whoever
has kept the hash elsewhere; who edits the file can make the hash anew.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from reports.errors import ReportError
from reports.load.base_schema import Schema
from reports.load.fields import Name, Whole
from reports.load.files import read_file
from reports.load.later_settings import fill_settings
from reports.load.schema import Format

FROZEN = "frozen_plan.json"


class RhoRule(Schema):
    """How the guidance scale ρ of a method on a task is chosen.

    Attributes:
        source: as `rho_source` of a result; None for a method without ρ.
        values: the scales, where they were known; none where ρ was still to be tuned.
    """

    source: Literal["given", "exact", "tuned", "preset", "published", "default"] | None
    values: tuple[float, ...]

    def describe(self) -> str:
        """`given 1, 2`, `tuned`, `default 3`, or `none`."""
        return " ".join(filter(None, (self.source or "none", ", ".join(f"{value:g}" for value in self.values))))


class TuningRule(Schema):
    """How ρ and settings of a method on a task are tuned.

    Attributes:
        trials: at least.
        open: what was still to be chosen: `rho`, and the method's settings by its names for them.
    """

    trials: Whole
    open: tuple[str, ...]


class FrozenMethod(Schema):
    """A method with its settings on a task.

    Attributes:
        data: source and fingerprint.
        settings: every setting by its dotted name, those that the methods share among them.
        rho: how ρ is chosen.
        tuning: how ρ and settings are tuned; None where they are not.
        episodes: of each seed; on a density, samples at each β.
        components: KIND-KEY of each trained part by the method's name for it; a key holds the code's version.
        policy: hash of its components' keys, of the sampler, of the method's settings and of its file's code.
    """

    suite: Name
    task: Name
    method: Name
    data: tuple[str, str]
    settings: Mapping[str, Any]
    rho: RhoRule
    tuning: TuningRule | None
    episodes: Whole
    components: Mapping[str, str]
    policy: str

    @property
    def acting_settings(self) -> Mapping[str, Any]:
        """The settings with those that came after the plan was frozen; its hash is of those that it has."""
        return fill_settings(self.settings)


class FrozenPlan(Schema):
    """`frozen_plan.json`: a comparison as it was planned.

    Attributes:
        created: date and time in UTC, ISO 8601.
        preset, terms, protocol, experiment: names; terms as in a result.
        seeds: of training and evaluation.
        primary: the two methods whose difference is the primary comparison, or None.
        methods: an entry for each method with its settings on each task.
        versions: of Python and of the packages that a score can depend on.
        hash: of all other fields, see `hash_plan`.
    """

    format: Format
    created: str
    preset: str
    terms: str
    protocol: str | None
    experiment: str | None
    seeds: tuple[Whole, ...]
    primary: tuple[str, str] | None
    methods: tuple[FrozenMethod, ...]
    versions: Mapping[str, str]
    hash: str


def hash_plan(plan: FrozenPlan) -> str:
    """SHA-256 of a plan's canonical JSON without its hash."""
    fields = {name: value for name, value in dump_plan(plan).items() if name != "hash"}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def dump_plan(plan: FrozenPlan) -> dict[str, Any]:
    """A plan as the JSON values that its file has."""
    return json.loads(plan.model_dump_json(by_alias=True))


def is_same_plan(one: FrozenPlan, other: FrozenPlan) -> bool:
    """Whether two plans differ in nothing but when they were frozen."""
    return _dump_what_is_planned(one) == _dump_what_is_planned(other)


def _dump_what_is_planned(plan: FrozenPlan) -> dict[str, Any]:
    """Without when it was frozen and its hash, with all settings."""
    said = dump_plan(plan)
    methods = [{**method, "settings": fill_settings(method["settings"])} for method in said["methods"]]
    return {**said, "methods": methods, "created": "", "hash": ""}


def read_frozen_plan(file: Path) -> FrozenPlan | None:
    """The plan in a file, its hash checked; None where there is no file.

    Raises:
        ReportError: it is no frozen plan, or was edited.
    """
    if not os.path.lexists(file):
        return None
    plan = read_file(file, FrozenPlan)
    found = hash_plan(plan)
    if found != plan.hash:
        raise ReportError(
            f"frozen plan {str(file)!r} was edited: it says hash {plan.hash[:12]}…, and its content has "
            f"{found[:12]}…; restore it from a copy, or delete it for a report without a frozen plan."
        )
    return plan
