"""Generates pages from the code while MkDocs builds the site: one for each method, and the table of all settings.

Nothing that is generated is kept in the repository, so a new method needs no edit here.
"""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.reference.deviations import Deviation
from bench.reference.docstrings import read_attributes, read_description
from bench.reference.methods import (
    MethodDescription,
    SettingRow,
    Sourced,
    describe_method,
    drop_deviations,
)
from bench.reference.settings import Group, describe_group, describe_shared_settings
from bench.reference.sizes import PRESET, TASK, Sizes, SizesOnTask, list_rows, measure_method
from bench.reference.values import format_value
from critics.losses import VALUE_LOSSES
from critics.weights import WEIGHTS
from methods.core.registry import get_method, method_names

Row = Sequence[str]
METHODS = "methods/index.md"
SETTINGS = "settings-reference.md"
SOURCES = """Names without a dot are the method's own settings: `--preset paper` and `--preset official` (the
authors' code) set them. Names with a dot are shared by all methods of a comparison; only `--terms as-published`
sets them for each method. Where the paper is silent, or its source says that it is unverified, its column has
the code's value. Values marked † hold with `--terms as-published` alone. [Settings and
precedence](../settings.md) says which value counts."""
COMPARED = "compared if `--methods` is left out"
SIZES = f"""On `{TASK}` with `--preset {PRESET}`. Parameters are of one seed, target networks left out; passes
and gradients are of one action at the default ρ. `list method NAME --task TASK --preset PRESET` counts them
elsewhere."""
LAW = """A method is exact where its actions have the law that it aims at: at its default settings and ρ = 1, in
the limit of networks that have learned without error and of many noise levels. Its file says so; all else is
counted."""
COST = (
    "name", "trained", "further", "gradient through", "parameters trained", "of all that acts",
    "passes of the denoiser", "gradients", "other passes", "candidates",
)  # fmt: skip
SHARED = """The name of a flag without `--`, with `_` for `-`, is the setting's name in result files and in Python;
the data set's `--data-set.*` are `data.*` there. Defaults here are those of the code, which are the papers'; a
preset, a suite, a task or a method's source may set another, see [Settings and precedence](settings.md)."""


def on_config(config: Any) -> Any:
    """MkDocs: put the methods' pages into the navigation, below their table."""
    section = next(item["Methods"] for item in config.nav if "Methods" in item)
    section += [f"methods/{name}.md" for name in method_names()]
    return config


def on_files(files: Any, config: Any) -> Any:
    """MkDocs: add the generated pages to those of the folder."""
    from mkdocs.structure.files import File  # pyright: ignore[reportMissingImports]

    for path, text in make_pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def make_pages() -> dict[str, str]:
    """Path below `docs/` → the page as Markdown."""
    described = [describe_method(name) for name in method_names()]
    sizes = {name: measure_method(name) for name in method_names()}
    return {
        METHODS: make_methods_table(described, sizes),
        **{f"methods/{method.name}.md": make_method_page(method, sizes[method.name]) for method in described},
        SETTINGS: make_settings_page(),
    }


def make_methods_table(described: Sequence[MethodDescription], sizes: Mapping[str, SizesOnTask]) -> str:
    """The page with a row for each method in two tables: what it is, and what it takes."""
    rows = []
    for method in described:
        slots = read_slots(method.slots.partition("\n\n")[0])
        rows.append(
            (
                f"[{method.name}]({method.name}.md)",
                escape(method.title),
                *(escape(slots.get(name, "see its page")) for name in ("Objective", "Guidance", "Selection")),
                escape(method.law.title.lower() if method.law is not None else "not said"),
                "yes" if get_method(method.name).in_default_comparison else "only if named",
            )
        )
    text = """A method is an objective, a guidance and a selection: what the denoiser is trained on, how sampling
is steered, and how one action is picked among candidates. These pages are made from the methods' files."""
    header = ("name", "method", "objective", "guidance", "selection", "exact", COMPARED)
    cost = [make_cost_row(method, sizes[method.name].controlled) for method in described]
    made = """Under controlled terms; what is trained is so once for all methods that need it. Further is what is
neither a critic nor what acts."""
    return join_blocks(
        "# Methods",
        text,
        LAW,
        format_table(header, rows),
        "## What each takes",
        f"{SIZES} {made}",
        format_table(COST, cost),
    )


