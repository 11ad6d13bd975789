"""Interventions by level: shares worked by hand, the levels that a sampler visits by the sampler itself."""

import pytest
from blocks import find_all, find_one, say
from synthetic_results import control

from methods.diffusion.sampler import visited_levels
from methods.diffusion.schedule import make_schedule
from methods.diffusion.strength import make_strength
from reports.analysis.interventions import POINTS, collect_interventions, list_guided, list_visited
from reports.load.scores import load_scores
from reports.render.document import Figure
from reports.sections.interventions import make_interventions_section

TASK = "maze2d-umaze"


def add(folder, method, seed, interventions, guided_rows, steps=None, schedule=None):
    spent = {"function": 100, "gradient": 100, "beside": 0, "guided_rows": guided_rows, "actions": 10}
    config = {"critic.steps": 10000, "sampler.steps": steps}
    config |= {} if schedule is None else {"guidance.schedule": schedule}
    more = {"interventions": interventions, "evaluations": spent, "config": config}
    folder.add(control(TASK, method, seed, 1.0, **more))


def load(folder):
    (scores,) = load_scores(folder.path)
    return scores


@pytest.mark.parametrize("levels", [1, 2, 5, 10, 15, 30, 100])
def test_the_visited_levels_are_the_samplers(levels):
    for steps in (None, *range(1, levels + 1)):
        assert list_visited(levels, steps) == sorted(visited_levels(levels, steps)), (levels, steps)


@pytest.mark.parametrize("steps", [None, 1, 4, 7])
@pytest.mark.parametrize(
    "text", ["constant", "sigma", *(f"{end}:{n / 20}" for n in range(1, 21) for end in ("first", "last"))]
)
def test_the_guided_levels_are_the_policys(text, steps):
    visited = visited_levels(9, steps)
    strength = make_strength(text, make_schedule("vp", 9), visited) or (1.0,) * 9
    assert list_guided(sorted(visited), text) == [level for level in sorted(visited) if strength[level]]


def test_levels_that_are_not_guided_have_no_rows(folder):
    # Of four levels the two noisiest are guided: 200 guided rows are 100 at each.
    add(folder, "swg", 0, {"clipped_weights": [0, 0, 10, 50]}, 200, schedule="first:0.5")
    (found,) = collect_interventions(load(folder))
    assert [(at.first, at.share) for at in found.shares[TASK, "swg"]] == [(2, 0.1), (3, 0.5)]


@pytest.mark.parametrize("schedule", ["middle:0.5", "first", "first:1.2.3", "first:-1", 3])
def test_a_schedule_that_no_policy_has_is_said(folder, schedule):
    add(folder, "swg", 0, {"clipped_weights": [0, 5, 10, 50]}, 200, schedule=schedule)
    assert f"do not follow from what is stored: `swg` on {TASK}." in say(make_interventions_section(load(folder)))


def test_a_share_is_of_the_rows_guided_at_its_level(folder):
    # Four levels, so that 200 and 400 guided rows are 50 and 100 at each.
    add(folder, "swg", 0, {"clipped_weights": [0, 5, 10, 50]}, 200)
    add(folder, "swg", 1, {"clipped_weights": [0, 0, 20, 10]}, 400)
    (found,) = collect_interventions(load(folder))
    levels = found.shares[TASK, "swg"]
    assert [(at.first, at.count, at.rows) for at in levels] == [
        (0, 0, 150), (1, 5, 150), (2, 30, 150), (3, 60, 150)
    ]  # fmt: skip
    assert [at.share for at in levels] == pytest.approx([0, 1 / 30, 0.2, 0.4])
    assert [at.least for at in levels] == pytest.approx([0, 0, 0.2, 0.1])
    assert [at.most for at in levels] == pytest.approx([0, 0.1, 0.2, 1.0])


def test_levels_that_the_sampler_leaves_out_are_left_out(folder):
    # Of five levels 4, 2 and 0 are visited in three steps: 300 guided rows are 100 at each.
    add(folder, "swg", 0, {"clipped_weights": [1, 0, 2, 0, 30]}, 300, steps=3)
    (found,) = collect_interventions(load(folder))
    assert [(at.first, at.share) for at in found.shares[TASK, "swg"]] == [(0, 0.01), (2, 0.02), (4, 0.3)]


@pytest.mark.parametrize(
    ("by_level", "rows", "steps"),
    [([1, 2], 0, None), ([1, 2], 101, None), ([60, 2], 100, None), ([0, 1, 1, 0, 1], 300, 3)],
)
def test_rows_that_do_not_follow_are_said(folder, by_level, rows, steps):
    """None guided, no whole number for each level, more interventions than rows, one where none was visited."""
    add(folder, "swg", 0, {"clipped_weights": by_level}, rows, steps)
    blocks = make_interventions_section(load(folder))
    assert f"do not follow from what is stored: `swg` on {TASK}." in say(blocks)
    assert find_all(blocks, Figure) == []


@pytest.mark.parametrize("steps", [0, -1, "15", True, 1.5, [3]])
def test_steps_that_no_sampler_takes_are_said(folder, steps):
    add(folder, "swg", 0, {"clipped_weights": [1, 2]}, 100, steps)
    blocks = make_interventions_section(load(folder))
    assert f"do not follow from what is stored: `swg` on {TASK}." in say(blocks)


def test_where_there_were_none_a_sentence_stands_in_the_place_of_a_picture(folder):
    add(folder, "swg", 0, {"nan_gradients": [0, 0], "clipped_weights": [0, 0]}, 1_200)
    add(folder, "cep", 0, {"nan_gradients": [0, 3]}, 2_000)
    add(folder, "unguided", 0, {"nan_gradients": []}, 0)
    blocks = make_interventions_section(load(folder))
    figure = find_one(blocks, Figure)
    assert figure.name == "maze2d-nan_gradients"
    assert set(figure.marks["variant"]) == {"cep"}
    assert figure.marks["value"].tolist() == [0.0, 0.003]
    assert figure.draw("png").startswith(b"\x89PNG")
    said = say(blocks)
    assert "No clipped weights: `swg` (1,200 guided rows)." in said
    assert "No nan gradients: `swg` (1,200 guided rows)." in said
    assert said.endswith("Not guided: `unguided`.")


def test_nothing_is_said_where_nothing_was_guided(folder):
    folder.add(control(TASK, "unguided", 0, 1.0))
    assert make_interventions_section(load(folder)) == []


def test_many_levels_are_taken_together(folder):
    add(folder, "swg", 0, {"clipped_weights": [1] * 250}, 2_500)
    (found,) = collect_interventions(load(folder))
    levels = found.shares[TASK, "swg"]
    assert len(levels) == POINTS
    assert (levels[0].first, levels[0].last, levels[-1].last) == (0, 2, 249)
    assert sum(at.count for at in levels) == 250
    assert {at.share for at in levels} == {0.1}
