"""Hostile texts in every field of the files of a results folder: paths, controls, formulas, markup, huge ones."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import edits
from .cases import Case, Outcome, number_cases
from .commands import Ended, call
from .finished import Finished, prepare_finished
from .scenes import copy_folder, keep_states_often

TEXTS = (
    "./../ESC",
    "../../../../tmp/ESC",
    "/etc/passwd",
    "..",
    "",
    "x\0y",
    "one\ntwo",
    "a" * 100_000,
    "\x1b[2J\x1b]0;title\x07\x1b[31m",
    "=cmd|'/C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "![x](http://example.org/x.png)",
    "| a | b |\n| - | - |",
    r"$\frac{1}{$ _x_^ \input{/etc/passwd}",
    "ü 漢字 \u202e gnp.exe \u2028 \u2066",
    "\ud800",
    "%s %n {0} {x.__class__}",
    "[bold]x[/bold] [link=http://example.org]y[/link]",
)
SHOWN = 6  # texts for each field but those that reports show most
_RESULT = "moons/swg-*"
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MARKUP = re.compile(r"<(script>alert|img src=x)|<[^<>\n]*\bonerror=", re.IGNORECASE)  # the page has scripts


@dataclass(frozen=True)
class Field:
    """A text of a file.

    Attributes:
        name: for the table.
        edit: puts a text into a results folder.
        commands: that are tried.
        texts: how many are tried; None for all.
    """

    name: str
    edit: Callable[[Path, str], object]
    commands: tuple[str, ...] = ("report",)
    texts: int | None = SHOWN


def in_results(*path: Any) -> Callable[[Path, str], None]:
    """Into a field of the results of one method."""
    return lambda folder, text: edits.edit_results(folder, _RESULT, edits.put(path, text))


def in_lines(name: str, *path: Any) -> Callable[[Path, str], None]:
    """Into a field of every line of a file."""
    return lambda folder, text: edits.edit_lines(folder / name, edits.put(path, text))


def in_file(name: str, *path: Any) -> Callable[[Path, str], None]:
    """Into a field of a file."""
    return lambda folder, text: edits.edit_json(folder / name, edits.put(path, text))


def as_key(*path: Any) -> Callable[[Path, str], None]:
    """As another key of an object in the results of one method."""
    return lambda folder, text: edits.edit_results(folder, _RESULT, edits.put((*path, text), text))


BOTH = ("report", "run")
ALL = ("report", "run", "tune-rho")
FIELDS = (
    Field("title of a result", in_results("title"), texts=None),
    Field("name of the data", in_results("data", "name"), texts=None),
    *(
        Field(f"{name} of a result", in_results(name), BOTH)
        for name in ("suite", "task", "method", "preset", "terms")
    ),
    *(
        Field(f"{name} of a result", in_results(name))
        for name in ("rho_source", "created", "samples_file", "metric")
    ),
    *(
        Field(f"{n} of the data", in_results("data", n))
        for n in ("source", "version", "reward_transform", "fingerprint")
    ),
    Field("setting", as_key("config")),
    Field("weight function among the settings", in_results("config", "swg.weight")),
    Field("component", as_key("components")),
    Field("package", as_key("versions")),
    Field("processor", in_results("machine", "processor")),
    Field("intervention", as_key("interventions")),
    *(
        Field(f"{name} of a plan", in_lines("plans.jsonl", "cells", 0, name), BOTH)
        for name in ("path", "task", "method")
    ),
    *(
        Field(f"{name} of a choice", in_file("tuned.json", "choices", 0, name), ALL)
        for name in ("task", "method", "terms")
    ),
    Field(
        "knob of a choice",
        lambda f, t: edits.edit_json(f / "tuned.json", edits.put(("choices", 0, "knobs", t), t)),
        ALL,
    ),
    *(
        Field(f"{name} of the ledger", in_lines("ledger.jsonl", name), ALL)
        for name in ("task", "purpose", "policy")
    ),
    *(Field(f"{name} of a look", in_lines("looks.jsonl", name)) for name in ("suite", "created")),
    Field("variant of a look", lambda f, t: edits.edit_lines(f / "looks.jsonl", edits.put(("hashes", t), t))),
    *(
        Field(f"{n} of an experiment", in_file("experiments.json", "cells", 0, n))
        for n in ("experiment", "table", "row")
    ),
    *(
        Field(f"{name} of a timing", in_file("timing.json", "rows", 0, name))
        for name in ("way", "device", "method")
    ),
    Field(
        "FORMAT", lambda folder, text: (folder / "FORMAT").write_bytes(text.encode(errors="surrogatepass")), ALL
    ),
)


def make_cases(seed: int, scratch: Path, small: bool) -> list[Case]:
    """Every field with some of the texts."""
    finished = prepare_finished(scratch)
    generator = np.random.default_rng([seed, 1])
    named: list[tuple[str, Callable[[Path], Outcome]]] = []
    for field in FIELDS:
        count = len(TEXTS) if field.texts is None else field.texts
        for number in sorted(generator.permutation(len(TEXTS))[:count].tolist()):
            for command in field.commands:
                named.append(
                    (
                        f"{field.name} {TEXTS[number][:30]!r}, {command}",
                        Hostile(finished, field, number, command).run,
                    )
                )
    cases = number_cases("names", named)
    return cases[:: len(cases) // 6] if small else cases


@dataclass(frozen=True)
class Hostile:
    """One text in one field, and one command."""

    finished: Finished
    field: Field
    number: int
    command: str

    def run(self, work: Path) -> Outcome:
        """Put the text there, do the command, look at what it prints and writes."""
        folder = work / "case"
        copy_folder(self.finished.folder, folder)
        self.field.edit(folder / "results", TEXTS[self.number])
        before = list_outside(work)
        ended = call(self.finished.line(self.command, folder), work, keep_states_often)
        return judge(ended, folder, sorted(list_outside(work) - before))


def list_outside(work: Path) -> set[str]:
    """The files of a case that lie in none of the folders that commands may write to."""
    may = ("case/results", "case/artifacts", "command.")
    return {str(f.relative_to(work)) for f in work.rglob("*") if not str(f.relative_to(work)).startswith(may)}


def judge(ended: Ended, folder: Path, outside: list[str]) -> Outcome:
    """Whether what a command printed and exported is harmless."""
    if ended.fault is not None:
        return Outcome("failed", ended.fault)
    if outside:
        return Outcome("failed", f"it wrote {outside[0]}")
    if ended.code == 2:
        long = len(ended.sentence) > 1500
        return (
            Outcome("failed", f"a refusal of {len(ended.sentence)} letters")
            if long
            else Outcome("refused", ended.sentence)
        )
    for file in sorted((folder / "results" / "report").glob("*")):
        fault = find_harm(file)
        if fault is not None:
            return Outcome("failed", f"{file.name} {fault}")
    return Outcome("equal", "shown harmlessly, or not at all")


def find_harm(file: Path) -> str | None:
    """What in an exported file may do harm where it is opened."""
    if file.suffix not in (".md", ".html", ".csv", ".txt", ".tex", ".svg"):
        return None
    text = file.read_text(encoding="utf-8", errors="replace")
    if _CONTROLS.search(text.replace("\r\n", "\n")):
        return "has control characters"
    if file.suffix in (".md", ".html", ".svg") and _MARKUP.search(text):
        return "has markup of a file from elsewhere"
    if file.suffix == ".csv":
        cells = (cell for row in csv.reader(io.StringIO(text)) for cell in row)
        formulas = [
            cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@")) and not _is_number(cell)
        ]
        if formulas:
            return f"has the cell {formulas[0][:40]!r}, a formula"
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