def make_cost_row(method: MethodDescription, sizes: Sizes) -> Row:
    """A method's row of the table of costs, under controlled terms."""
    spent = sizes.evaluations
    return (
        f"[{method.name}]({method.name}.md)",
        escape(", ".join(sizes.trained) or "nothing"),
        escape(", ".join(method.further) or "–"),
        method.gradient or "–",
        f"{sum(sizes.trained.values()):,}",
        f"{sizes.acting:,}",
        f"{spent.function:,}",
        f"{spent.gradient:,}",
        f"{spent.beside:,}",
        "–" if spent.candidates is None else f"{spent.candidates:,}",
    )


def make_method_page(method: MethodDescription, sizes: SizesOnTask) -> str:
    """The page of one method."""
    first, _, rest = method.slots.partition("\n\n")
    slots = [f"- {name}: {escape(text)}" for name, text in read_slots(first).items()]
    law = [] if method.law is None else [f"{method.law.title}: {escape(method.law.text)}"]
    return join_blocks(
        f"# {method.name}",
        f"{escape(method.title)}. Source: {escape(method.paper)}.",
        "## Definition",
        "\n".join(slots) or format_text(first),
        *law,
        format_text(method.definition),
        *([format_text(rest)] if rest else []),
        *format_parts(method),
        *format_facts(method, sizes),
        "## Settings by paper and by code",
        SOURCES,
        format_rows(method.rows),
        *format_tuning(method),
        *format_own_settings(method.name),
        "## Departures from the paper",
        "Of the method's own files:",
        format_deviations(found for found in method.deviations if found.own),
        "Of the critic, the network and the sampler that all methods share:",
        format_deviations(found for found in method.deviations if not found.own),
    )


def format_parts(method: MethodDescription) -> list[str]:
    """What the method's file says of its classes and functions."""
    if not method.parts:
        return []
    blocks = ["## Parts of its file"]
    for name, text in method.parts.items():
        blocks += [f"### `{name}`", format_text(text)]
    return blocks


def format_facts(method: MethodDescription, sizes: SizesOnTask) -> list[str]:
    """What is trained for it, and its sizes on a task."""
    lines = [
        f"Trained at its default settings: {', '.join(f'`{kind}`' for kind in method.trained) or 'nothing'}.",
        f"Of these neither a critic nor what acts: {', '.join(f'`{kind}`' for kind in method.further) or 'none'}.",
    ]
    if method.gradient is not None:
        lines.append(f"The gradient of its guidance goes through {method.gradient}.")
    table = format_table(("", "controlled", "as published"), list_rows(sizes))
    return ["## What it takes", "\n".join(lines), SIZES, table]


def format_rows(rows: Sequence[SettingRow]) -> str:
    """The table of settings by source."""
    cells = [
        (
            f"on {escape(row.tasks)}" if row.tasks else f"`{row.name}`",
            "" if row.tasks else format_cell(row.default),
            *(cell for found in (row.paper, row.official) for cell in format_sourced(found)),
        )
        for row in rows
    ]
    return format_table(("setting", "default here", "paper", "source", "authors' code", "source"), cells)


def format_sourced(found: Sourced | None) -> tuple[str, str]:
    """A source's value, marked where it holds as published alone, and where it stands."""
    if found is None:
        return "–", ""
    return format_cell(found.value) + (" †" if found.own else ""), escape(found.source)


def format_tuning(method: MethodDescription) -> list[str]:
    """What `tune-rho` and `tune` try."""
    blocks: list[str] = []
    if method.rho is not None:
        grid = ", ".join(f"{rho:g}" for rho in method.rho.grid)
        published = " Where a task has SWG's published ρ, that is used instead of the default"
        like = ", ".join(f"`{name}={pattern}`" for name, pattern in method.rho.published_with.items())
        published += f" with {like}." if like else "."
        blocks.append(
            f"`tune-rho` tries ρ = {grid}, or with `--search tpe` {method.rho.low:g} to {method.rho.high:g}, and "
            f"so does `tune`." + (published if method.rho.published else "")
        )
    if method.knobs:
        rows = [
            (f"`{knob.name}`", escape(knob.values), "`tune --training`" if knob.trains else "`tune`")
            for knob in method.knobs
        ]
        blocks.append(format_table(("knob", "values that are tried", "by"), rows))
    return blocks


