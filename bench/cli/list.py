"""Lists what there is to choose from as plain text, and describes one method on a page.

The page has what its paper and its authors' code set, side by side, and every departure of our code: the
`Deviation:` paragraphs of the method's file and of what it imports, read from the source without running it.
"""

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import methods
from bench.cli.table import format_table
from bench.config.experiments import EXPERIMENTS, Part
from bench.config.presets import PRESETS
from bench.config.spec import Config, flatten
from critics.weights import WEIGHTS
from foundation.errors import UserError
from methods.core.method import Method
from methods.core.registry import get_method, method_names
from methods.presets.value import TOY, Settings, Value
from suites.registry import get_suite, suite_names
from suites.sources.auto import Source, Wanted
from suites.task import ControlTask

MARK = "Deviation:"
ROOT = Path(inspect.getfile(methods)).parent.parent
PACKAGES = ("methods", "critics", "training")
LINE = 120
WIDTHS = (26, 16, 16, 17, 16, 17)  # with two spaces between the columns, 118
HEADER = ("setting", "default here", "paper", "source", "official", "source")
HOW = (
    "Names without a dot are the method's settings: `--preset paper` and `--preset official` set them. Names with "
    "a dot are shared by all methods; only `--terms as-published` sets them per method. Where the paper is silent "
    "its column has the code's value."
)

Row = Sequence[str]


def list_choices(what: str, name: str | None = None) -> str:
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
        return describe_method(name)
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
    return "tuned, published or default"


def list_presets() -> str:
    """Every preset with the fields it sets."""
    rows = [
        (name, ", ".join(f"{field}={value}" for field, value in fields.items()) or "the papers' own sizes")
        for name, fields in PRESETS.items()
    ]
    return format_table("Presets", ("name", "sets"), rows)


def list_weights() -> str:
    """Every weight function with its fields and first line."""
    rows = [(name, format_fields(cls), (cls.__doc__ or "").splitlines()[0]) for name, cls in WEIGHTS.items()]
    return format_table("Weights", ("name", "fields", "formula"), rows)


def format_fields(cls: Any) -> str:
    """The fields of a dataclass with their defaults."""
    return ", ".join(f"{field.name}={field.default}" for field in dataclasses.fields(cls))


def describe_method(name: str) -> str:
    """Settings, sources and deviations of the method of that name.

    Raises:
        MethodError: an unknown name, with the near ones.
    """
    cls = get_method(name)
    parts = [f"{name}: {cls.title} ({cls.paper})", format_settings(cls), *format_rho(cls), format_deviations(cls)]
    return "\n\n".join(parts)


def format_settings(cls: type[Method]) -> str:
    """Every setting that a preset or the method itself has, with both presets' values and sources."""
    paper, official = (cls.presets.get(source, {}) for source in ("paper", "official"))
    defaults = find_defaults(cls)
    own = [name for name in defaults if "." not in name]
    names = list(dict.fromkeys([*own, *paper, *official]))
    rows = [row for name in names for row in make_rows(name, defaults, paper, official)]
    lines = [line for row in [HEADER, *rows] for line in wrap_row(row)]
    return "\n".join([*textwrap.wrap(HOW, LINE), "", *lines])


def find_defaults(cls: type[Method]) -> dict[str, Any]:
    """The method's own settings by plain names, ρ if it has one, and the shared ones by dotted names."""
    rho = {} if cls.rho is None else {"rho": cls.rho.default}
    return flatten(cls()) | rho | flatten(Config())


def make_rows(name: str, defaults: Mapping[str, Any], paper: Settings, official: Settings) -> list[Row]:
    """The row of a setting, and one more for each group of tasks where a source makes an exception."""
    found = [settings.get(name) for settings in (paper, official)]
    values = [(format_value(value.value), format_source(value)) if value else ("-", "-") for value in found]
    rows: list[Row] = [(name, format_value(defaults[name]), *values[0], *values[1])]
    for title, tasks in find_exceptions(*(value.where for value in found if value)).items():
        here = [format_value(value.where.get(tasks[0], value.value)) if value else "-" for value in found]
        rows.append((f"  on {title}", "", here[0], "", here[1], ""))
    return rows


