"""The tables that README and docs quote are made by `studies/tables.py`."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
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


def load_study():
    spec = importlib.util.spec_from_file_location("tables_study", ROOT / "studies" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


study = load_study()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "report.md").write_text(REPORT, encoding="utf-8")
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
    assert study.update_pages("coverage", write=False) == []


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
    assert study.quote_report(folder, part) == expected


@pytest.mark.parametrize("part", ["Costs, table 1", "Pairs, table 3"])
def test_a_part_that_is_not_there_is_refused(folder: Path, part: str):
    with pytest.raises(KeyError):
        study.quote_report(folder, part)


def test_only_the_quotes_of_the_named_measurement_are_replaced():
    page = (
        "a\n<!-- table coverage: mean -->\nold\n<!-- end of table -->\n<!-- table toy: Pairs, table 1 -->\nkept\n"
    )
    page += "<!-- end of table -->\nz\n"
    made = study.rewrite(page, "coverage")
    assert made.startswith("a\n<!-- table coverage: mean -->\n\n| interval")
    assert made.endswith(
        "\n\n<!-- end of table -->\n<!-- table toy: Pairs, table 1 -->\nkept\n<!-- end of table -->\nz\n"
    )
    assert "old" not in made
