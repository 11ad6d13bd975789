"""Two samples of seeds: pairs worked by hand, SciPy's tests, and intervals and levels by simulation."""

import numpy as np
import pytest
import scipy.stats
from study_scripts import load_study

study = load_study("two_samples")


def distances(points: np.ndarray) -> np.ndarray:
    """Of every two rows."""
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


LINE = np.array([0.0, 1.0, 3.0, 10.0, 12.0, 14.0])[:, None]


def test_the_means_of_pairs_are_those_worked_by_hand():
    """Between: 12 - 4/3; within: (1 + 3 + 2)/3 and (2 + 4 + 2)/3."""
    found = study.measure_pairs(distances(LINE), 3)
    assert found["between"] == pytest.approx(32 / 3)
    assert found["first"] == pytest.approx(2)
    assert found["second"] == pytest.approx(8 / 3)
    assert found["difference"] == pytest.approx(32 / 3 - 7 / 3)


def test_the_jackknife_of_a_difference_of_means_is_its_standard_error():
    """Where all of one sample lie below all of the other, `between` is the difference of their means."""
    found = study.compare_pairs(distances(LINE), 3)["between"]
    variances = [np.var(sample, ddof=1) / 3 for sample in (LINE[:3], LINE[3:])]
    half = 4.302653 * np.sqrt(sum(variances))  # t(0.975, 2)
    assert found.upper - found.value == pytest.approx(half, rel=1e-6)
    assert found.value - found.lower == pytest.approx(half, rel=1e-6)


def test_an_interval_within_a_sample_has_its_own_degrees_of_freedom():
    points = np.random.default_rng(0).standard_normal((8, 2))
    found = study.compare_pairs(distances(points), 3)["second"]
    left_out = [study.measure_pairs(distances(np.delete(points, place, 0)), 3)["second"] for place in range(3, 8)]
    spread = np.sqrt(4 / 5 * np.sum((np.array(left_out) - np.mean(left_out)) ** 2))
    assert found.upper - found.value == pytest.approx(scipy.stats.t.ppf(0.975, 4) * spread)


def test_the_difference_is_half_the_energy_distance_of_scipy():
    """SciPy's is of means that count each seed's distance to itself."""
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal(6), 0.5 + 2 * rng.standard_normal(9)
    found = study.measure_pairs(distances(np.concatenate([a, b])[:, None]), 6)
    squared = 2 * found["between"] - 5 / 6 * found["first"] - 8 / 9 * found["second"]
    assert squared == pytest.approx(scipy.stats.energy_distance(a, b) ** 2)


def test_samples_that_lie_apart_have_the_least_p_that_there_is():
    """Of the 20 ways to label six seeds these labels and their exchange reach the difference."""
    assert study.find_pair_p(distances(LINE), 3) == pytest.approx(2 / 20)
    assert study.compare_means(LINE[:3, 0], LINE[3:, 0])[1] == pytest.approx(2 / 20)


def test_returns_are_compared_as_scipy_does():
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal(6), 1 + 3 * rng.standard_normal(8)

    def apart(a, b, axis):
        return np.abs(a.mean(axis) - b.mean(axis))

    found, p = study.compare_means(a, b)
    expected = scipy.stats.permutation_test(
        (a, b), apart, permutation_type="independent", n_resamples=10_000, alternative="greater"
    )
    assert p == pytest.approx(expected.pvalue)
    interval = scipy.stats.ttest_ind(a, b, equal_var=False).confidence_interval()
    assert (found.lower, found.upper) == pytest.approx((interval.low, interval.high))


def test_drawn_labels_give_about_the_p_of_all_of_them(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(3)
    pairs = distances(np.concatenate([rng.standard_normal((6, 2)), 0.8 + rng.standard_normal((6, 2))]))
    exact = study.find_pair_p(pairs, 6)
    assert 0.01 < exact < 0.5
    monkeypatch.setattr(study, "MOST_EXACT", 0)
    assert study.find_pair_p(pairs, 6) == pytest.approx(exact, abs=4 * np.sqrt(exact / study.DRAWS))


def test_the_interval_over_seeds_covers_where_one_over_pairs_does_not():
    """Policies are points of the plane; the distance of two of different laws has Rice's law, by SciPy."""
    truth = scipy.stats.rice(2 / np.sqrt(2), scale=np.sqrt(2)).mean()
    rng, seeds, trials, held, naive = np.random.default_rng(4), 8, 300, 0, 0
    for _ in range(trials):
        points = rng.standard_normal((2 * seeds, 2))
        points[seeds:, 0] += 2
        pairs = distances(points)
        found = study.compare_pairs(pairs, seeds)["between"]
        held += found.lower <= truth <= found.upper
        every = pairs[:seeds, seeds:].ravel()
        naive += abs(every.mean() - truth) <= 2 * every.std(ddof=1) / np.sqrt(len(every))
    assert 0.92 < held / trials < 1
    assert naive / trials < 0.75


def test_under_one_law_p_is_below_a_level_as_often_as_the_level_says():
    rng, trials = np.random.default_rng(5), 400
    found = [study.find_pair_p(distances(rng.standard_normal((8, 2))), 4) for _ in range(trials)]
    for level in (0.1, 0.3):
        error = np.sqrt(level * (1 - level) / trials)
        assert np.mean(np.array(found) <= level + 1e-9) < level + 3 * error
