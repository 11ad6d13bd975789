"""The section on sweeps of methods: score against the setting, and at which value a method is compared."""

import re
from collections.abc import Iterable, Sequence

from reports.analysis.declared import Declared, SweptSuite
from reports.analysis.scales import collect_sweep_points
from reports.analysis.sweep_values import SweepValue, group_values
from reports.figures.scales import make_sweep_figure
from reports.load.sweeps import RHO, Sweep, name_setting
from reports.load.tuning_schema import LedgerEntry
from reports.render.document import Block, Details, Heading, Text, name_table
from reports.render.numbers import describe_few_seeds
from reports.render.sweep_tables import format_value, tabulate_sweep_aggregates, tabulate_sweeps
from reports.render.tables import describe_scores


def make_sweep_blocks(
    swept: SweptSuite, values: Sequence[SweepValue], ledger: Sequence[LedgerEntry]
) -> list[Block]:
    """The section; nothing where nothing is swept.

    Args:
        swept: the suite.
        values: every value of its sweeps.
        ledger: of the results folder, for the points of tuning.
    """
    if not swept.sweeps:
        return []
    scores = swept.scores
    blocks: list[Block] = [
        Heading(3, scores.add_source("Sweeps")),
        Text(f"{describe_sweeps(swept)} {describe_scores(scores)} {describe_value_intervals(swept)}"),
        Text(describe_declared(swept)),
    ]
    for setting, own in group_values(values).items():
        blocks += _make_setting_blocks(swept, setting, own, ledger)
    return blocks


def _make_setting_blocks(
    swept: SweptSuite, setting: str, values: Sequence[SweepValue], ledger: Sequence[LedgerEntry]
) -> list[Block]:
    """The figure and the tables of the sweeps of one setting."""
    scores = swept.scores
    name = name_files(setting)
    aggregates = name_table(tabulate_sweep_aggregates(values), scores.suite, f"{name}-aggregates")
    note = Text("Scores divided by 100, with the intervals of the section on aggregates, one value at a time.")
    return [
        make_sweep_figure(scores, values, collect_sweep_points(scores, values, ledger)),
        name_table(tabulate_sweeps(scores, values), scores.suite, name, splits=True),
        Details(f"Aggregates at every {name_setting(setting)}", (note, aggregates)),
    ]


def name_files(setting: str) -> str:
    """What files of a sweep's tables are called; the setting's name is from a results file."""
    return f"sweep-{re.sub(r'[^A-Za-z0-9._-]', '-', setting)}"


def describe_sweeps(swept: SweptSuite) -> str:
    """Which methods are swept over what, and which of their values are left out."""
    parts = [f"{_join(found)} over {axis}" for axis, found in _group(swept.sweeps).items()]
    said = f"Swept: {'; '.join(parts)}."
    failed = [f"`{label}`" for sweep in swept.sweeps for label in sweep.failed]
    return f"{said} Not shown, with a failed cell: {', '.join(failed)}." if failed else said


def _group(sweeps: Iterable[Sweep]) -> dict[str, list[str]]:
    """The axis in words, such as `ρ (7 values from 0 to 100)`, to the families that have it."""
    found: dict[str, list[str]] = {}
    for sweep in sweeps:
        low, high = (format_value(end(sweep.variants)) for end in (min, max))
        count = len(sweep.variants)
        axis = f"{sweep.symbol} ({f'{count} values from {low} to {high}' if count > 1 else f'1 value: {low}'})"
        found.setdefault(axis, []).append(sweep.family)
    return found


def describe_value_intervals(swept: SweptSuite) -> str:
    """What the intervals of a curve are not."""
    few = describe_few_seeds(len(swept.scores.seeds))
    return few or "An interval is 95 % for one value; that of a whole curve would be wider."


def describe_declared(swept: SweptSuite) -> str:
    """At which values sweeps are compared and why at no other, and which are compared at none."""
    runs, bias = _name_runs(swept), "mean is too high" if swept.scores.is_control else "distance is too small"
    said = (
        f"No method is compared at the best value of its sweep: a value that is chosen by the reported {runs} is "
        f"judged by the data that chose it, so that its {bias} and its interval and p are too small. "
    )
    if swept.declared:
        said += f"Compared, at a value that these {runs} did not choose: {'; '.join(_list_declared(swept))}. "
    of_rho = [sweep.family for sweep in swept.undeclared if sweep.setting == RHO]
    others = [sweep.family for sweep in swept.undeclared if sweep.setting != RHO]
    if of_rho:
        said += (
            f"In no comparison: {_join(of_rho)}, of which no ρ of the sweep is known to be tuned on other seeds, "
            f"published{'' if swept.scores.is_control else ', exact'} or the default on every task; a run without "
            "`--rho` into the same folder adds such a one. "
        )
    if others:
        said += (
            f"In no comparison: {_join(others)}, of which no value of the sweep is known to be the one that a run "
            "takes on every task where that setting is not given; results of earlier versions do not say it. "
        )
    return said.rstrip()


def _name_runs(swept: SweptSuite) -> str:
    """What a score is made from."""
    return "episodes" if swept.scores.is_control else "samples"


def _list_declared(swept: SweptSuite) -> list[str]:
    """`swg` and `cep`, each at its default ρ (10); methods with the same value together."""
    found: dict[str, list[str]] = {}
    settings = {sweep.family: sweep.symbol for sweep in swept.sweeps}
    for family, value in swept.declared.items():
        found.setdefault(describe_value(value, settings[family]), []).append(family)
    return [f"{_join(own)}{', each' if len(own) > 1 else ''} at {value}" for value, own in found.items()]


def describe_value(declared: Declared, setting: str) -> str:
    """`its default ρ (10)`, or `its tuned ρ (0.3 to 10, by task)`."""
    low, high = min(declared.values.values()), max(declared.values.values())
    which = format_value(low) if low == high else f"{format_value(low)} to {format_value(high)}, by task"
    return f"its {declared.source} {setting} ({which})"


def describe_swept_conclusion(swept: SweptSuite | None) -> str:
    """What the opening says of a suite's sweeps, with a space before it; nothing where nothing is swept."""
    if swept is None or not swept.sweeps:
        return ""
    at, runs = _list_declared(swept), _name_runs(swept)
    apart = _join([sweep.family for sweep in swept.undeclared]) if swept.undeclared else ""
    none = f"{apart} at no value, since none is known to be tuned, published or the default"
    parts = [*at, *([none] if apart else [])]
    return (
        f" Swept methods are compared at a value that these {runs} did not choose: {'; '.join(parts)}. The "
        f"best of a sweep is compared with nothing, since these {runs} chose it."
    )


def _join(names: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
