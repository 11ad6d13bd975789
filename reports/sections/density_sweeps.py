"""The section on sweeps of a suite of densities: distance and effective β against the setting."""

from collections.abc import Sequence

from reports.analysis.declared import SweptSuite
from reports.analysis.density_sweeps import DensityValue
from reports.analysis.sweep_values import group_values
from reports.figures.density_sweeps import DISTANCE, EFFECTIVE, make_density_sweep_figure
from reports.load.sweeps import name_setting
from reports.render.document import Block, Details, Heading, Text, name_table
from reports.render.sweep_tables import tabulate_distance_sweeps, tabulate_effective_sweeps
from reports.sections.method_sweeps import describe_declared, describe_sweeps, describe_value_intervals, name_files

_MEASURES = (
    "Distances are multiples of the noise floor, geometric means over seeds; lower is better, and 1 is what exact "
    "samples have."
)


def make_density_sweep_blocks(swept: SweptSuite, values: Sequence[DensityValue]) -> list[Block]:
    """The section; nothing where nothing is swept.

    Args:
        swept: the suite.
        values: every value of its sweeps.
    """
    if not swept.sweeps:
        return []
    blocks: list[Block] = [
        Heading(3, "Sweeps"),
        Text(f"{describe_sweeps(swept)} {_MEASURES} {describe_value_intervals(swept)}"),
        Text(describe_declared(swept)),
    ]
    for setting, own in group_values(values).items():
        blocks += _make_setting_blocks(swept, setting, own)
    return blocks


def _make_setting_blocks(swept: SweptSuite, setting: str, values: Sequence[DensityValue]) -> list[Block]:
    """The figures and the tables of the sweeps of one setting, those of the mean over sets first."""
    scores, name, (first, *rest) = swept.scores, name_files(setting), values[0].sets
    figures = (make_density_sweep_figure(scores, values, measure) for measure in (DISTANCE, EFFECTIVE))
    blocks: list[Block] = [figure for figure in figures if figure is not None]
    blocks.append(name_table(tabulate_distance_sweeps(values, [first]), scores.suite, name))
    if rest:
        table = name_table(tabulate_distance_sweeps(values, rest), scores.suite, f"{name}-sets")
        blocks.append(Details(f"The distances of each set at every {name_setting(setting)}", (table,)))
    effective = name_table(tabulate_effective_sweeps(values), scores.suite, f"{name}-effective-beta")
    return [*blocks, Details(f"Effective β of each set at every {name_setting(setting)}", (effective,))]
