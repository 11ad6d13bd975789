"""A method on a page: what its paper and its authors' code set, side by side, and every departure in our code."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from bench.cli.deviations import deviations
from bench.config.spec import Config, flatten
from methods.core.method import Method
from methods.core.registry import get_method
from methods.presets.value import TOY, Settings, Value

LINE = 120
WIDTHS = (26, 16, 16, 17, 16, 17)  # with two spaces between the columns, 118
HEADER = ("setting", "default here", "paper", "source", "official", "source")
HOW = (
    "Plain settings are the method's own: `--preset paper` and `--preset official` set them. Dotted ones are what "
    "methods share: `--terms own` sets them too. Where the paper is silent its column has the code's value."
)

Row = Sequence[str]


def method_page(name: str) -> str:
    """Settings, sources and deviations of the method of that name.

    Raises:
        MethodError: an unknown name, with the near ones.
    """
    cls = get_method(name)
    parts = [f"{name}: {cls.title} ({cls.paper})", settings_table(cls), *rho_lines(cls), deviation_lines(cls)]
    return "\n\n".join(parts)


def settings_table(cls: type[Method]) -> str:
    """Every setting that a preset or the method itself has, with both presets' values and sources."""
    paper, official = (cls.presets.get(source, {}) for source in ("paper", "official"))
    defaults = defaults_of(cls)
    own = [name for name in defaults if "." not in name]
    names = list(dict.fromkeys([*own, *paper, *official]))
    rows = [row for name in names for row in rows_of(name, defaults, paper, official)]
    lines = [line for row in [HEADER, *rows] for line in wrapped(row)]
    return "\n".join([*textwrap.wrap(HOW, LINE), "", *lines])


def defaults_of(cls: type[Method]) -> dict[str, Any]:
    """The method's own settings by plain names, ρ if it has one, and the shared ones by dotted names."""
    rho = {} if cls.rho is None else {"rho": cls.rho.default}
    return flatten(cls()) | rho | flatten(Config())


def rows_of(name: str, defaults: Mapping[str, Any], paper: Settings, official: Settings) -> list[Row]:
    """The row of a setting, and one more for each group of tasks where a source makes an exception."""
    found = [settings.get(name) for settings in (paper, official)]
    values = [(spoken(value.value), said_of(value)) if value else ("-", "-") for value in found]
    rows: list[Row] = [(name, spoken(defaults[name]), *values[0], *values[1])]
    for title, tasks in exceptions(*(value.where for value in found if value)).items():
        here = [spoken(value.where.get(tasks[0], value.value)) if value else "-" for value in found]
        rows.append((f"  on {title}", "", here[0], "", here[1], ""))
    return rows


def said_of(value: Value) -> str:
    """A value's source, and whether shared terms leave it out."""
    return f"{value.source} (with --terms own)" if value.own else value.source


def exceptions(*wheres: Mapping[str, Any]) -> dict[str, list[str]]:
    """Patterns of tasks by a title, the toy sets under one."""
    groups: dict[str, list[str]] = {}
    for pattern in dict.fromkeys(pattern for where in wheres for pattern in where):
        groups.setdefault("the toy sets" if pattern in TOY else pattern, []).append(pattern)
    return groups


def spoken(value: Any) -> str:
    """A value as a reader writes it."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:g}"
    return str(value)


def wrapped(row: Row) -> list[str]:
    """The lines of a table's row, each cell wrapped in its column."""
    cells = [
        textwrap.wrap(cell, width, subsequent_indent=" " * (len(cell) - len(cell.lstrip()))) or [""]
        for cell, width in zip(row, WIDTHS, strict=True)
    ]
    height = max(map(len, cells))
    filled = [cell + [""] * (height - len(cell)) for cell in cells]
    return [
        "  ".join(cell[line].ljust(width) for cell, width in zip(filled, WIDTHS, strict=True)).rstrip()
        for line in range(height)
    ]


def rho_lines(cls: type[Method]) -> list[str]:
    """What `tune-rho` tries, and whether a task's published ρ is this method's."""
    if cls.rho is None:
        return []
    grid = ", ".join(f"{rho:g}" for rho in cls.rho.grid)
    published = "; a task's published ρ (`list tasks`) goes before the default" if cls.rho.published else ""
    return ["\n".join(textwrap.wrap(f"Guidance scale ρ: tune-rho tries {grid}{published}.", LINE))]


def deviation_lines(cls: type[Method]) -> str:
    """One paragraph for each departure, by file."""
    found = deviations(cls)
    title = "Deviations of our code from the papers, in all that the method stands on:"
    lines = [
        "\n".join(textwrap.wrap(f"{file}: {text}", LINE, initial_indent="  ", subsequent_indent="    "))
        for file, text in found
    ]
    return "\n".join([title, *lines] if lines else [title, "  none"])
