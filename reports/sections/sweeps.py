"""Sweeps of `bench time`: one setting over several values, with the parameters that SWG's Table 10 prints."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from reports.analysis.costs import tell_apart
from reports.figures.sweeps import Line, make_sweep_figure
from reports.load.timing_schema import Milliseconds, TimingRow
from reports.load.variants import name_terms
from reports.render.document import Block, Details, Heading, Table, Text
from reports.render.numbers import format_milliseconds, format_ratio
from reports.sections.timed_places import describe_places

_PRINTED = {
    "depth": ("depth (hidden 2056)", "denoiser.width", 2056),
    "width": ("width (4-layer MLP)", "denoiser.blocks", 4),
}
_NETWORK = "mlp"


@dataclass(frozen=True)
class SweepGroup:
    """The rows of one picture: of a task, a sweep, terms, a device and a batch.

    Attributes:
        rows: ascending by the setting's value.
        labels: key of a row → method and what sets it apart.
    """

    rows: tuple[TimingRow, ...]
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        """The sweep's."""
        return "" if self.rows[0].sweep is None else self.rows[0].sweep.name

    def find(self, label: str, value: int, guided: bool) -> TimingRow | None:
        """The row there, if it was measured."""
        return next(
            (r for r in self.rows if (self.labels[r.key], _value(r), r.guided) == (label, value, guided)), None
        )


def _value(row: TimingRow) -> int:
    return 0 if row.sweep is None else row.sweep.value


def make_sweep_blocks(rows: Sequence[TimingRow]) -> list[Block]:
    """A table and a picture of every sweep on every task, terms, device and batch."""
    groups: dict[tuple[str, ...], list[TimingRow]] = {}
    for row in rows:
        if row.sweep is not None:
            place = (row.task, row.sweep.name, name_terms(row.terms), row.device, str(row.batch))
            groups.setdefault(place, []).append(row)
    blocks: list[Block] = []
    for (task, name, terms, device, batch), found in groups.items():
        apart = tell_apart(found)
        labels = {row.key: f"{row.method} {apart[row.key]}".strip() for row in found}
        group = SweepGroup(tuple(sorted(found, key=_value)), labels)
        title = f"Cost by {name}: {task}, {terms}, {device}, batch {batch}"
        means = Details("Mean ± 2 standard deviations, as SWG's figures have it", (tabulate_means(group),))
        file = f"{task}-{name}-{terms}-{device}-{batch}".replace(" ", "-")
        figure = make_sweep_figure(list_lines(group), name, file, title)
        blocks += [Heading(4, title), Text(_describe(group)), tabulate_sweep(group), means, figure]
    return blocks


def _describe(group: SweepGroup) -> str:
    first = group.rows[0]
    setting = "" if first.sweep is None else first.sweep.setting
    calls = " or ".join(map(str, sorted({row.calls for row in group.rows})))
    said = (
        f"`{setting}` varies. Milliseconds of {calls} calls are median [5th, 95th percentile], ratios within a "
        f"turn median [distribution-free interval of at least 95 %], on: {describe_places(group.rows)}."
    )
    if any(find_printed(row) for row in group.rows):
        said += " Table 10 is that of SWG (arXiv 2505.18345), which does not say of what states and actions."
    return said


def _list_places(group: SweepGroup) -> list[tuple[int, str]]:
    """Values and labels, in order."""
    labels = list(dict.fromkeys(group.labels[row.key] for row in group.rows))
    values = list(dict.fromkeys(map(_value, group.rows)))
    return [
        (value, label)
        for value in values
        for label in labels
        if group.find(label, value, True) or group.find(label, value, False)
    ]


def tabulate_sweep(group: SweepGroup) -> Table:
    """One row per value and policy: parameters, unguided and guided milliseconds, their ratio, evaluations."""
    has_printed = any(find_printed(row) for row in group.rows)
    lines: list[tuple[str, ...]] = []
    for value, label in _list_places(group):
        guided, unguided = group.find(label, value, True), group.find(label, value, False)
        acting = guided or unguided
        assert acting is not None, "one of them is there"
        lines.append(
            (
                label,
                str(value),
                f"{acting.parameters:,}",
                *([find_printed(acting) or "–"] if has_printed else []),
                format_milliseconds(unguided.milliseconds if unguided else None),
                format_milliseconds(guided.milliseconds if guided else None),
                format_ratio(guided.over_own_unguided if guided else None),
                f"{acting.forward:g} + {acting.gradients:g}",
            )
        )
    header = (
        "policy", group.name, "parameters", *(["Table 10"] if has_printed else []), "unguided ms", "guided ms",
        "guided / unguided", "forward + gradients",
    )  # fmt: skip
    return Table(header, tuple(lines))


def tabulate_means(group: SweepGroup) -> Table:
    """The same in the published form."""

    def show(row: TimingRow | None) -> str:
        return "–" if row is None else format_mean(row.milliseconds)

    lines = [
        (label, str(value), show(group.find(label, value, False)), show(group.find(label, value, True)))
        for value, label in _list_places(group)
    ]
    return Table(("policy", group.name, "unguided ms", "guided ms"), tuple(lines))


def format_mean(taken: Milliseconds) -> str:
    """Mean ± 2 standard deviations."""
    return f"{taken.mean:.2f} ± {2 * taken.deviation:.2f}"


def list_lines(group: SweepGroup) -> list[Line]:
    """The lines of the picture: every policy guided, and the first of each method unguided."""
    lines: list[Line] = []
    seen: set[str] = set()
    for label in dict.fromkeys(group.labels[row.key] for row in group.rows):
        method = label.split()[0]
        for guided in (False, True) if method not in seen else (True,):
            own = [row for row in group.rows if (group.labels[row.key], row.guided) == (label, guided)]
            kind = "guided" if guided else "unguided"
            points = {_value(row): row.milliseconds for row in own}
            lines += [Line(f"{label}, {kind}", method, guided, points)] if points else []
        seen.add(method)
    return lines


def find_printed(row: TimingRow) -> str | None:
    """The number of parameters in SWG's Table 10, as printed, where a row is of a network that stands there."""
    if row.sweep is None or row.sweep.name not in _PRINTED or row.settings.get("denoiser.network") != _NETWORK:
        return None
    sweep, setting, value = _PRINTED[row.sweep.name]
    return _read_printed().get((sweep, row.sweep.value)) if row.settings.get(setting) == value else None


@cache
def _read_printed() -> dict[tuple[str, int], str]:
    file = resources.files("reports") / "published" / "published_swg_parameter_counts.csv"
    with file.open(encoding="utf-8") as opened:
        return {(row["sweep"], int(row["value"])): row["parameters"] for row in csv.DictReader(opened)}
