"""The tables that README and docs quote are made by `studies/tables.py`."""

import subprocess
import sys
from pathlib import Path

import pytest
from study_scripts import load_study

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "studies" / "kept"
REPORT = """# Diffusion guidance: report

4 results, none missing.

**maze2d**, 1 task: no pair is separated.

By paired t.

## maze2d

### Scores, data local

Normalised score, mean ± sample standard deviation over 2 seeds.

| task | swg |
| ---- | --: |
| umaze | 1.0 |

| task | cep |
| ---- | --: |
| umaze | 2.0 |

| variant | IQM |
| ---- | --: |
| swg | 1.0 |

### Pairs

Differences.

| pair | p |
| ---- | --: |
| swg − cep | 0.5 |

| variant | group |
| ---- | --: |
| swg | a |
"""


study = load_study("tables")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "maze2d" / "report").mkdir(parents=True)
    (tmp_path / "maze2d" / "report" / "report.md").write_text(REPORT, encoding="utf-8")
    return tmp_path


def test_every_quote_is_of_a_known_measurement():
    quoted = {name for _, name, _ in study.find_quotes()}
    assert quoted
    assert quoted <= set(study.MEASUREMENTS)


def test_every_opening_comment_is_closed():
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        assert text.count("<!-- table ") == text.count("<!-- end of table -->"), page


def test_the_coverage_that_docs_quote_is_that_of_the_shipped_table():
    assert study.update_pages("coverage", Path(), write=False) == []


@pytest.mark.parametrize("name", sorted(file.name.partition(".")[0] for file in KEPT.glob("*.tar.xz")))
def test_what_pages_quote_is_what_a_report_says_of_the_kept_results(name: str):
    told = subprocess.run(
        [sys.executable, ROOT / "studies" / "tables.py", name, "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "no page differs" in told.stdout


def test_kept_results_are_laid_out_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made = tmp_path / "results" / "tables" / "toy"
    for place in ("runs/a/seed-0.json", "FORMAT", "report/report.md", ".ledger.lock", ".plans.lock.holders/1"):
        (made / place).parent.mkdir(parents=True, exist_ok=True)
        (made / place).write_text(place)
    monkeypatch.setattr(study, "ROOT", tmp_path)
    study.keep("toy")
    packed = (tmp_path / "studies" / "kept" / "toy.tar.xz").read_bytes()
    monkeypatch.setattr(study, "run_python", lambda command: None)
    place = study.lay_out("toy", tmp_path / "scratch") / "toy"
    assert sorted(file.relative_to(place).as_posix() for file in place.rglob("*") if file.is_file()) == [
        "FORMAT",
        "runs/a/seed-0.json",
    ]
    assert (place / "runs/a/seed-0.json").read_text() == "runs/a/seed-0.json"
    study.keep("toy")
    assert (tmp_path / "studies" / "kept" / "toy.tar.xz").read_bytes() == packed
    assert study.lay_out("maze2d", tmp_path / "other") == tmp_path / "results" / "tables", "none is kept"


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("conclusion", "> **maze2d**, 1 task: no pair is separated.\n>\n> By paired t."),
        ("Scores, note", "Normalised score, mean ± sample standard deviation over 2 seeds."),
        ("Scores, table 1", "| task | swg |\n| ---- | --: |\n| umaze | 1.0 |"),
        ("Scores, whole table", "| task | swg | cep |\n| ---- | --: | --: |\n| umaze | 1.0 | 2.0 |"),
        ("Pairs, table 2", "| variant | group |\n| ---- | --: |\n| swg | a |"),
    ],
)
def test_parts_of_a_report_are_quoted(folder: Path, part: str, expected: str):
    assert study.quote_report("maze2d", folder, part) == expected


@pytest.mark.parametrize("part", ["Costs, table 1", "Pairs, table 3"])
def test_a_part_that_is_not_there_is_refused(folder: Path, part: str):
    with pytest.raises(KeyError):
        study.quote_report("maze2d", folder, part)


def test_only_the_quotes_of_the_named_measurement_are_replaced():
    page = (
        "a\n<!-- table coverage: mean -->\nold\n<!-- end of table -->\n<!-- table toy: Pairs, table 1 -->\nkept\n"
    )
    page += "<!-- end of table -->\nz\n"
    made = study.rewrite(page, "coverage", Path())
    assert made.startswith("a\n<!-- table coverage: mean -->\n\n| interval")
    assert made.endswith(
        "\n\n<!-- end of table -->\n<!-- table toy: Pairs, table 1 -->\nkept\n<!-- end of table -->\nz\n"
    )
    assert "old" not in made
