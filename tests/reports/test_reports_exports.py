"""What is written into a result by someone else is text in every export, and nothing more."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from synthetic_results import control, data_set, density

from foundation.text import clean_cell, clean_line, clean_text
from reports.analysis.suite import Options
from reports.figures.canvas import make_canvas, make_figure, save_canvas
from reports.render.document import Details, Figure, Heading, Table, Text, render_markdown
from reports.render.page.page import render_page
from reports.report import write_report

NAMES = ("<script>alert(1)</script>", "</script><script>alert(1)</script>", "<!--", "|", "_", "=cmd", "\"'&amp;")
HOSTILE = "<img src=x onerror=alert(1)>=cmd|' /C calc'!A0 \x1b]0;owned\x07 $\\frac{a$ a_b ](js:x) \u202e\""


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" \t=1", "'  =1"),
        ("swg", "swg"),
        (-1.5, -1.5),
        (None, None),
        (True, True),
    ],
)
def test_a_cell_is_no_formula(value, cell):
    assert clean_cell(value) == cell


def test_control_characters_are_written_out():
    assert clean_text("a\x1b[2J\x9b\n\u202eb\tc") == "a\\x1b[2J\\x9b\n\\u202eb\tc"
    assert clean_line("a\n\tb") == "a b"
    assert clean_text("ρ ± – 比") == "ρ ± – 比"


def test_a_page_holds_no_html_and_no_link_of_a_result(monkeypatch):
    monkeypatch.setattr("reports.render.page.page.bundle_vega", lambda: "0")  # the long script
    blocks = [
        Heading(2, HOSTILE),
        Text(HOSTILE),
        Text(HOSTILE, warning=True),
        Table(("p <0.001", HOSTILE), ((HOSTILE, "<0.001"),)),
        Figure("x", HOSTILE, pd.DataFrame(), {}, lambda kind: b""),
        Details(HOSTILE, (Text(HOSTILE),)),
    ]
    page, html = render_markdown(blocks, pictures=True), render_page("t", blocks)
    assert set(re.findall(r"<[A-Za-z/!?][^>]*>", page)) == {"<details>", "<summary>", "</summary>", "</details>"}
    assert re.findall(r"\]\(([^)]*)\)", page) == ["x.png"]
    assert " <0.001 |" in page
    assert "<img src=x" not in html
    for text in (page, html):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)
        assert "\\x1b" in text


@pytest.mark.parametrize("name", [HOSTILE, *NAMES])
def test_a_name_of_a_page_stays_a_text(name, monkeypatch):
    """The page's elements and scripts are the same whatever the name, and what is read from it is the name."""
    monkeypatch.setattr("reports.render.page.page.bundle_vega", lambda: "0")  # the long script, the same for all
    harmless, tried = (Tree(render_page(n, make_page(n))) for n in ("harmless", name))
    assert tried.shape == harmless.shape
    assert tried.scripts[0] == harmless.scripts[0]
    assert tried.scripts[2:] == harmless.scripts[2:]
    shown = clean_line(name)
    assert tried.texts == [text.replace("harmless", shown) for text in harmless.texts]
    charts = json.loads(tried.scripts[1])
    assert charts[shown]["chart"]["title"] == shown
    assert charts[shown]["marks"] == {"columns": [shown, "value"], "data": [[shown], [shown, 1.5]]}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", tried.page)


def make_page(name):
    marks = pd.DataFrame({name: [name, name], "value": [np.nan, 1.5]})
    return [
        Heading(1, name),
        Text(name, warning=True),
        Heading(2, name),
        Table((name, "a"), ((name, name),), name=name, notes={(0, 1): name}),
        Figure(name, name, marks, {"mark": "bar", "title": name}, lambda kind: b""),
        Details(name, (Heading(3, name), Text(name))),
    ]


class Tree(HTMLParser):
    """What a browser makes of a page: elements with the names of their attributes, texts, scripts."""

    def __init__(self, page):
        super().__init__()
        self.page, self.shape, self.texts, self.scripts = page, [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.shape.append((tag, *(name for name, _ in attrs)))
        self.texts += [value for name, value in attrs if name in ("title", "alt", "data-name", "data-chart")]
        self.scripts += [""] if tag == "script" else []

    def handle_endtag(self, tag):
        self.shape.append(f"/{tag}")

    def handle_data(self, data):
        if self.shape and self.shape[-1][0] == "script":
            self.scripts[-1] += data
        elif data.strip():
            self.texts.append(data)


def test_dollars_in_a_figure_are_themselves():
    for text in ("$\\frac{a$", "$a_b$"):
        made = make_canvas(3, 2)
        axes = made.add_subplot()
        axes.plot([0, 1], [0, 1], label=text)
        axes.set_yticks([0, 1], [text, text])
        axes.set_title(text)
        made.legend()
        made.suptitle(text)
        save_canvas(lambda made=made: made, "png")
        svg = io.BytesIO()
        made.savefig(svg, format="svg")
        assert svg.getvalue().decode().count(f"<!-- {text} -->") == 5


def test_a_figure_is_saved_in_the_reports_folder():
    figure = make_figure("maze2d-../../x y", "c", pd.DataFrame(), {}, lambda: make_canvas(1, 1))
    assert figure.name == "maze2d-..-..-x-y"


def test_a_report_of_hostile_results_is_harmless(folder, capsys):
    hostile = {
        "title": HOSTILE,
        "preset": f"={HOSTILE}",
        "data": data_set("local", f"={HOSTILE}"),
        "created": f"@{HOSTILE}",
        "versions": {"mujoco": HOSTILE},
        "machine": {"device": "cpu", "processor": HOSTILE, "cores": 1},
        "rho_source": HOSTILE,
    }
    for seed in range(3):
        for task in ("a", "b"):
            folder.add(control(task, "unguided", seed, seed, **hostile))
            for i in range(2):
                config = {"critic.steps": 10000, "critic.expectile": 0.7, "swg.weight": f"+{HOSTILE}{i}"}
                folder.add(control(task, "swg", seed, seed + i, config=config, **hostile), config_hash=str(i))
    folder.add(density("rings", "swg", 0, {1.0: 0.1}, title=HOSTILE, preset=HOSTILE))
    out = folder.path / "report"
    write_report(folder.path, out, options=Options(replicates=100))
    page = (out / "report.md").read_text()
    allowed = {"<details>", "<summary>", "</summary>", "</details>"}
    assert set(re.findall(r"<[A-Za-z/!?][^>]*>", page)) <= allowed
    assert "<img src=x" not in (out / "index.html").read_text()
    for file in out.glob("*.csv"):
        for cell in (cell for row in csv.reader(io.StringIO(file.read_text())) for cell in row):
            assert not cell.startswith(("=", "+", "@")), (file, cell)
            assert not cell.startswith("-") or np.isfinite(float(cell)), (file, cell)
    for file in out.iterdir():
        if file.suffix in (".md", ".html", ".csv", ".txt"):
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", file.read_text()), file
