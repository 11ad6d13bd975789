"""Pairs against scipy and values by hand, groups, and the sentences that say what is separated."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from synthetic_results import density

from reports.analysis.pairs import (
    adjust_by_holm,
    compare_suite,
    compare_variants,
    compute_equivalence_p,
    compute_flip_p,
    compute_p,
    find_unseparated,
    group_by_letters,
    plan_seeds,
)
from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.report import write_report

TASKS = ("maze2d-umaze", "maze2d-medium")


def report(folder, out, **options):
    write_report(folder.path, out, options=Options(replicates=200, **options))
    return (out / "report.md").read_text()


def test_p_is_scipys_paired_t():
    ours, theirs = np.random.default_rng(0).normal(size=(2, 6))
    _, p = scipy.stats.ttest_rel(ours, theirs)
    assert compute_p(ours - theirs) == pytest.approx(p)


def test_equivalence_is_two_one_sided_tests():
    differences = np.array([1.0, -0.5, 2.0, 0.7, 1.1])
    above = np.asarray(scipy.stats.ttest_1samp(differences, -3, alternative="greater"))[1]
    below = np.asarray(scipy.stats.ttest_1samp(differences, 3, alternative="less"))[1]
    assert compute_equivalence_p(differences, 3.0) == pytest.approx(np.maximum(above, below))


def test_sign_flips_are_scipys_exact_permutation_test():
    differences = np.array([1.0, -0.5, 2.0, 0.7, 1.1, 3.0])
    exact = scipy.stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=1_000, vectorized=False
    )
    assert compute_flip_p(differences) == pytest.approx(exact.pvalue)
    assert compute_flip_p(np.array([3.0, 4.0, 5.0])) == 0.25  # the least that three seeds allow
    assert compute_flip_p(np.random.default_rng(0).normal(2, 1, 20)) == pytest.approx(1e-5)


def test_holm_by_hand():
    # 0.01 * 4, 0.02 * 3, 0.03 * 2, then 0.06 again since adjusted p values do not fall, in the order given.
    np.testing.assert_allclose(adjust_by_holm(np.array([0.04, 0.01, 0.03, 0.02])), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(adjust_by_holm(np.array([0.6, 0.7])), [1.0, 1.0])


def make_matrices(means, seeds=5, spread=1.0, tasks=2):
    """Scores of variants that share each seed's own effect, which the pairs take away."""
    generator = np.random.default_rng(1)
    common = generator.normal(0, 20, (seeds, 1))
    return {v: mean + common + generator.normal(0, spread, (seeds, tasks)) for v, mean in means.items()}


def test_pairs_use_the_seeds_in_common():
    matrices = make_matrices({"a": 50.0, "b": 60.0})
    (pair,) = compare_variants(matrices, 5.0)
    _, p = scipy.stats.ttest_rel(*(m.mean(axis=1) for m in matrices.values()))
    rows = {v: m.mean(axis=1) for v, m in matrices.items()}
    expected = scipy.stats.ttest_rel(rows["a"], rows["b"])
    interval = expected.confidence_interval(0.95)
    assert (pair.difference.lower, pair.difference.upper) == pytest.approx((interval.low, interval.high))
    assert (pair.p, pair.adjusted) == pytest.approx((p, p))
    assert pair.is_separated
    unpaired = np.asarray(scipy.stats.ttest_ind(rows["a"], rows["b"]))
    assert unpaired[1] > 0.05  # which an unpaired test would not see


def test_equal_seeds_are_not_called_separated():
    matrices = {"a": np.full((5, 1), 1.0), "b": np.full((5, 1), 2.0), "c": np.arange(5.0)[:, None]}
    pairs = {(p.first, p.second): p for p in compare_variants(matrices, 5.0)}
    assert pairs["a", "b"].adjusted is None
    assert not pairs["a", "b"].is_separated
    one, other = pairs["a", "c"], pairs["b", "c"]
    assert one.p is not None
    assert other.p is not None
    # The pair without a test stays in the family of three, as its last.
    first, second = sorted((one.p, other.p))
    expected = sorted((min(1.0, 3 * first), min(1.0, max(3 * first, 2 * second))))
    assert sorted((one.adjusted or 0, other.adjusted or 0)) == pytest.approx(expected)