def format_own_settings(name: str) -> list[str]:
    """The method's own settings: what each is and may be."""
    group = describe_group(name, get_method(name)(), name)
    return ["## Its own settings", format_group(group)] if group.settings else []


def format_group(group: Group) -> str:
    """A table of settings with their defaults, what they may be, and what they are."""
    rows = [
        (f"`{each.flag}`", format_cell(each.default), escape(each.allowed), escape(each.text))
        for each in group.settings
    ]
    return format_table(("flag", "default", "may be", "what it is"), rows)


def format_deviations(found: Iterable[Deviation]) -> str:
    """A list of departures."""
    return "\n".join(f"- `{each.file}`: {escape(each.text)}" for each in found) or "None."


def make_settings_page() -> str:
    """The page of all shared settings, and of the functions that settings name."""
    groups = [
        block
        for group in describe_shared_settings()
        for block in (f"## `{group.name}`", escape(group.text), format_group(group))
    ]
    return join_blocks(
        "# Settings reference",
        SHARED,
        *groups,
        "## Weight functions",
        "For settings such as `--swg.weight exponential:inverse_temperature=3`; A is the advantage Q - V.",
        format_functions(WEIGHTS),
        "## Value losses",
        "For `--critic.value-loss`.",
        format_functions(VALUE_LOSSES),
        "Settings of the methods themselves are on [their pages](methods/index.md).",
    )


def format_functions(known: Any) -> str:
    """Functions that a setting can name: their fields with defaults, and the formula."""
    rows = []
    for name, cls in known.items():
        texts, fields = read_attributes(cls), describe_group(name, cls(), name).settings
        fields_of = "; ".join(
            f"`{each.name.rpartition('.')[2]}={each.default}`: "
            f"{escape(texts.get(each.name.rpartition('.')[2], each.allowed).rstrip('.'))}"
            for each in fields
        )
        rows.append(
            (f"`{name}`", escape(drop_deviations(read_description(cls)).replace("\n", " ")), fields_of or "–")
        )
    return format_table(("name", "formula", "fields"), rows)


def read_slots(text: str) -> dict[str, str]:
    """`Objective: behaviour. Guidance: none. …` → slot and text; empty for a class that says something else."""
    return {
        name: said.rstrip(".") for name, said in re.findall(r"(\w+): (.+?\.)(?= [A-Z]\w+:|$)", text, re.DOTALL)
    }


def format_text(text: str) -> str:
    """A docstring as Markdown: indented lines are equations and stay as they are."""
    blocks: list[str] = []
    for is_equation, line in ((line.startswith("    "), line) for line in text.splitlines()):
        if is_equation:
            fence = blocks.pop() if blocks and blocks[-1].startswith("```") else "```text\n```"
            blocks.append(f"{fence.removesuffix('```')}{line.strip()}\n```")
        elif not line:
            blocks.append("")
        elif blocks and blocks[-1] and not blocks[-1].startswith("```"):
            blocks[-1] += f"\n{escape(line)}"
        else:
            blocks.append(escape(line))
    return join_blocks(*filter(None, blocks))


def format_cell(value: Any) -> str:
    """A value in a table's cell."""
    return "`None`" if value is None else escape(format_value(value))


def format_table(header: Row, rows: Iterable[Row]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace(chr(10), ' ') for cell in line)} |" for line in lines)


def join_blocks(*blocks: str) -> str:
    """Blocks of Markdown with an empty line between them."""
    return "\n\n".join(block.strip("\n") for block in blocks) + "\n"


def escape(text: str) -> str:
    """Plain text as Markdown that shows it: what stands between backticks is code, a bar no column."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a lone backtick opens no code
        return _escape_prose(text)
    shown = [
        f"`{part.replace('|', chr(92) + '|')}`" if number % 2 else _escape_prose(part)
        for number, part in enumerate(parts)
    ]
    return "".join(shown)


def _escape_prose(text: str) -> str:
    return re.sub(r"([\\*_\[\]])", r"\\\1", html.escape(text, quote=False)).replace("|", "&#124;")
