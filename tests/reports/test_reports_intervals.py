"""The intervals, collapse and variance parts against scipy, closed forms and simulation."""

import numpy as np
import pytest
import scipy.stats
from rliable import metrics

from reports.analysis.collapse import bound_collapse_rate, count_collapsed, find_critical_gap, measure_gap
from reports.analysis.coverage import describe_coverage, find_coverage, read_coverage
from reports.analysis.improvement import bound_improvement, compute_improvement, estimate_improvement
from reports.analysis.intervals import (
    STATISTICS,
    bound_statistic,
    compute_error,
    compute_iqm,
    compute_mean,
    compute_median,
    count_left_out,
    estimate,
    estimate_aggregates,
    estimate_mean,
    estimate_positive_mean,
    list_left_out,
)
from reports.analysis.variance import split_variance


@pytest.fixture
def scores():
    return np.random.default_rng(3).normal([0.2, 0.5, 0.9, 1.1], 0.15, (5, 4))


def test_point_estimates_are_rliables(scores):
    found = {name: float(statistic(scores)) for name, statistic in STATISTICS.items()}
    assert found["IQM"] == pytest.approx(metrics.aggregate_iqm(scores))
    assert found["median"] == pytest.approx(metrics.aggregate_median(scores))
    assert found["mean"] == pytest.approx(metrics.aggregate_mean(scores))
    assert found["optimality gap"] == pytest.approx(metrics.aggregate_optimality_gap(scores, gamma=1))


def test_the_mean_has_the_t_interval_of_the_seeds_means(scores):
    rows = scores.mean(axis=1)
    expected = scipy.stats.t.interval(0.95, 4, rows.mean(), scipy.stats.sem(rows))
    found = estimate(compute_mean, scores)
    assert (found.lower, found.upper) == pytest.approx(expected)
    cell = estimate_mean(scores[:, 0])
    expected = scipy.stats.t.interval(0.95, 4, scores[:, 0].mean(), scipy.stats.sem(scores[:, 0]))
    assert (cell.lower, cell.upper) == pytest.approx(expected)


def test_the_iqm_has_a_jackknife_written_out(scores):
    values = np.array([metrics.aggregate_iqm(np.delete(scores, i, axis=0)) for i in range(5)])
    half = scipy.stats.t.ppf(0.975, 4) * np.sqrt(4 / 5 * ((values - values.mean()) ** 2).sum())
    found = estimate(compute_iqm, scores)
    assert (found.lower, found.upper) == pytest.approx((found.value - half, found.value + half))


@pytest.mark.parametrize(("seeds", "left_out"), [(3, 1), (5, 2), (8, 3), (10, 4)])
def test_leaving_out_any_number_gives_the_means_standard_error(seeds, left_out):
    scores = np.random.default_rng(8).normal(size=(2, seeds, 3))
    expected = scipy.stats.sem(scores.mean(axis=-1), axis=-1)
    assert compute_error(compute_mean, scores, left_out) == pytest.approx(expected)
    assert count_left_out(seeds, 3) == left_out


def test_the_median_leaves_out_two_of_five_seeds_written_out(scores):
    pairs = [(i, j) for i in range(5) for j in range(i)]
    values = np.array([np.median(np.delete(scores, pair, axis=0).mean(axis=0)) for pair in pairs])
    half = scipy.stats.t.ppf(0.975, 4) * np.sqrt(3 / 2 * ((values - values.mean()) ** 2).mean())
    found = estimate(compute_median, scores)
    assert (found.lower, found.upper) == pytest.approx((found.value - half, found.value + half))
    # Of two tasks the median is the mean, with the mean's interval.
    found, expected = (estimate(statistic, scores[:, :2]) for statistic in (compute_median, compute_mean))
    assert (found.value, found.lower) == pytest.approx((expected.value, expected.lower))