def test_seeds_that_would_tell_have_the_power_that_is_promised():
    differences = np.random.default_rng(3).normal(0.5, 1, 6)
    few, many = plan_seeds(differences, 0.05)
    assert few < many
    low = differences.std(ddof=1) * np.sqrt(5 / scipy.stats.chi2.ppf(0.975, 5))
    drawn = np.random.default_rng(4).normal(differences.mean(), low, (20_000, few))
    together = np.concatenate([np.broadcast_to(differences, (20_000, 6)), drawn], axis=1)
    assert (compute_p(together) <= 0.05).mean() == pytest.approx(0.8, abs=0.015)
    assert (compute_p(together[:, : 6 + few // 2]) <= 0.05).mean() < 0.65


def test_one_more_seed_is_not_said_to_tell_where_no_seed_can():
    """Ten seeds with p = 0.011 against 0.05 / 15: whatever the eleventh shows, p stays above."""
    spread = np.linspace(-1, 1, 10)
    differences = spread / spread.std(ddof=1) + 3.205 / np.sqrt(10)
    assert compute_p(differences) == pytest.approx(0.0107, abs=2e-4)
    few, many = plan_seeds(differences, 0.05 / 15)
    assert 1 < few < many
    eleventh = np.linspace(-5, 5, 2001)
    assert min(compute_p(np.append(differences, value)) for value in eleventh) > 0.05 / 15


def test_letters_are_shared_exactly_where_nothing_is_separated():
    means = {"a": 60.0, "b": 59.5, "c": 50.0, "d": 20.0, "e": 19.8}
    suite = compare_suite(make_matrices(means), TASKS, 5.0)
    letters = {v: set(text.split()) for v, text in group_by_letters(suite.order, suite.overall).items()}
    for pair in suite.overall:
        assert bool(letters[pair.first] & letters[pair.second]) != pair.is_separated
    assert letters[suite.order[0]] == {"a"}
    assert find_unseparated("a", suite.overall) == {"a", "b"}
    assert [p.is_equivalent for p in suite.overall if {p.first, p.second} == {"d", "e"}] == [True]


def test_letters_of_groups_that_overlap():
    pairs = compare_variants(make_matrices({"a": 3.0, "b": 2.0, "c": 1.0}), None)
    order = ("a", "b", "c")
    apart = {("a", "c")}
    forced = [replace(p, adjusted=0.01 if (p.first, p.second) in apart else 0.5) for p in pairs]
    assert group_by_letters(order, forced) == {"a": "a", "b": "a b", "c": "b"}


def test_the_report_opens_with_what_is_separated(folder, tmp_path):
    folder.add_matrix(make_matrices({"unguided": 30.0, "swg": 60.0, "idql": 59.6}), TASKS)
    text = report(folder, tmp_path / "a")
    opening = text.partition("\n## ")[0]
    assert "**maze2d**, 2 tasks, 5 seeds: `swg` scores above `unguided` by +" in opening
    assert "Not separated: `swg` and `idql`" in opening
    assert "Seeds to add that would separate them with a power of 80 %" in opening
    assert "Equivalent within ± 5 points: `swg` and `idql`." in opening
    assert "with Holm's correction over all pairs of a suite" in opening
    assert "sign flips of 5 seeds cannot give a p below 0.062" in opening
    assert "Equivalent within" not in report(folder, tmp_path / "b", margin=0.01).partition("\n## ")[0]
    summary = (tmp_path / "a" / "summary.txt").read_text()
    assert summary.startswith("maze2d, 2 tasks, 5 seeds: `swg` scores above")
    pairs = pd.read_csv(tmp_path / "a" / "pairs.csv")
    assert set(pairs["task"]) == {"all tasks", *TASKS}
    assert (pairs["p_holm"] >= pairs["p"]).all()


def test_bold_by_the_test_and_by_the_papers_rule(folder, tmp_path):
    folder.add_matrix(make_matrices({"unguided": 30.0, "swg": 60.0, "idql": 57.5}, spread=0.3), TASKS)

    def bold(text):
        line = next(line for line in text.splitlines() if line.startswith("| mean over tasks"))
        return [cell.strip().startswith("**") for cell in line.strip("|").split("|")][1:]

    text = report(folder, tmp_path / "a")
    assert bold(text) == [False, False, True]  # unguided, idql, swg
    assert "Bold: not separated from the best mean" in text
    text = report(folder, tmp_path / "b", bold="five-percent")
    assert bold(text) == [False, True, True]
    assert "Bold: within 5 % of the best mean, which no test stands behind." in text


def test_two_seeds_give_no_verdict(folder, tmp_path):
    folder.add_matrix(make_matrices({"unguided": 30.0, "swg": 60.0}, seeds=2), TASKS)
    text = report(folder, tmp_path / "out")
    assert "no variant is said to be better, since tests and intervals need 3 seeds" in text
    assert "No interval: 2 seeds, 3 are needed." in text
    assert "separated" not in text.replace("not separated", "")
    assert "**3" not in text


def test_one_task_has_one_aggregate(folder, tmp_path):
    folder.add_matrix(make_matrices({"unguided": 30.0, "swg": 60.0}, tasks=1), TASKS[:1])
    text = report(folder, tmp_path / "out")
    assert "IQM" not in text
    lines = [line for line in text.partition("### Aggregates")[2].splitlines() if line.startswith("| variant")]
    assert [cell.strip() for cell in lines[0].strip("|").split("|")] == ["variant", "mean"]
    assert list(pd.read_csv(tmp_path / "out" / "aggregates.csv")["aggregate"].unique()) == [
        "mean",
        "probability of improvement",
    ]


def test_distances_are_compared_by_their_ratio(folder, tmp_path):
    generator = np.random.default_rng(2)
    logs = {m: generator.normal(mean, 0.05, (5, 2, 2)) for m, mean in (("swg", -3.0), ("mse", -2.0))}
    for (method, values), (seed, (i, task)) in itertools.product(
        logs.items(), itertools.product(range(5), enumerate(("moons", "rings")))
    ):
        distances = dict(zip((3.0, 10.0), map(float, np.exp(values[seed, i])), strict=True))
        folder.add(density(task, method, seed, distances))
    text = report(folder, tmp_path / "out")
    differences = (logs["swg"] - logs["mse"]).mean(axis=(1, 2))
    low, high = scipy.stats.t.interval(0.95, 4, differences.mean(), scipy.stats.sem(differences))
    cell = f"{np.exp(differences.mean()):.2f} [{np.exp(low):.2f}, {np.exp(high):.2f}]"
    assert f"**toy**, 2 tasks, 5 seeds: `swg`'s distance is {cell} times `mse`'s." in text
    assert "equivalent" not in text.lower()


def test_a_cell_with_a_seed_apart_is_named(folder, tmp_path):
    scores = np.array([[60.0], [61.0], [0.0], [59.0], [62.0]])
    folder.add_matrix({"swg": scores, "unguided": scores[[0, 1, 3, 4, 0]] + np.arange(5)[:, None]}, TASKS[:1])
    text = report(folder, tmp_path / "out")
    assert "`swg` on maze2d-umaze, 1 of 5 (a rate up to 66 %)" in text
    assert "5 seeds of which none collapsed do not exclude a rate of collapse up to 45 %" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"margin": 0.0}, "0 is no margin"),
        ({"margin": float("nan")}, "nan is no margin"),
        ({"bold": "x"}, "'x' is no rule"),
    ],
)
def test_bad_options(folder, tmp_path, options, message):
    folder.add_matrix(make_matrices({"swg": 60.0}), TASKS)
    with pytest.raises(ReportError, match=message):
        report(folder, tmp_path / "out", **options)
