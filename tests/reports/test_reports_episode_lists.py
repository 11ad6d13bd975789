"""What a score in a table unfolds to: every episode of each seed, or where there are too many their range."""

import html
import json
import re

import pytest
from synthetic_results import control

from reports.analysis.declared import review_sweeps
from reports.analysis.sweep_values import collect_sweep_values
from reports.load.scores import load_scores
from reports.render.document import render_markdown
from reports.render.missing import mark_scores
from reports.render.page.page import render_page
from reports.render.sweep_tables import tabulate_sweeps
from reports.render.tables import tabulate_scores

TASKS = ("maze2d-umaze", "maze2d-medium")
VALUES = (12.34, -4.0, 60.06)


def add(folder, task, method, seed, values, **changes):
    episodes = [{"return": 1.0, "length": 300, "seed": 7, "normalized": value} for value in values]
    folder.add(control(task, method, seed, sum(values) / len(values), episodes=episodes, **changes))


@pytest.fixture
def filled(folder):
    for task in TASKS:
        for seed in (3, 5):
            add(folder, task, "unguided", seed, (0.0, 1.0, 2.0))
            add(folder, task, "swg", seed, VALUES if (task, seed) == (TASKS[1], 5) else (1.0, 2.0, 3.0))
    return folder


def read_lines(table):
    """The lines behind the cells of a table, as its page has them."""
    page = render_page("A report", [table])
    return [json.loads(html.unescape(lines)) for lines in re.findall(r'data-lines="([^"]*)"', page)]


def test_a_score_unfolds_to_the_episodes_of_its_seeds_in_their_order(filled):
    (scores,) = load_scores(filled.path)
    table = tabulate_scores(scores)
    found = read_lines(table)
    assert len(found) == 4, "of the mean over tasks there are no episodes"
    head = "Scores of the episodes, in their order:"
    assert found.count([head, "seed 3: 0.0, 1.0, 2.0", "seed 5: 0.0, 1.0, 2.0"]) == 2
    assert [head, "seed 3: 1.0, 2.0, 3.0", "seed 5: 12.3, -4.0, 60.1"] in found
    assert "60.1" not in render_markdown([table])


def test_where_there_is_no_room_each_seed_has_the_range_of_its_episodes(filled):
    (scores,) = load_scores(filled.path)
    place = scores.tasks.index(TASKS[1]), 1 + scores.variants.index("swg")
    unfolded = tabulate_scores(scores).unfolded[place]
    assert unfolded.brief() == (
        "Scores of the episodes, too many for the page; each is in episodes.parquet:",
        "seed 3: 3 episodes from 1.0 to 3.0, median 2.0",
        "seed 5: 3 episodes from -4.0 to 60.1, median 12.3",
    )
    assert unfolded.size == 6 * len("1.0, ") <= len("".join(unfolded.every()))


def test_a_value_of_a_sweep_unfolds_to_its_episodes(folder):
    for rho in (0.0, 1.0, 5.0):
        for seed in (0, 1):
            record = control(TASKS[0], "swg", seed, 4 * rho, rho=rho, rho_source="given")
            episodes = [{"return": 1.0, "length": 3, "seed": 7, "normalized": 4 * rho}]
            folder.add({**record, "episodes": episodes}, f"{rho:g}")
    (scores,) = load_scores(folder.path)
    values = collect_sweep_values(review_sweeps(scores, ()))
    assert [lines[2] for lines in read_lines(tabulate_sweeps(scores, values))] == [
        "seed 1: 0.0",
        "seed 1: 4.0",
        "seed 1: 20.0",
    ]


def test_rows_that_are_left_out_move_no_lines(filled):
    add(filled, TASKS[1], "unguided", 9, (7.0, 8.0, 9.0))
    (scores,) = load_scores(filled.path, partial=True)
    table = mark_scores(tabulate_scores(scores), scores)
    assert len(table.rows) == 3
    assert {table.rows[row][0].split()[0] for row, _ in table.unfolded} == set(TASKS)
    for (row, column), unfolded in table.unfolded.items():
        seeds = scores.of(table.rows[row][0].split()[0], table.header[column])
        assert unfolded.every()[1].startswith(f"seed 3: {seeds[0].episodes[0].normalized}")
        assert "seed 9" not in str(unfolded.every())