@pytest.mark.parametrize("seeds", [11, 20, 50])
def test_with_many_seeds_a_fixed_balanced_choice_is_left_out(seeds):
    left_out = count_left_out(seeds, 3)
    found = list_left_out(seeds, left_out)
    assert 200 <= len(found) <= 256
    assert all(len(set(rows)) == left_out for rows in found)
    counts = np.bincount(np.concatenate(found))
    assert counts.tolist() == [len(found) * left_out // seeds] * seeds
    # So its variance of a mean is unbiased; the exact one varies by sqrt(2 / (seeds - 1)), this adds little.
    scores = np.random.default_rng(6).normal(size=(4_000, seeds, 1))
    ratio = (compute_error(compute_mean, scores, left_out) / scipy.stats.sem(scores[..., 0], axis=-1)) ** 2
    assert ratio.mean() == pytest.approx(1, abs=0.01)
    assert ratio.std() < 0.12


def cover_median(tasks, seeds, means, spreads, simulations=4_000):
    """How often the median's interval holds the truth, with independent normal seeds."""
    z = np.random.default_rng(9).normal(size=(simulations, seeds, tasks))
    _, low, high = bound_statistic(compute_median, means + spreads * z)
    return float(((low <= np.median(means)) & (np.median(means) <= high)).mean())


def test_the_median_covers_unless_tasks_of_unequal_spread_lie_close():
    spreads = np.linspace(0.05, 0.4, 3)
    assert 0.935 <= cover_median(3, 5, np.linspace(0.2, 1.2, 3), spreads) <= 0.965
    assert 0.97 <= cover_median(3, 5, np.full(3, 0.7), spreads) <= 0.995
    assert cover_median(3, 5, np.linspace(0.6, 0.8, 3), spreads) == pytest.approx(0.88, abs=0.015)
    assert cover_median(3, 10, np.linspace(0.6, 0.8, 3), spreads, 1_000) == pytest.approx(0.88, abs=0.03)


def test_where_there_is_no_interval(scores):
    assert estimate_mean(np.array([1.0, 2.0])).lower is None
    assert estimate_mean(np.array([2.0, 2.0, 2.0])).lower is None  # equal seeds show no spread
    assert estimate_positive_mean(np.array([0.0, 0.0, 0.3])).lower == 0.0
    assert list(estimate_aggregates(scores[:, :1])) == ["mean"]
    with pytest.raises(ValueError, match="2 seeds give no interval"):
        bound_statistic(compute_mean, scores[:2])


def test_improvement_solves_newcombes_equation():
    # Method 5 of Newcombe (2006) with the t quantile: at both bounds the difference is the quantile times sd.
    low, high = (float(b) for b in bound_improvement(np.array(0.7), 6))
    quantile = scipy.stats.t.ppf(0.975, 10)
    for theta in (low, high):
        variance = theta * (1 - theta) * (1 + 5 * (1 - theta) / (2 - theta) + 5 * theta / (1 + theta)) / 36
        assert abs(0.7 - theta) == pytest.approx(quantile * np.sqrt(variance))
    assert low < 0.7 < high


@pytest.mark.parametrize("seeds", [3, 4, 10])
def test_an_improvement_in_every_run_has_a_width(seeds):
    ours, theirs = np.arange(seeds)[:, None] + 100.0, np.arange(seeds)[:, None] + 0.0
    found = estimate_improvement(ours, theirs)
    assert (found.value, found.upper) == (1.0, 1.0)
    assert found.lower is not None
    # Mann-Whitney's exact two-sided p says whether one half is excluded, except at 4 seeds, where it is nearly.
    exact = scipy.stats.mannwhitneyu(ours[:, 0], theirs[:, 0], method="exact").pvalue
    assert (found.lower > 0.5) == (exact < 0.02)
    assert estimate_improvement(theirs, ours).lower == 0.0


def test_improvement_covers(scores):
    generator = np.random.default_rng(0)
    ours, theirs = generator.normal(1, 1, (2_000, 5, 1)), generator.normal(0, 1, (2_000, 5, 1))
    low, high = bound_improvement(compute_improvement(ours, theirs), 5)
    truth = scipy.stats.norm.cdf(1 / np.sqrt(2))
    assert ((low <= truth) & (truth <= high)).mean() > 0.95


def test_collapse_rate_by_hand_and_by_scipy():
    assert [round(bound_collapse_rate(0, n), 2) for n in (3, 5, 10)] == [0.63, 0.45, 0.26]
    assert bound_collapse_rate(0, 7) == pytest.approx(1 - 0.05 ** (1 / 7))
    exact = scipy.stats.binomtest(2, 10, alternative="less").proportion_ci(0.95, "exact")
    assert bound_collapse_rate(2, 10) == pytest.approx(exact.high)


@pytest.mark.parametrize("seeds", [3, 5, 11, 20])
def test_one_cell_in_a_hundred_is_flagged_falsely(seeds):
    share, below = measure_gap(np.random.default_rng(5).normal(size=(60_000, seeds)))
    assert (share > find_critical_gap(seeds)).mean() == pytest.approx(0.01, abs=0.002 if seeds != 11 else 0.006)
    assert below.max() <= (seeds - 1) // 2


def test_a_gap_by_hand():
    assert count_collapsed(np.array([61.0, 60.0, 0.0, 59.0, 62.0])) == 1
    assert count_collapsed(np.array([1.0, 60.0, 0.0, 59.0, 62.0])) == 2
    assert count_collapsed(np.array([61.0, 60.0, 100.0, 59.0, 62.0])) == 0  # above is no collapse
    assert count_collapsed(np.array([0.0, 60.0])) == 0
    assert count_collapsed(np.full(5, 3.0)) == 0


def test_variance_parts_against_scipys_analysis_of_variance():
    generator = np.random.default_rng(2)
    groups = [generator.normal(mean, 4.0, 20) for mean in (50, 60, 70, 52, 66)]
    found = split_variance(groups)
    assert found is not None
    f = scipy.stats.f_oneway(*groups).statistic
    within = np.mean([g.var(ddof=1) for g in groups])
    assert found.within == pytest.approx(within)
    assert found.between == pytest.approx((f - 1) * within / 20)
    assert found.correlation.value == pytest.approx((f - 1) / (f + 19))
    assert found.share == pytest.approx(1 - 1 / f)
    low = (f / scipy.stats.f.ppf(0.975, 4, 95) - 1) / (f / scipy.stats.f.ppf(0.975, 4, 95) + 19)
    assert found.correlation.lower == pytest.approx(low)


def test_variance_parts_are_those_that_were_drawn():
    generator = np.random.default_rng(4)
    found = [
        split_variance(list(generator.normal(0, 3, (5, 1)) + generator.normal(0, 6, (5, 10)))) for _ in range(800)
    ]
    assert np.mean([f.within for f in found if f]) == pytest.approx(36, rel=0.03)
    bounds = np.array([[f.correlation.lower, f.correlation.upper] for f in found if f], dtype=float)
    assert len(bounds) == 800
    truth = 9 / 45
    assert np.mean((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])) == pytest.approx(0.95, abs=0.02)


