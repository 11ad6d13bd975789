"""Lists what there is to choose from as plain text, and describes one method on a page.

The page has what a method is and trains, how large it is on a task, what its paper and its authors' code set, side
by side, and every departure of our code.
"""

import dataclasses
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from bench.cli.table import format_table
from bench.config.experiments import EXPERIMENTS, Part
from bench.config.presets import PRESETS
from bench.config.spec import join_items
from bench.reference.methods import MethodDescription, SettingRow, Sourced, describe_method
from bench.reference.sizes import PRESET, TASK, SizesOnTask, list_rows, measure_method
from bench.reference.values import format_value
from critics.weights import WEIGHTS
from foundation.errors import UserError
from methods.core.registry import get_method, method_names
from suites.registry import get_suite, suite_names
from suites.sources.auto import Source, Wanted
from suites.task import ControlTask

LINE = 120
WIDTHS = (26, 16, 16, 17, 16, 17)  # with two spaces between the columns, 118
HEADER = ("setting", "default here", "paper", "source", "official", "source")
HOW = (
    "Names without a dot are the method's settings: `--preset paper` and `--preset official` set them. Names with "
    "a dot are shared by all methods; only `--terms as-published` sets them per method. Where the paper is silent "
    "or its source says that it is unverified, its column has the code's value."
)

Row = Sequence[str]


def list_choices(what: str, name: str | None = None, task: str | None = None, preset: str | None = None) -> str:
    """The list of that name, or all of them, or the page of one method.

    Args:
        what: a list's name, `all` or `method`.
        name: of the method.
        task, preset: where the method's sizes are given; None for `TASK` and `PRESET`.

    Raises:
        UserError: `method` without a name, or what is of `method` with anything else; an unknown name.
    """
    if (what == "method") != (name is not None):
        wrong = (
            "needs a method's name" if name is None else f"takes no name such as {name!r}, only list method does"
        )
        raise UserError(f"list {what} {wrong}; see list methods, then for one of them list method swg.")
    if name is not None:
        return format_method(name, task or TASK, preset or PRESET)
    if task is not None or preset is not None:
        given = "--task" if task is not None else "--preset"
        raise UserError(f"list {what} has no sizes, so {given} would change nothing; it is of list method swg.")
    parts: dict[str, Callable[[], str]] = {
        "methods": list_methods,
        "suites": list_suites,
        "tasks": list_tasks,
        "experiments": list_experiments,
        "presets": list_presets,
        "weights": list_weights,
    }
    chosen = parts.values() if what == "all" else [parts[what]]
    return "\n\n".join(part() for part in chosen)


def list_methods() -> str:
    """Every method: whether it is compared when none is named, its ρ, its settings and its paper."""
    rows = []
    for name in method_names():
        cls = get_method(name)
        grid = "-" if cls.rho is None else ",".join(f"{rho:g}" for rho in cls.rho.grid)
        default = "yes" if cls.in_default_comparison else "no"
        rows.append((name, cls.title, default, grid, format_fields(cls) or "-", cls.paper))
    return format_table("Methods", ("name", "title", "by default", "ρ grid", "settings", "paper"), rows)


def list_suites() -> str:
    """Every task group with its number of tasks."""
    rows = [(name, get_suite(name).title, str(len(get_suite(name).tasks))) for name in suite_names()]
    return format_table("Suites", ("name", "title", "tasks"), rows)


def list_tasks() -> str:
    """Every task with its sizes, protocol and data."""
    rows = []
    for suite in suite_names():
        for task in get_suite(suite).tasks:
            control = isinstance(task, ControlTask)
            horizon = str(task.horizon) if control else "-"
            rho = "-" if task.published_rho is None else f"{task.published_rho:g}"
            canonical = Wanted(task).canonical
            data = ", ".join(
                f"{source}: {name}{' (canonical)' if canonical == Source(source, name) else ''}"
                for source, name in task.datasets.items()
            )
            sizes = f"{task.observation_dim}/{task.action_dim}"
            unit = f"{task.episodes} {'episodes' if control else 'samples per β'}"
            rows.append((suite, task.name, sizes, horizon, unit, rho, data))
    header = ("suite", "task", "obs/act", "horizon", "evaluation per seed", "published ρ", "data sets")
    return format_table("Tasks", header, rows)


def list_experiments() -> str:
    """Every experiment, a row for each choice of settings in it."""
    rows = []
    for name, experiment in EXPERIMENTS.items():
        numbers = experiment.table or "a figure, without numbers"
        for part in experiment.parts:
            tasks = part.find_tasks()
            shown = ",".join(part.tasks) if part.tasks is not None else f"all {len(tasks)}"
            settings = ", ".join(f"{field}={value}" for field, value in part.settings.items())
            rows.append(
                (name, numbers, part.suite, shown, ",".join(part.methods), format_scales(part), settings or "-")
            )
    header = ("name", "published as", "suite", "tasks", "methods", "ρ", "settings")
    return format_table("Experiments", header, rows)


def format_scales(part: Part) -> str:
    """Which scales a part runs with."""
    if part.rhos:
        return ",".join(f"{rho:g}" for rho in part.rhos)
    if part.published:
        return "swg: published" if len(part.methods) > 1 else "published"
    if part.tuned:
        return "tuned; another is compared with no row"
    return "tuned, published or default"


def list_presets() -> str:
    """Every preset with the fields that it sets over the defaults, and those that a suite adds to them."""
    rows = []
    for name, fields in PRESETS.items():
        of_suites = {suite: get_suite(suite).settings.get(name, {}) for suite in suite_names()}
        for suite, found in {"all": fields, **of_suites}.items():
            if found:
                rows.append((name, suite, ", ".join(f"{field}={value}" for field, value in found.items())))
    return format_table("Presets", ("name", "suite", "sets over the defaults, which are the papers'"), rows)