def format_source(value: Value) -> str:
    """A value's source, and whether a controlled comparison leaves it out."""
    return f"{value.source} (with --terms as-published)" if value.own else value.source


def find_exceptions(*wheres: Mapping[str, Any]) -> dict[str, list[str]]:
    """Patterns of tasks by a title, the toy sets under one."""
    groups: dict[str, list[str]] = {}
    for pattern in dict.fromkeys(pattern for where in wheres for pattern in where):
        groups.setdefault("the toy sets" if pattern in TOY else pattern, []).append(pattern)
    return groups


def format_value(value: Any) -> str:
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


def format_rho(cls: type[Method]) -> list[str]:
    """What `tune-rho` tries, and whether a task's published ρ is this method's."""
    if cls.rho is None:
        return []
    grid = ", ".join(f"{rho:g}" for rho in cls.rho.grid)
    published = "; a task's published ρ (`list tasks`) overrides the default" if cls.rho.published else ""
    return ["\n".join(textwrap.wrap(f"Guidance scale ρ: tune-rho tries {grid}{published}.", LINE))]


def format_deviations(cls: type[Method]) -> str:
    """A paragraph for each departure by file: of the methods' own files, then of what all methods share."""
    parts = []
    for title, own in (("this method", True), ("the shared critic, backbone and sampler", False)):
        lines = [
            textwrap.fill(f"{format_path(file)}: {text}", LINE, initial_indent="  ", subsequent_indent="    ")
            for file in find_files(cls)
            if is_method(file) == own
            for text in find_paragraphs(file.read_text("utf-8"))
        ]
        parts.append("\n".join([f"Deviations of {title}:", *(lines or ["  none"])]))
    return "\n\n".join(parts)


def is_method(file: Path) -> bool:
    """Whether a file is a method's: it lies in `methods/` itself, or is a plug-in."""
    return file.parent == ROOT / "methods" or not any(file.is_relative_to(ROOT / name) for name in PACKAGES)


def find_files(cls: type[Method]) -> list[Path]:
    """The method's file and what it imports of our packages, directly or not, in the order it is met."""
    waiting, found = [Path(inspect.getfile(cls))], {}
    while waiting:
        file = waiting.pop(0)
        if file not in found:
            found[file] = None
            waiting += find_imports(file)
    return list(found)


def find_imports(file: Path) -> Iterator[Path]:
    """Files of our packages that a file names in its imports; one of `methods` is where the name stands."""
    tree = ast.parse(file.read_text("utf-8"))
    only_types = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test)]
    unseen = {id(inner) for node in only_types for inner in ast.walk(node)}
    for node in (node for node in ast.walk(tree) if id(node) not in unseen):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            if node.module == "methods":
                names += [methods.find_module(alias.name) for alias in node.names]
        else:
            continue
        for name in names:
            folder = ROOT.joinpath(*name.split("."))
            if name.split(".")[0] in PACKAGES:
                yield from filter(Path.is_file, (folder.with_suffix(".py"), folder / "__init__.py"))


def find_paragraphs(source: str) -> Iterator[str]:
    """The texts after `Deviation:` in docstrings and comments, up to an empty line or the end of either."""
    lines = source.splitlines()
    for number, line in enumerate(lines):
        before, mark, text = line.partition(MARK)
        if not mark or (before.strip(' "#') and "#" not in before):
            continue
        words, ended = [text.replace('"""', "")], '"""' in text
        for following in lines[number + 1 :]:
            comment = following.strip().startswith("#")
            rest = following.strip().lstrip("# ")
            if ended or not rest or MARK in rest or comment != ("#" in before):
                break
            ended = '"""' in rest
            words.append(rest.replace('"""', ""))
        yield " ".join(word.strip() for word in words if word.strip())


def format_path(file: Path) -> str:
    """A file of our packages by its place in the repository, a plug-in by its name."""
    return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else file.name
