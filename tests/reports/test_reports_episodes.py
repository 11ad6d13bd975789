"""Distributions of episodes against numpy's and by hand; lengths are drawn where they differ."""

import numpy as np
import pytest
from blocks import find_all, find_one, say
from synthetic_results import control

from reports.analysis.episodes import POINTS, find_fixed_lengths, spread_episodes, trace_distribution
from reports.load.scores import load_scores
from reports.render.document import Details, Figure, Table
from reports.sections.episodes import make_episodes_section

TASK = "hopper-medium-v2"


def episodes(scores, lengths=None):
    lengths = lengths or [300] * len(scores)
    return [
        {"return": score, "length": length, "seed": 7, "normalized": score}
        for score, length in zip(scores, lengths, strict=True)
    ]


def add(folder, method, seed, scores, lengths=None, task=TASK):
    own = episodes(scores, lengths)
    folder.add(control(task, method, seed, float(np.mean(scores)), episodes=own, suite="locomotion"))


def load(folder):
    (scores,) = load_scores(folder.path)
    return scores


def test_a_short_distribution_has_every_step():
    values, shares = trace_distribution(np.array([5.0, -1.0, 5.0, 9.0]))
    assert values.tolist() == [-1.0, -1.0, 5.0, 9.0]
    assert shares.tolist() == [0.0, 0.25, 0.75, 1.0]
    assert trace_distribution(np.array([2.0, 2.0]))[1].tolist() == [0.0, 1.0]


def test_a_long_one_is_nowhere_off_by_more_than_it_says():
    sample = np.concatenate([np.full(400, -2.5), np.random.default_rng(0).normal(50, 20, 1_600)])
    values, shares = trace_distribution(sample)
    assert len(values) <= POINTS
    assert (values[0], values[-1], shares[-1]) == (sample.min(), sample.max(), 1.0)
    places = np.linspace(sample.min(), sample.max(), 5_001)
    true = np.array([(sample <= place).mean() for place in places])
    drawn = shares[np.searchsorted(values, places, side="right") - 1]
    assert (drawn <= true + 1e-12).all()
    assert np.max(true - drawn) < 1 / 98
    at = np.searchsorted(values, -2.5, side="right") - 1
    assert shares[at] >= 0.2, "the heap of failures is one step"


def test_all_seeds_are_together_and_their_medians_apart(folder):
    add(folder, "swg", 0, [0.0, 10.0, 20.0])
    add(folder, "swg", 1, [100.0, 100.0, 40.0])
    (spread,) = spread_episodes(load(folder))
    assert sorted(spread.scores) == [0.0, 10.0, 20.0, 40.0, 100.0, 100.0]
    assert spread.seed_medians.tolist() == [10.0, 100.0]
    table = find_one(find_one(make_episodes_section(load(folder)), Details).blocks, Table)
    # Between neighbours of six ordered values: 5 % at place 0.25, 25 % at 1.25, 75 % at 3.75, 95 % at 4.75.
    assert table.rows == (
        (f"{TASK} (local)", "swg", "6", "2.5", "12.5", "30.0", "85.0", "100.0", "10.0 to 100.0"),
    )
    assert table.name == "locomotion-episodes-table"


def test_equal_lengths_are_said_and_others_drawn(folder):
    add(folder, "swg", 0, [1.0, 2.0])
    add(folder, "swg", 0, [1.0, 2.0], [40, 1000], task="walker2d-medium-v2")
    scores = load(folder)
    assert find_fixed_lengths(spread_episodes(scores)) == {TASK: 300}
    blocks = make_episodes_section(scores)
    assert f"Every episode takes 300 environment steps on {TASK}" in say(blocks)
    names = {figure.name: figure for figure in find_all(blocks, Figure)}
    assert set(names) == {"locomotion-episode-scores", "locomotion-episode-lengths"}
    marks = names["locomotion-episode-lengths"].marks
    assert set(marks["task"]) == {"walker2d-medium-v2 (local)"}
    assert marks["at_most"].tolist() == [40, 40, 1000]
    assert marks["value"].tolist() == [0.0, 0.5, 1.0]
    for figure in names.values():
        assert figure.draw("png").startswith(b"\x89PNG")


def test_the_curves_of_many_episodes_stay_small(folder):
    generator = np.random.default_rng(1)
    for seed in range(3):
        add(folder, "swg", seed, [float(v) for v in generator.normal(50, 20, 400)])
    figure = find_one(make_episodes_section(load(folder)), Figure)
    assert len(figure.marks) <= POINTS
    assert figure.marks["value"].max() == pytest.approx(1.0)
