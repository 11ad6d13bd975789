"""LaTeX tables are whole, and no name in them is a command; parquet files are what `bench.load_results` gives."""

import re

import numpy as np
import pandas as pd
import pytest
from synthetic_results import control, data_set, density, failed

import bench
from bench.cli.main import main
from reports.analysis.suite import Options
from reports.render.document import Table
from reports.render.latex import escape_latex, format_latex
from reports.report import write_report

HOSTILE = '\\input{/etc/passwd} $x$ a_b & 50% #1 ~^ {} [2] *v <script> "q" `c \x1b[2J é a--b |'


def read_latex(text: str) -> str:
    """What LaTeX sets of a cell, by its rules: a reader of its own, which fails on what is no text."""
    shown = {"textbackslash": "\\", "textasciicircum": "^", "textasciitilde": "~", "textbar": "|",
             "textasciigrave": "`", "pm": "±", "rho": "ρ", "beta": "β", "times": "×", "ldots": "…"}  # fmt: skip
    out, position, is_math, depth = "", 0, False, 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            found = re.match(r"\\(?:([A-Za-z]+)|(.))", text[position:])
            assert found is not None
            name, sign = found.groups()
            assert sign in (None, "{", "}", "$", "&", "#", "%", "_"), text[position:]
            assert sign or name in shown or name in ("textbf", "texttt"), name
            out += sign or shown.get(name, "")
            position += len(found[0])
            continue
        assert character not in "#%&_^~" or is_math, (character, text)
        assert character.isascii() or character == "é"
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
        is_math ^= character == "$"
        out += "" if character in "{}$" else character
        position += 1
    assert not is_math
    assert depth == 0
    return out


def rows_of(text: str) -> list[list[str]]:
    """The cells between the rules, as LaTeX splits them."""
    lines = [line for line in text.splitlines() if line.endswith(r" \\")]
    return [[read_latex(cell) for cell in re.split(r"(?<!\\) & ", line[: -len(r" \\")])] for line in lines]


def test_a_table_has_booktabs_rules_and_its_columns():
    table = Table(("task", "swg", "cep"), (("umaze", "**63.2 ± 3.1**", "-1.5 [-2.0, +0.5]"), ("ρ", "`a_b`", "–")))
    assert format_latex(table).splitlines()[1:] == [
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"task & swg & cep \\",
        r"\midrule",
        r"umaze & \textbf{63.2 $\pm$ 3.1} & $-$1.5 {[}$-$2.0, +0.5{]} \\",
        r"$\rho$ & \texttt{a\_b} & -- \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_a_name_is_set_as_it_is_and_is_no_command():
    shown = read_latex(escape_latex(f"{HOSTILE} 比"))
    assert shown == HOSTILE.replace("\x1b", "\\x1b").replace('"', "''") + " U+6BD4"
    # The spaces before a bracket or a star belong to `\\`, which takes both as its own.
    assert not re.search(r"\\\\\s*[*\[]", format_latex(Table(("[2pt]", "*"), (("[1em]", "*x"), ("*", "[")))))
    assert "--" not in escape_latex("a--b---c")


def test_what_is_no_number_keeps_its_hyphen():
    assert escape_latex("hopper-medium-v2 2026-11-21 1e-7") == "hopper-medium-v2 2026-11-21 1e-7"


def list_rows(frame: pd.DataFrame) -> list[dict]:
    """The rows of a frame, with None for what it lacks."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


@pytest.fixture
def filled(folder):
    tasks = ("maze2d-umaze", "maze2d-medium")
    generator = np.random.default_rng(0)
    folder.add_matrix({m: generator.normal(50, 5, (3, 2)) for m in ("unguided", "swg")}, tasks)
    folder.add(density("rings", "swg", 0, {1.0: 0.1, 3.0: 0.25}))
    return folder


def test_a_report_has_each_main_table_in_latex(filled):
    out = filled.path / "report"
    written = write_report(filled.path, out, options=Options(replicates=100))
    assert {path.name for path in written} >= {
        "maze2d-scores-table.tex",
        "maze2d-aggregates-table.tex",
        "maze2d-pairs-table.tex",
        "toy-exactness-table.tex",
    }
    frame = bench.load_results(filled.path)
    header, *rows = rows_of((out / "maze2d-scores-table.tex").read_text())
    assert header == ["task", "unguided", "swg"]
    for row in rows[:2]:
        task = row[0].removesuffix(" (local)")
        for method, cell in zip(header[1:], row[1:], strict=True):
            own = frame[(frame.task == task) & (frame.method == method)].score
            assert cell == f"{own.mean():.1f} ± {own.std():.1f}"
    assert rows_of((out / "maze2d-pairs-table.tex").read_text())[1][0].startswith(("swg - ", "unguided - "))


def test_a_report_has_its_results_and_episodes_as_parquet(filled):
    filled.add(control("maze2d-umaze", "cep", 0, 1.0))
    filled.add(failed("maze2d-umaze", "cep", 1, "critic", "NaN"))
    out = filled.path / "report"
    write_report(filled.path, out, options=Options(replicates=100))
    known = bench.load_results(filled.path), bench.load_results(filled.path, by="episode")
    for name, frame in zip(("scores", "episodes"), known, strict=True):
        assert list_rows(pd.read_parquet(out / f"{name}.parquet")) == list_rows(frame)
    assert list(pd.read_parquet(out / "scores.parquet").status).count("failed") == 1


def test_a_report_on_less_has_less_in_its_parquet_files(filled):
    out = filled.path / "report"
    write_report(filled.path, out, methods=["swg"], tasks=["maze2d-umaze"], options=Options(replicates=100))
    found = pd.read_parquet(out / "episodes.parquet")
    assert set(zip(found.task, found.method, strict=True)) == {("maze2d-umaze", "swg")}
    assert len(found) == 3 * 2


def test_hostile_names_are_text_in_latex_and_parquet(folder):
    for seed in range(3):
        for i in range(2):
            config = {"critic.steps": 10000, "swg.weight": f"\\input{{x}}$a_b&%#[2]\x1b{i}"}
            data = data_set("local", HOSTILE)
            folder.add(control("a", "swg", seed, seed + i, config=config, data=data, preset=HOSTILE), str(i))
    out = folder.path / "report"
    write_report(folder.path, out, options=Options(replicates=100))
    for file in out.glob("*.tex"):
        assert rows_of(file.read_text())
        assert "\x1b" not in file.read_text()
    frame = pd.read_parquet(out / "scores.parquet")
    assert not any("\x1b" in value for value in frame.to_numpy().ravel() if isinstance(value, str))
    assert "\\x1b[2J" in frame.preset[0]


def test_the_command_line_writes_them(filled, capsys):
    main(["report", "--results", str(filled.path), "--methods", "swg"])
    assert (filled.path / "report" / "maze2d-scores-table.tex").is_file()
