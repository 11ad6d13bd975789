"""Ranks against scipy's, shares and means by hand, intervals against a bootstrap that is written out."""

import numpy as np
import pytest
import scipy.stats
from blocks import find_one, say
from synthetic_results import control, density

from reports.analysis.ranks import draw_weights, rank_suite, share_ranks
from reports.analysis.suite import Options, analyse
from reports.figures.ranks import MOST, make_ranks_figure
from reports.load.scores import load_scores
from reports.render.document import Figure, Heading, Table
from reports.sections.ranks import make_ranks_section

TASKS = ("maze2d-umaze", "maze2d-medium")


def analysed(folder):
    (scores,) = load_scores(folder.path)
    return analyse(scores, None, Options(replicates=100))


@pytest.mark.parametrize("higher", [True, False])
def test_the_mean_over_the_ranks_is_the_average_rank_of_scipy(higher):
    values = np.random.default_rng(0).integers(0, 4, size=(5, 6, 3)).astype(float)  # many ties
    shares = share_ranks(values, higher_is_better=higher)
    assert shares.sum(axis=1) == pytest.approx(np.ones((5, 6, 3)))
    assert shares.sum(axis=0) == pytest.approx(np.ones((5, 6, 3)))
    mean = np.tensordot(np.arange(1, 6), shares.swapaxes(0, 1), 1)
    assert mean == pytest.approx(scipy.stats.rankdata(-values if higher else values, axis=0))


def test_a_tie_counts_equally_at_the_ranks_it_takes():
    shares = share_ranks(np.array([3.0, 7.0, 7.0, 1.0])[:, None, None], higher_is_better=True)[..., 0, 0]
    assert shares.tolist() == [[0, 0, 1, 0], [0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0, 1]]


def test_scores_are_better_where_they_are_higher_and_distances_where_they_are_lower(folder):
    folder.add_matrix({"swg": np.full((3, 2), 60.0), "cep": np.full((3, 2), 40.0)}, TASKS)
    ranks = rank_suite(analysed(folder), 100)
    assert ranks is not None
    assert (ranks.mean["swg"].value, ranks.mean["cep"].value) == (1.0, 2.0)
    assert ranks.mean["swg"].lower is None, "no replicate differs"


def test_a_density_is_ranked_by_the_mean_logarithm_of_its_distances(folder):
    # Of the first the mean over β is less, (0.01 + 0.08) / 2 < (0.03 + 0.07) / 2, and the mean logarithm too;
    # of seed 1 the mean is greater, 0.1 > 0.09, and the logarithm less: 0.02 · 0.18 < 0.08 · 0.10.
    for seed, (first, second) in enumerate([((0.01, 0.08), (0.03, 0.07)), ((0.02, 0.18), (0.08, 0.10))]):
        folder.add(density("rings", "swg", seed, dict(zip((3.0, 10.0), first, strict=True))))
        folder.add(density("rings", "cep", seed, dict(zip((3.0, 10.0), second, strict=True))))
    ranks = rank_suite(analysed(folder), 100)
    assert ranks is not None
    assert ranks.mean["swg"].value == 1.0
    assert [share.value for share in ranks.shares["cep"]] == [0.0, 1.0]


def test_a_distance_of_zero_has_no_rank(folder):
    for method, distance in (("swg", 0.0), ("cep", 0.01)):
        folder.add(density("rings", method, 0, {3.0: distance}))
    assert rank_suite(analysed(folder), 100) is None
    assert make_ranks_section(analysed(folder), 100) == []


def test_the_intervals_are_those_of_a_bootstrap_within_each_task(folder):
    generator = np.random.default_rng(3)
    points = {name: generator.normal(50, 5, (6, 2)) for name in ("swg", "cep", "unguided")}
    folder.add_matrix(points, TASKS)
    ranks = rank_suite(analysed(folder), 4_000)
    assert ranks is not None
    # Written out with other draws: of each task six seeds with replacement, the ranks within each by scipy.
    cells = scipy.stats.rankdata([-points[name] for name in points], axis=0)
    again = np.random.default_rng(4)
    drawn = np.array([
        np.mean([cells[:, again.integers(0, 6, 6), task].mean(axis=1) for task in range(2)], axis=0)
        for _ in range(4_000)
    ])  # fmt: skip
    for i, name in enumerate(points):
        lower, upper = np.percentile(drawn[:, i], (2.5, 97.5))
        found = ranks.mean[name]
        assert found.value == pytest.approx(cells[i].mean())
        assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=0.09)  # steps of 1/12
        assert sum(share.value for share in ranks.shares[name]) == pytest.approx(1.0)


def test_every_task_counts_equally_in_every_replicate():
    drawn = draw_weights(5, 3, 50)
    assert drawn is not None
    assert drawn.sum(axis=1) == pytest.approx(np.full((50, 3), 1 / 3))
    assert len({tuple(weights.ravel()) for weights in drawn}) > 40


def test_two_seeds_have_no_interval_and_one_variant_no_rank(folder):
    points = {"swg": np.array([[1.0, 2.0], [3.0, 4.0]]), "cep": np.array([[2.0, 1.0], [2.0, 5.0]])}
    folder.add_matrix(points, TASKS)
    blocks = make_ranks_section(analysed(folder), 100)
    assert "No interval: 2 seeds, 3 are needed." in say(blocks)
    assert find_one(blocks, Table).rows == (("cep", "1.50", "0.50", "0.50"), ("swg", "1.50", "0.50", "0.50"))
    (scores,) = load_scores(folder.path, methods=["swg"])
    assert make_ranks_section(analyse(scores, None, Options(replicates=100)), 100) == []


def test_the_section_has_a_named_table_and_the_marks_of_its_figure(folder):
    generator = np.random.default_rng(0)
    folder.add_matrix({name: generator.normal(50, 5, (4, 2)) for name in ("swg", "cep", "idql")}, TASKS)
    blocks = make_ranks_section(analysed(folder), 200)
    assert find_one(blocks, Heading).text == "Ranks, data local: made here"
    assert "(2 tasks × 4 seeds)" in say(blocks)
    assert find_one(blocks, Table).name == "maze2d-ranks-table"
    figure = find_one(blocks, Figure)
    assert len(figure.marks) == 3 + 3 * 3
    assert figure.draw("png").startswith(b"\x89PNG")


def test_of_many_variants_the_mean_alone_is_drawn(folder):
    for number in range(MOST + 1):
        for seed in range(3):
            folder.add(control(TASKS[0], f"m{number}", seed, float((number * 7 + seed * 3) % 13)))
    ranks = rank_suite(analysed(folder), 100)
    assert ranks is not None
    figure = make_ranks_figure(ranks)
    assert set(figure.marks["mark"]) == {"mean"}
    assert figure.draw("png").startswith(b"\x89PNG")
    blocks = make_ranks_section(analysed(folder), 100)
    assert "the share at rank 1 and the mean alone" in say(blocks)
    assert find_one(blocks, Table).header == ("variant", "mean rank", "rank 1")
