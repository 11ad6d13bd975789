"""A report's page has at most 5 MB, whatever is in it: it shows less, and says where the rest is."""

import html
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic_results import control

from reports.load.schema import Result
from reports.render.document import Details, Figure, Heading, Table, Text
from reports.render.episode_lists import list_episodes
from reports.render.page.fit import MOST_BYTES
from reports.render.page.page import render_page

BAR = {"mark": "bar", "encoding": {"x": {"field": "value", "type": "quantitative"}}}
EVERY, BRIEF = (
    "Scores of the episodes, in their order:",
    "Scores of the episodes, too many for the page; each is in",
)


@pytest.fixture(autouse=True)
def no_script(monkeypatch):
    """A script of a megabyte in the place of Vega's, which takes a second to bundle."""
    monkeypatch.setattr("reports.render.page.page.bundle_vega", lambda: "0;" * 500_000)


def make_results(episodes: int) -> list[Result]:
    """Three seeds, so many episodes each, whose scores have four or five letters."""
    generator, results = np.random.default_rng(0), []
    for seed in range(3):
        values = generator.uniform(10, 200, episodes).tolist()
        of_seed = [{"return": v, "length": 9, "seed": 1, "normalized": v} for v in values]
        record = control("task", "swg", seed, sum(values) / episodes, episodes=of_seed)
        results.append(Result.model_validate_json(json.dumps(record)))
    return results


def make_table(results: list[Result], cells: int) -> Table:
    """One row whose cells each unfold to the episodes of the results."""
    places = {(0, 1 + column): results for column in range(cells)}
    row = ("task", *("1.0" for _ in places))
    return Table(row, (row,), notes=dict.fromkeys(places, "seeds"), unfolded=list_episodes(places))


def make_figure(name: str, marks: int) -> Figure:
    values = np.random.default_rng(0).uniform(size=marks)
    return Figure(name, f"The chart {name}.", pd.DataFrame({"value": values}), BAR, lambda kind: b"")


def count_bytes(page: str) -> int:
    return len(page.encode())


def read_firsts(page: str) -> list[str]:
    """The first line of what unfolds below each cell, in their order."""
    return [json.loads(html.unescape(lines))[0] for lines in re.findall(r'data-lines="([^"]*)"', page)]


def test_the_page_stays_within_5_mb_whatever_the_number_of_tables():
    """Of eight tables, each with 240,000 episodes, 1.7 MB of text, those that have room have every episode."""
    assert MOST_BYTES == 5_000_000
    results = make_results(2000)
    tables = [make_table(results, cells=40) for _ in range(8)]
    small = make_table(make_results(10), cells=3)
    blocks = [Heading(1, "A report"), *tables[:3], Details("folded", (*tables[3:], small)), make_figure("bars", 9)]
    page = render_page("A report", blocks, most=MOST_BYTES)
    assert count_bytes(page) <= MOST_BYTES
    firsts = read_firsts(page)
    assert len(firsts) == 8 * 40 + 3
    assert firsts.count(EVERY) == 2 * 40 + 3, "two tables, and the small one"
    assert sum(first.startswith(BRIEF) for first in firsts) == 6 * 40
    assert firsts[-3:] == [EVERY] * 3
    one = len(json.dumps([line for unfolded in tables[0].unfolded.values() for line in unfolded.every()]))
    assert 2 * one < count_bytes(page) < MOST_BYTES < count_bytes(page) + one, "a third would have had no room"


def test_where_even_ranges_have_no_room_scores_stand_without_what_is_behind_them():
    table = make_table(make_results(100), cells=10)
    bare = count_bytes(render_page("t", [replace(table, unfolded={})]))
    page = render_page("t", [table], most=bare + 100)
    assert count_bytes(page) == bare
    assert page.count('class="note"') == 10
    brief = render_page("t", [table], most=bare + 5000)
    assert all(first.startswith(BRIEF) for first in read_firsts(brief))
    assert bare < count_bytes(brief) <= bare + 5000


def test_the_largest_charts_are_left_out_first_and_the_page_says_where_they_are():
    small, large = make_figure("small", 100), make_figure("large", 20_000)
    blocks = [Heading(1, "A report"), large, Details("folded", (make_figure("larger", 40_000), small))]
    whole = count_bytes(render_page("t", blocks))
    page = render_page("t", blocks, most=whole - 200_000)
    assert count_bytes(page) <= whole - 200_000
    assert re.findall(r'data-chart="(\w+)"', page) == ["large", "small"]
    assert '<figure id="figure-larger"><p>Left out, since the page would be too large; its marks are in' in page
    assert "The chart larger." in page
    charts = re.search(r'id="charts">(.*?)</script>', page)
    assert charts is not None
    assert list(json.loads(charts[1])) == ["large", "small"]
    none = render_page("t", blocks, most=100_000)
    assert count_bytes(none) <= 100_000, "without a chart the script that draws them is not needed"
    assert "data-chart" not in none


def test_rows_of_long_tables_are_cut_last_and_the_page_says_how_many_there_are():
    long, short = (Table(("task", "score"), tuple((f"t{n}", "1.0") for n in range(rows))) for rows in (5000, 20))
    blocks = [Heading(1, "A report"), *[long] * 12, short, Text("A text.")]
    assert count_bytes(render_page("t", blocks)) > MOST_BYTES
    page = render_page("t", blocks, most=MOST_BYTES)
    assert count_bytes(page) <= MOST_BYTES
    assert page.count("Of 5,000 rows the first 1,000, since the page would be too large; all are in") == 12
    assert page.count("<tr") == 13 + 12 * 1000 + 20
    assert render_page("t", blocks, most=1_000_000).count("Of 5,000 rows the first 300,") == 12
    assert "A text." in page
