"""The tables of sweeps: a row for each method and value, those of one method together and ascending."""

from collections.abc import Iterable, Sequence

from reports.analysis.declared import SOURCES
from reports.analysis.density_sweeps import DensityValue
from reports.analysis.sweep_values import SweepValue
from reports.load.schema import Result
from reports.load.scores import SuiteScores
from reports.load.sweeps import name_setting
from reports.render.document import Table
from reports.render.episode_lists import Place, list_episodes
from reports.render.measure_tables import format_effective
from reports.render.numbers import format_estimate
from reports.render.tables import MEAN, format_mean, list_seeds


def format_value(value: float) -> str:
    """A swept value as in a variant's label."""
    return f"{value:g}" if abs(value) < 1e5 else f"{value:.12g}"


def tabulate_sweeps(scores: SuiteScores, values: Sequence[SweepValue]) -> Table:
    """Method and value × task, mean ± sd over seeds; the mean over several tasks first, with its interval.

    Args:
        scores: all of the suite.
        values: of the sweeps of one setting.
    """
    several = len(scores.tasks) > 1
    rows, notes, behind = [], dict[Place, str](), dict[Place, Sequence[Result]]()
    for place, value in enumerate(values):
        means = [format_estimate(value.mean, 1)] if several else []
        cells = [format_mean(value.matrix[:, i]) for i in range(len(scores.tasks))]
        head = _head(value)
        rows.append((*head, *means, *cells))
        if several:
            seeds = list_seeds(scores.seeds, value.matrix.mean(axis=1))
            notes[place, len(head)] = f"{seeds}; each the mean over {len(scores.tasks)} tasks"
        for i, task in enumerate(scores.tasks):
            cell = place, len(head) + len(means) + i
            behind[cell] = scores.of(task, value.variant)
            episodes = [len(result.episodes) for result in behind[cell]]
            notes[cell] = list_seeds(scores.seeds, value.matrix[:, i], episodes)
    header = ("method", name_setting(values[0].sweep.setting), "declared", *([MEAN] if several else []))
    header += tuple(map(scores.label_task, scores.tasks))
    return Table(header, tuple(rows), words=3, notes=notes, unfolded=list_episodes(behind))


def describe_sources(value: SweepValue | DensityValue) -> str:
    """`default`, or `tuned on 3 of 20 tasks`, for each source that declares the value; empty for none."""
    count, what = len(value.sources), "tasks" if isinstance(value, SweepValue) else "sets"
    said = []
    for source in SOURCES:
        here = sum(source in own for own in value.sources.values())
        said += [source if here == count else f"{source} on {here} of {count} {what}"] if here else []
    return ", ".join(said)


def tabulate_distance_sweeps(values: Sequence[DensityValue], sets: Sequence[str]) -> Table:
    """Method, value and set × β: the distance as a multiple of the noise floor.

    Args:
        values: of the sweeps of one setting.
        sets: that are shown.
    """
    betas = values[0].inverse_temperatures
    rows = [
        (*_head(value), task, *(format_estimate(value.multiples[task, beta], 1) for beta in betas))
        for value in values
        for task in sets
    ]
    return Table(_density_header(values[0]), tuple(rows), words=4)


def tabulate_effective_sweeps(values: Sequence[DensityValue]) -> Table:
    """Method, value and set × β: the effective β of the samples."""
    betas = values[0].inverse_temperatures
    rows = [
        (
            *_head(v),
            task,
            *(format_effective(v.effective[task, b]) if (task, b) in v.effective else "–" for b in betas),
        )
        for v in values
        for task in v.sources
    ]
    return Table(_density_header(values[0]), tuple(rows), words=4)


def _head(value: SweepValue | DensityValue) -> tuple[str, str, str]:
    """Method, value, and what declares it."""
    return value.sweep.family, format_value(value.value), describe_sources(value) or "–"


def _density_header(value: DensityValue) -> tuple[str, ...]:
    betas = (f"β = {beta:g}" for beta in value.inverse_temperatures)
    return ("method", name_setting(value.sweep.setting), "declared", "set", *betas)


def tabulate_sweep_aggregates(values: Iterable[SweepValue]) -> Table:
    """Method and value × aggregate with intervals, in scores divided by 100."""
    every = list(values)
    names = tuple(every[0].aggregates)
    rows = [
        (v.sweep.family, format_value(v.value), *(format_estimate(v.aggregates[name], 3) for name in names))
        for v in every
    ]
    return Table(("method", name_setting(every[0].sweep.setting), *names), tuple(rows), words=2)
