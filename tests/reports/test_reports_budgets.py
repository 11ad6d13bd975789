"""Score against tuning episodes: searches of a few lines, gone through by hand."""

import json
import math

import numpy as np
import pytest
from blocks import find_one, say
from synthetic_results import control, evaluation

from reports.analysis.budgets import analyse_budgets, trace_search
from reports.load.ledger import read_tuning_records
from reports.load.scores import load_scores
from reports.load.tuning_schema import LedgerEntry
from reports.render.document import Figure, Table
from reports.sections.budgets import make_budgets_section

UMAZE, MEDIUM = TASKS = ("maze2d-umaze", "maze2d-medium")


def entry(rho, even, odd, seed=100, **changes):
    """A line of two episodes of an even seed; episode 0 is in the first half, 1 in the second."""
    own = {"values": [[even, odd]], "episodes": 2, "purpose": "tuning", **changes}
    return evaluation("tuning", [seed], rho, **own)


def read(*lines):
    return [LedgerEntry.model_validate_json(json.dumps({"previous": "0", **line})) for line in lines]


def result(task, method, seed, score, tuned=None, **changes):
    spent = None if tuned is None else {"episodes": tuned, "trials": 2}
    return control(task, method, seed, score, tuning=spent, **changes)


def load(folder):
    (scores,) = load_scores(folder.path)
    return scores


def test_a_search_is_what_it_would_have_given_at_each_line():
    trace = trace_search(
        read(
            entry(1.0, 10.0, 20.0),
            entry(5.0, 30.0, 12.0),
            entry(9.0, 11.0, 15.0),
        )
    )
    assert trace is not None
    assert trace.episodes.tolist() == [2, 4, 6]
    # First alone: its halves, 20 and 10. Then ρ = 5 by the first half (scored 12) and ρ = 1 by the second (10).
    assert trace.scores.tolist() == [15.0, 11.0, 11.0]


def test_a_trial_that_was_given_up_early_is_not_chosen():
    trace = trace_search(
        read(
            entry(1.0, 10.0, 20.0),
            entry(1.0, 14.0, 24.0, seed=102),
            entry(5.0, 90.0, 90.0),
            entry(5.0, 0.0, 0.0, seed=102),
        )
    )
    assert trace is not None
    assert trace.episodes.tolist() == [2, 4, 6, 8]
    # ρ = 1 is scored by all that is known of it in the end, halves of 12 and 22. ρ = 5 has fewer episodes at the
    # third line, at the fourth it has as many, with 45 in each half.
    assert trace.scores.tolist() == [17.0, 17.0, 17.0, 45.0]


def test_what_diverged_is_spent_and_never_chosen():
    trace = trace_search(read(entry(1.0, math.nan, 20.0), entry(5.0, 3.0, 5.0)))
    assert trace is not None
    assert (trace.episodes.tolist(), trace.scores.tolist()) == ([4], [4.0])
    assert trace_search(read(entry(1.0, math.nan, 20.0))) is None


def test_an_episode_counts_once_and_lines_without_episodes_cannot_be_followed():
    twice = read(entry(1.0, 10.0, 20.0), entry(1.0, 10.0, 20.0, study="another"))
    trace = trace_search(twice)
    assert trace is not None
    assert trace.episodes.tolist() == [2, 2]
    assert trace_search(read(entry(1.0, 10.0, 20.0), entry(1.0, 10.0, 20.0, episodes=20))) is None


def test_a_budget_has_what_was_found_with_at_most_so_many_episodes():
    trace = trace_search(read(entry(1.0, 10.0, 20.0), entry(5.0, 30.0, 40.0)))
    assert trace is not None
    assert trace.at(np.array([2, 3, 4, 100])).tolist() == [15.0, 15.0, 35.0, 35.0]


def fill(folder):
    """Two tasks on which swg was searched, with 4 and 6 episodes, and unguided beside it; three reported seeds."""
    for seed, score in enumerate((30.0, 40.0, 50.0)):
        for task, tuned in ((UMAZE, 4), (MEDIUM, 6)):
            folder.add(result(task, "swg", seed, score, tuned, rho=5.0, rho_source="tuned"))
            folder.add(result(task, "unguided", seed, score / 10))
    folder.write_ledger(
        [
            entry(1.0, 10.0, 20.0),
            entry(1.0, 1.0, 3.0, task=MEDIUM),
            entry(5.0, 30.0, 40.0),
            entry(5.0, 21.0, 23.0, task=MEDIUM),
            entry(9.0, 41.0, 43.0, task=MEDIUM),
        ]
    )


def read_folder(folder):
    return load(folder), read_tuning_records(folder.path).ledger


def test_the_tasks_are_averaged_at_equal_budgets_and_the_reported_scores_stand_at_theirs(folder):
    fill(folder)
    budgets = analyse_budgets(*read_folder(folder))
    assert budgets is not None
    (curve,) = budgets.curves
    assert curve.trace.episodes.tolist() == [2, 4, 6]
    # umaze: 15, 35, and nothing more; medium: 2, 22, 42.
    assert curve.trace.scores.tolist() == [8.5, 28.5, 38.5]
    assert curve.spent == 5.0
    swg = next(point for point in budgets.reported if point.variant == "swg")
    assert (swg.episodes, swg.score.value, swg.source) == (5.0, 40.0, "tuned")
    # The t interval of 30, 40 and 50: 4.303 standard errors of 10/√3.
    assert swg.score.upper == pytest.approx(40 + 4.302653 * 10 / math.sqrt(3))
    unguided = next(point for point in budgets.reported if point.variant == "unguided")
    assert (unguided.episodes, unguided.score.value, unguided.source) == (0.0, pytest.approx(4.0), "no ρ")


def test_the_section_shows_both(folder):
    fill(folder)
    blocks = make_budgets_section(*read_folder(folder))
    figure, table = find_one(blocks, Figure), find_one(blocks, Table)
    assert table.name == "maze2d-budget-table"
    rows = {row[0]: row[1:] for row in table.rows}
    # A quarter of six episodes is before the first, a half is after one line of each task.
    assert rows["swg"][:5] == ("tuned", "5", "–", "8.5", "38.5")
    assert rows["unguided"][:5] == ("no ρ", "0", "–", "–", "–")
    assert len(figure.marks) == 3 + 2
    assert figure.draw("png").startswith(b"\x89PNG")


def test_a_given_scale_and_a_task_without_a_search_are_named(folder):
    fill(folder)
    for seed in range(3):
        folder.add(result("maze2d-large", "swg", seed, 1.0, rho=5.0, rho_source="given"))
        folder.add(result("maze2d-large", "unguided", seed, 1.0))
    said = say(make_budgets_section(*read_folder(folder)))
    assert "Without maze2d-large (local), where some method here has no search that can be followed." in said
    assert "No reported mark for `swg`: ρ was given" in said


def test_the_values_of_a_sweep_are_counted_and_not_listed(folder):
    fill(folder)
    for rho in (1.0, 2.0, 7.0):
        for seed in range(3):
            for task in TASKS:
                folder.add(result(task, "swg", seed, rho, rho=rho, rho_source="given"), f"{rho:g}")
    said = say(make_budgets_section(*read_folder(folder)))
    assert "No reported mark for `swg` at 3 values of ρ: ρ was given" in said


def test_there_is_no_section_without_a_search(folder):
    folder.add(control(UMAZE, "unguided", 0, 1.0))
    assert make_budgets_section(load(folder), []) == []
