"""rliable's numbers as the report prints them, against scipy and a bootstrap written out in NumPy."""

import numpy as np
import pytest
import scipy.stats
from rliable import library, metrics

from reports.analysis.improvement import compute_improvement
from reports.analysis.intervals import AGGREGATES
from reports.analysis.statistics import bootstrap_aggregates, estimate_profile

REPLICATES = 4_000


@pytest.fixture
def scores():
    generator = np.random.default_rng(3)
    return generator.normal([0.2, 0.5, 0.9, 1.1], 0.15, (5, 4))


def resampled(matrix, generator, replicates=REPLICATES):
    """A stratified bootstrap: every task's seeds drawn anew, independently of the other tasks."""
    runs, tasks = matrix.shape
    rows = generator.integers(runs, size=(replicates, runs, tasks))
    return matrix[rows, np.arange(tasks)]


def interquartile_means(samples):
    flat = np.sort(samples.reshape(len(samples), -1), axis=1)
    cut = flat.shape[1] // 4
    return flat[:, cut : flat.shape[1] - cut].mean(axis=1)


def test_point_estimates(scores):
    found = bootstrap_aggregates(scores, 100)
    assert tuple(found) == AGGREGATES
    assert found["IQM"].value == pytest.approx(scipy.stats.trim_mean(scores.ravel(), 0.25))
    assert found["median"].value == pytest.approx(np.median(scores.mean(axis=0)))
    assert found["mean"].value == pytest.approx(scores.mean())
    assert found["optimality gap"].value == pytest.approx(np.clip(1 - scores, 0, None).mean())


def test_iqm_by_hand():
    # Sorted: 0 .1 .2 .3 .4 .5 .6 9; a quarter off each end leaves .2 .3 .4 .5.
    matrix = np.array([[0.0, 9.0], [0.1, 0.6], [0.2, 0.5], [0.3, 0.4]])
    assert bootstrap_aggregates(matrix, 100)["IQM"].value == pytest.approx(0.35)


def test_intervals_match_a_direct_stratified_bootstrap(scores):
    samples = resampled(scores, np.random.default_rng(11))
    direct = {
        "IQM": interquartile_means(samples),
        "median": np.median(samples.mean(axis=1), axis=1),
        "mean": samples.mean(axis=(1, 2)),
        "optimality gap": np.clip(1 - samples, 0, None).mean(axis=(1, 2)),
    }
    found = bootstrap_aggregates(scores, REPLICATES)
    for name, values in direct.items():
        low, high = np.quantile(values, [0.025, 0.975])
        # Two bootstraps of 4,000 replicates agree to a few hundredths of the interval's width.
        assert found[name].lower == pytest.approx(low, abs=0.06 * (high - low)), name
        assert found[name].upper == pytest.approx(high, abs=0.06 * (high - low)), name


@pytest.mark.parametrize("shape", [(2, 1), (3, 2), (5, 4), (10, 20), (7, 3)])
def test_intervals_and_profiles_are_those_of_rliable_to_the_last_bit(shape, monkeypatch):
    """rliable's own code, from the state of NumPy's generator that it is seeded to; with scores that are equal."""
    matrix = np.random.default_rng(5).normal(0.7, 0.4, shape).round(2)
    thresholds = np.linspace(-0.5, 2.0, 41).round(2)  # some of which are scores

    def aggregate(scores):
        names = ("iqm", "median", "mean", "optimality_gap")
        return np.array([getattr(metrics, f"aggregate_{name}")(scores) for name in names])

    monkeypatch.setattr("reports.analysis.statistics._MOST_AT_ONCE", 37 * matrix.size)  # blocks of replicates
    np.random.seed(0)  # noqa: NPY002
    points, intervals = library.get_interval_estimates({"": matrix}, aggregate, reps=300)
    found = bootstrap_aggregates(matrix, 300)
    assert [e.value for e in found.values()] == points[""].tolist()
    assert [[e.lower for e in found.values()], [e.upper for e in found.values()]] == intervals[""].tolist()

    np.random.seed(0)  # noqa: NPY002
    curves, bands = library.create_performance_profile({"": matrix}, thresholds, reps=300)
    profile = estimate_profile(matrix, thresholds, 300)
    assert profile.curve.tolist() == curves[""].tolist()
    assert profile.lower is not None
    assert profile.upper is not None
    assert [profile.lower.tolist(), profile.upper.tolist()] == bands[""].tolist()


def test_intervals_are_the_same_again_and_whatever_else_was_drawn(scores):
    first = bootstrap_aggregates(scores, 200)
    np.random.default_rng().normal(size=10)
    bootstrap_aggregates(scores + 0.1, 100)
    assert bootstrap_aggregates(scores, 200) == first


def test_chance_of_improvement_by_hand():
    ours, theirs = np.array([[1.0], [3.0], [5.0]]), np.array([[2.0], [3.0], [4.0]])
    # Pairs won: 1 beats none; 3 beats 2 and ties 3; 5 beats all three. (0 + 1.5 + 3) / 9.
    assert compute_improvement(ours, theirs) == pytest.approx(0.5)
    assert compute_improvement(np.array([[5.0], [3.0]]), theirs) == pytest.approx((3 + 1.5) / 6)


def test_chance_of_improvement_is_mann_whitney_and_rliable(scores):
    theirs = np.random.default_rng(4).normal(0.6, 0.3, (3, 4)).round(1)
    ours = scores.round(1)  # with ties
    u = [scipy.stats.mannwhitneyu(ours[:, i], theirs[:, i]).statistic / 15 for i in range(4)]
    assert compute_improvement(ours, theirs) == pytest.approx(np.mean(u))
    assert compute_improvement(ours, theirs) == pytest.approx(metrics.probability_of_improvement(ours, theirs))


def test_profile_counts_runs_above_the_threshold(scores):
    thresholds = np.array([-1.0, 0.5, scores.max(), 3.0])
    found = estimate_profile(scores, thresholds, 200)
    np.testing.assert_allclose(found.curve, library.score_distributions(scores, thresholds))
    assert found.curve[0] == 1.0
    assert found.curve[2] == 0.0  # strictly above
    assert found.lower is not None
    assert found.upper is not None
    assert (found.lower <= found.curve).all()
    assert (found.curve <= found.upper).all()


def test_one_seed_has_no_interval(scores):
    single = scores[:1]
    assert all(e.lower is None and e.upper is None for e in bootstrap_aggregates(single).values())
    assert bootstrap_aggregates(single)["mean"].value == pytest.approx(single.mean())
    assert estimate_profile(single, np.array([0.5])).lower is None


@pytest.mark.parametrize("bad", [np.array([[1.0, np.nan]]), np.ones(3), np.ones((0, 2))])
def test_holes_are_refused(bad):
    with pytest.raises(ValueError, match="not a full, finite"):
        bootstrap_aggregates(bad)