def list_weights() -> str:
    """Every weight function with its fields and first line."""
    rows = [(name, format_fields(cls), (cls.__doc__ or "").splitlines()[0]) for name, cls in WEIGHTS.items()]
    return format_table("Weights", ("name", "fields", "formula"), rows)


def format_fields(cls: Any) -> str:
    """The fields of a dataclass with their defaults."""
    return ", ".join(f"{field.name}={field.default}" for field in dataclasses.fields(cls))


def format_method(name: str, task: str, preset: str) -> str:
    """Law, sizes, settings, sources and deviations of the method of that name.

    Raises:
        UnknownName: no method, task or preset has it; near names are suggested.
        UserError: the method does not work on the task.
    """
    method = describe_method(name)
    title = f"{name}: {method.title} ({method.paper})"
    sizes = format_sizes(measure_method(name, task, preset))
    described = [format_making(method), sizes, format_settings(method)]
    return "\n\n".join([title, *described, *format_tuning(method), format_deviations(method)])


def format_making(method: MethodDescription) -> str:
    """The law of its actions, what is trained for it, and through what the gradient of its guidance goes."""
    lines = [] if method.law is None else [f"{method.law.title}: {method.law.text}"]
    lines.append(f"Trained for it at its default settings: {', '.join(method.trained) or 'nothing'}.")
    lines.append(f"Of these neither a critic nor what acts: {', '.join(method.further) or 'none'}.")
    if method.gradient is not None:
        lines.append(f"The gradient of its guidance goes through {method.gradient}.")
    return "\n".join(textwrap.fill(line, LINE, subsequent_indent="  ") for line in lines)


def format_sizes(sizes: SizesOnTask) -> str:
    """Parameters of what is trained, and what an action takes, under both terms."""
    task = sizes.task
    about = (
        f"On {task.name} ({task.observation_dim} observations, {task.action_dim} actions) with --preset "
        f"{sizes.preset}; parameters are of one seed, target networks left out:"
    )
    rows = list_rows(sizes)
    width = max(len(name) for name, _, _ in rows)
    lines = [f"  {'':{width}}  {'controlled':>12}  {'as-published':>12}"]
    lines += [f"  {name:{width}}  {one:>12}  {other:>12}" for name, one, other in rows]
    return "\n".join([textwrap.fill(about, LINE), *lines])


def format_settings(method: MethodDescription) -> str:
    """Every setting that a source or the method itself has, with both sources' values."""
    lines = [line for row in [HEADER, *map(format_row, method.rows)] for line in wrap_row(row)]
    return "\n".join([*textwrap.wrap(HOW, LINE), "", *lines])


def format_row(row: SettingRow) -> Row:
    """The cells of a setting's row; one that is about some tasks has neither default nor sources."""
    sources = (row.paper, row.official)
    if row.tasks is not None:
        paper, official = ("-" if found is None else format_value(found.value) for found in sources)
        return (f"  on {row.tasks}", "", paper, "", official, "")
    return (row.name, format_value(row.default), *(cell for found in sources for cell in format_sourced(found)))


def format_sourced(found: Sourced | None) -> tuple[str, str]:
    """A value and its source, with a note where a controlled comparison leaves it out."""
    if found is None:
        return "-", "-"
    return format_value(found.value), found.source + (" (with --terms as-published)" if found.own else "")


def wrap_row(row: Row) -> list[str]:
    """The lines of a table's row, each cell wrapped in its column."""
    cells = [
        textwrap.wrap(
            cell, width, subsequent_indent=" " * (len(cell) - len(cell.lstrip())), break_on_hyphens=False
        )
        or [""]
        for cell, width in zip(row, WIDTHS, strict=True)
    ]
    height = max(map(len, cells))
    filled = [cell + [""] * (height - len(cell)) for cell in cells]
    return [
        "  ".join(cell[line].ljust(width) for cell, width in zip(filled, WIDTHS, strict=True)).rstrip()
        for line in range(height)
    ]


def format_tuning(method: MethodDescription) -> list[str]:
    """What `tune-rho` and `tune` try, and whether a task's published ρ is this method's."""
    lines: list[str] = []
    if method.rho is not None:
        grid = ", ".join(f"{rho:g}" for rho in method.rho.grid)
        published = "; a task's published ρ (`list tasks`) overrides the default" if method.rho.published else ""
        if published and method.rho.published_with:
            published += (
                f" with {join_items(f'{name}={like}' for name, like in method.rho.published_with.items())}"
            )
        lines.append(f"Guidance scale ρ: tune-rho tries {grid}{published}.")
    for knob in method.knobs:
        trains = "; it changes what is trained: tune --training" if knob.trains else ""
        lines.append(f"Knob {knob.name}: tune tries {knob.values}{trains}.")
    return ["\n".join(textwrap.fill(line, LINE, subsequent_indent="  ") for line in lines)] if lines else []


def format_deviations(method: MethodDescription) -> str:
    """A paragraph for each departure by file: of the methods' own files, then of what all methods share."""
    parts = []
    for title, own in (("this method", True), ("the shared critic, backbone and sampler", False)):
        lines = [
            textwrap.fill(f"{found.file}: {found.text}", LINE, initial_indent="  ", subsequent_indent="    ")
            for found in method.deviations
            if found.own == own
        ]
        parts.append("\n".join([f"Deviations of {title}:", *(lines or ["  none"])]))
    return "\n\n".join(parts)