def test_where_variance_cannot_be_split():
    assert split_variance([np.array([1.0, 2.0])]) is None
    assert split_variance([np.array([1.0]), np.array([2.0])]) is None
    assert split_variance([np.array([1.0, 1.0]), np.array([1.0, 1.0])]) is None
    assert split_variance([np.array([1.0, np.nan]), np.array([1.0, 2.0])]) is None


def test_the_note_states_the_next_smaller_condition():
    found = find_coverage(["mean"], "jackknife t", 7, 4)
    assert found is not None
    assert (found.seeds, found.tasks) == (5, 3)
    rows = [r for r in read_coverage() if (r["seeds"], r["tasks"], r["law"]) == (5, 3, "30 % collapse")]
    rows = [r for r in rows if (r["statistic"], r["interval"]) == ("mean", "jackknife t")]
    assert sorted((r["means"], r["correlation"]) for r in rows) == [
        *(("equal", 0.0), ("equal", 0.5)),
        *(("unequal", 0.0), ("unequal", 0.5)),
    ]
    assert found.by_law["30 % collapse"] == min(r["coverage"] for r in rows)
    text = describe_coverage(["mean"], "jackknife t", 7, 4)
    shares = [f"{100 * found.by_law[law]:.0f} %" for law in ("normal", "10 % collapse", "30 % collapse")]
    assert text.startswith(f"Simulated with 5 seeds and 3 tasks, such intervals hold the truth in {shares[0]} of")
    assert all(share in text for share in shares)
    assert describe_coverage(["mean"], "jackknife t", 2, 4) == ""
    with pytest.raises(KeyError, match="no boot of mean"):
        find_coverage(["mean"], "boot", 3, 1)
