"""What there is to choose from, as plain text: methods, suites, tasks, experiments, presets and weights."""

import dataclasses
from collections.abc import Callable, Sequence

from bench.cli.list_method import method_page
from bench.config.experiments import EXPERIMENTS, Part
from bench.config.presets import PRESETS
from critics.weights import WEIGHTS
from foundation.errors import UserError
from methods.core.registry import get_method, method_names
from suites.registry import get_suite, suite_names
from suites.task import ControlTask


def listing(what: str, name: str | None = None) -> str:
    """The list of that name, or all of them, or the page of one method.

    Raises:
        UserError: `method` without a name, or a name after anything else.
        MethodError: an unknown method.
    """
    if (what == "method") != (name is not None):
        wrong = (
            "needs a method's name" if name is None else f"takes no name such as {name!r}, only list method does"
        )
        raise UserError(f"list {what} {wrong}; see list methods, then for one of them list method swg.")
    if name is not None:
        return method_page(name)
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


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest entry, under a title."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, *rows]
    ]
    return "\n".join([title, *(f"  {line}" for line in lines)])


def list_methods() -> str:
    """Every method: whether it is compared when none is named, its ρ, its settings and its paper."""
    rows = []
    for name in method_names():
        cls = get_method(name)
        grid = "-" if cls.rho is None else ",".join(f"{rho:g}" for rho in cls.rho.grid)
        settings = ", ".join(
            f"{field.name}={field.default}"
            for field in dataclasses.fields(cls)  # pyright: ignore[reportArgumentType]
        )
        default = "yes" if cls.in_default_comparison else "no"
        rows.append((name, cls.title, default, grid, settings or "-", cls.paper))
    return table("Methods", ("name", "title", "by default", "ρ grid", "settings", "paper"), rows)


def list_suites() -> str:
    """Every task group with its number of tasks."""
    rows = [(name, get_suite(name).title, str(len(get_suite(name).tasks))) for name in suite_names()]
    return table("Suites", ("name", "title", "tasks"), rows)


def list_tasks() -> str:
    """Every task with its sizes, protocol and data."""
    rows = []
    for suite in suite_names():
        for task in get_suite(suite).tasks:
            control = isinstance(task, ControlTask)
            horizon = str(task.horizon) if control else "-"
            rho = "-" if task.published_rho is None else f"{task.published_rho:g}"
            data = ", ".join(f"{source}: {name}" for source, name in task.datasets.items())
            sizes = f"{task.observation_dim}/{task.action_dim}"
            unit = f"{task.episodes} {'episodes' if control else 'samples per β'}"
            rows.append((suite, task.name, sizes, horizon, unit, rho, data))
    header = ("suite", "task", "obs/act", "horizon", "evaluation per seed", "published ρ", "data sets")
    return table("Tasks", header, rows)


def list_experiments() -> str:
    """Every experiment, a row for each choice of settings in it."""
    rows = []
    for name, experiment in EXPERIMENTS.items():
        numbers = experiment.table or "a figure, without numbers"
        for part in experiment.parts:
            tasks = part.found_tasks()
            shown = ",".join(part.tasks) if part.tasks is not None else f"all {len(tasks)}"
            settings = ", ".join(f"{field}={value}" for field, value in part.settings.items())
            rows.append(
                (name, numbers, part.suite, shown, ",".join(part.methods), rho_said(part), settings or "-")
            )
    header = ("name", "published as", "suite", "tasks", "methods", "ρ", "settings")
    return table("Experiments", header, rows)


def rho_said(part: Part) -> str:
    """Which scales a part runs with."""
    if part.rhos:
        return ",".join(f"{rho:g}" for rho in part.rhos)
    if part.published:
        return "swg: published" if len(part.methods) > 1 else "published"
    return "as without one"


def list_presets() -> str:
    """Every preset with the fields it sets."""
    rows = [
        (name, ", ".join(f"{field}={value}" for field, value in fields.items()) or "the papers' own sizes")
        for name, fields in PRESETS.items()
    ]
    return table("Presets", ("name", "sets"), rows)


def list_weights() -> str:
    """Every weight function with its fields and first line."""
    rows = []
    for name, cls in WEIGHTS.items():
        fields = ", ".join(
            f"{field.name}={field.default}"
            for field in dataclasses.fields(cls)  # pyright: ignore[reportArgumentType]
        )
        rows.append((name, fields, (cls.__doc__ or "").splitlines()[0]))
    return table("Weights", ("name", "fields", "formula"), rows)
