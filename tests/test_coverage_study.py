"""The coverage study in small: its bootstrap is rliable's, its truths are right, its table holds its bounds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from rliable import library, metrics
from study_scripts import load_study

ROOT = Path(__file__).parents[1]


study = load_study("coverage")
TABLE = pd.read_csv(ROOT / "reports" / "simulated" / "coverage.csv")


def test_the_bootstrap_is_rliables_on_the_same_draws():
    scores = np.random.default_rng(0).normal(0.6, 0.3, (4, 3))

    def aggregate(x):
        return np.array(
            [
                metrics.aggregate_iqm(x),
                metrics.aggregate_median(x),
                metrics.aggregate_mean(x),
                metrics.aggregate_optimality_gap(x, gamma=1),
            ]
        )

    np.random.seed(7)  # noqa: NPY002 (rliable draws from the global generator)
    _, intervals = library.get_interval_estimates({"": scores}, aggregate, reps=300)
    np.random.seed(7)  # noqa: NPY002
    drawn = [data[0][0] for data in library.StratifiedBootstrap(scores).bootstrap(300)]
    np.testing.assert_allclose(study.bootstrap_percentiles(np.stack(drawn)), intervals[""])


@pytest.mark.parametrize("law", study.LAWS)
def test_the_truth_is_the_mean_of_what_is_drawn(law):
    condition = study.Condition(law, "unequal", 0.5, 10, 3)
    drawn = condition.draw(20_000, np.random.default_rng(1))
    assert condition.find_truth()["mean"] == pytest.approx(drawn.mean(), abs=0.003)
    if "collapse" in law:
        assert (drawn == 0).mean() == pytest.approx(float(law[:2]) / 100, abs=0.005)
    else:
        # The correlation between tasks before the transformation is 0.5.
        assert np.corrcoef(drawn[:, 0].T)[0, 1] == pytest.approx(0.5, abs=0.1)


def test_the_truth_of_a_normal_cell():
    truth = study.Condition("normal", "equal", 0.0, 3, 1).find_truth()
    assert [truth[name] for name in ("IQM", "median", "mean")] == pytest.approx([0.7] * 3, abs=1e-6)
    # E max(0, 1 - x) for x of N(0.7, 0.15²): sd * (d * cdf(d) + pdf(d)) with d = 0.3 / 0.15.
    gap = 0.15 * (2 * scipy.stats.norm.cdf(2) + scipy.stats.norm.pdf(2))
    assert truth["optimality gap"] == pytest.approx(gap, abs=1e-4)


@pytest.mark.parametrize(("means", "correlation"), [("unequal", 0.0), ("unequal", 0.5), ("equal", 0.0)])
def test_a_small_run_covers(means, correlation):
    condition = study.Condition("normal", means, correlation, 3, 3)
    found = study.measure(condition, 3_000, 200, np.random.default_rng(2))
    by_name = {(statistic, interval): coverage for statistic, interval, coverage, _, _ in found}
    for (_, interval), coverage in by_name.items():
        if interval in ("jackknife t", "paired t", "Holm"):
            assert 0.93 <= coverage <= 0.99
    assert by_name["mean", "rliable"] < 0.9
    assert (np.ptp(condition.transform(np.zeros(3))) > 0) == (means == "unequal")
    assert by_name["improvement", "score"] >= 0.95


def test_the_table_that_ships_is_whole_and_covers():
    assert tuple(TABLE.columns) == study.COLUMNS
    columns = ["law", "means", "correlation", "seeds", "tasks"]
    keys = TABLE[columns].drop_duplicates().itertuples(index=False, name=None)
    assert list(keys) == [(c.law, c.means, c.correlation, c.seeds, c.tasks) for c in study.list_conditions()]
    assert (TABLE.groupby(columns)["coverage"].count() == 12).all()
    normal = TABLE[(TABLE["law"] == "normal") & TABLE["interval"].isin(["jackknife t", "paired t", "Holm"])]
    assert len(normal) == 36 * 7
    assert normal["coverage"].min() >= 0.93
    assert normal["coverage"].max() <= 0.99
    several = normal.query("statistic == 'median' and tasks > 1")
    assert several["means"].value_counts().to_dict() == {"equal": 16, "unequal": 16}


def test_a_row_is_made_again():
    condition = study.Condition("normal", "equal", 0.0, 5, 1)
    again = study.simulate(iter([condition]), 4_000, 0, seed=9).set_index("statistic")["coverage"]
    known = TABLE.query("law == 'normal' and seeds == 5 and tasks == 1 and interval != 'rliable'")
    known = known.set_index("statistic")["coverage"]
    assert set(again.index) == set(known.index)
    assert (again - known).abs().max() < 0.015
