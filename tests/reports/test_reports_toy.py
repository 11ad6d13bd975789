"""The report of the toy sets: distances and pictures instead of scores, and samples that cannot be read."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from synthetic_results import density

from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.report import write_report

BETAS = (0.0, 3.0, 10.0, 20.0)


def report(folder, out):
    written = write_report(folder.path, out, options=Options(replicates=200))
    return written, (out / "report.md").read_text()


def add_samples(path, betas=BETAS, shape=(50, 2)):
    generator = np.random.default_rng(0)
    arrays = {f"{who}_{beta:g}": generator.normal(size=shape) for who in ("ours", "truth") for beta in betas}
    np.savez(path.with_suffix(".npz"), **arrays)


def test_toy_report(folder, tmp_path):
    for method in ("unguided", "swg"):
        distances = dict.fromkeys(BETAS, 0.5 if method == "unguided" else 0.04)
        add_samples(folder.add(density("rings", method, 0, distances, samples_file="seed-0.npz")))
    written, text = report(folder, tmp_path / "out")
    assert "toy-rings.svg" in {path.name for path in written}
    assert "Optimality" not in text
    assert "IQM" not in text
    densities = pd.read_csv(tmp_path / "out" / "densities.csv")
    assert len(densities) == 8
    assert len(pd.read_csv(tmp_path / "out" / "aggregates.csv")) == 0


def t_by_scipy(values, error):
    """The 95 % t interval around the mean, of n seeds and a standard error."""
    return scipy.stats.t.interval(0.95, len(values) - 1, values.mean(), error)


def log_ratio_jackknife(groups):
    """The geometric mean of the groups' means with a jackknife interval of its logarithm, seed by seed."""
    seeds = len(groups[0])
    point = np.mean([np.log(g.mean()) for g in groups])
    without = [np.mean([np.log((g.sum() - g[i]) / (seeds - 1)) for g in groups]) for i in range(seeds)]
    error = np.sqrt((seeds - 1) / seeds * sum((x - np.mean(without)) ** 2 for x in without))
    half = scipy.stats.t.ppf(0.975, seeds - 1) * error
    return np.exp([point, point - half, point + half])


def test_multiples_of_the_floor_agree_with_scipy(folder, tmp_path):
    """The table, the CSV file and the terminal hold the ratio to the mean floor with the interval scipy gives."""
    generator = np.random.default_rng(3)
    sets, seeds = ("moons", "rings"), 5
    distances = {(task, m): generator.uniform(0.02, 0.2, seeds) for task in sets for m in ("cep", "mse")}
    floors = {task: generator.uniform(0.01, 0.02, seeds) for task in sets}
    for (task, method), values in distances.items():
        title = {"cep": "CEP", "mse": "MSE (biased)"}[method]
        for seed, value in enumerate(values):
            floor = float(floors[task][seed])
            folder.add(density(task, method, seed, {10.0: float(value)}, floor=floor, title=title))
    write_report(folder.path, tmp_path / "out", options=Options(replicates=20_000))
    found = pd.read_csv(tmp_path / "out" / "exactness.csv").set_index(["set", "variant"])
    assert len(found) == 6
    for (task, method), values in distances.items():
        row, ratios = found.loc[task, method], values / floors[task].mean()
        low, high = t_by_scipy(ratios, scipy.stats.sem(ratios))
        assert row["multiple_of_floor"] == pytest.approx(ratios.mean())
        assert (row["lower"], row["upper"]) == pytest.approx((max(0.0, low), high))
    for method in ("cep", "mse"):
        row = found.loc["geometric mean", method]
        groups = [distances[task, method] / floors[task].mean() for task in sets]
        expected = log_ratio_jackknife(groups)
        assert tuple(row[["multiple_of_floor", "lower", "upper"]]) == pytest.approx(tuple(expected))
    row = found.loc["geometric mean", "mse"]
    cell = f"{row['multiple_of_floor']:.1f} [{row['lower']:.1f}, {row['upper']:.1f}]"
    summary = (tmp_path / "out" / "summary.txt").read_text()
    for text in (summary, (tmp_path / "out" / "report.md").read_text()):
        line = next(line for line in text.splitlines() if line.startswith("| geometric mean | mse"))
        assert [part.strip() for part in line.strip("|").split("|")] == ["geometric mean", "mse", cell]
    assert "Biased by construction: mse." in summary
    assert (tmp_path / "out" / "toy-exactness.png").is_file()


def test_one_seed_has_no_interval_and_says_so(folder, tmp_path):
    folder.add(density("moons", "cep", 0, {3.0: 0.03}, floor=0.01))
    report(folder, tmp_path / "out")
    summary = (tmp_path / "out" / "summary.txt").read_text()
    assert "No interval: 1 seed." in summary
    assert "| moons | cep     |   3.0 |" in summary
    row = pd.read_csv(tmp_path / "out" / "exactness.csv").iloc[0]
    assert np.isnan(row["lower"])


def test_toy_samples_that_cannot_be_read(folder, tmp_path):
    path = folder.add(density("rings", "swg", 0, dict.fromkeys(BETAS, 0.1), samples_file="seed-0.npz"))
    with pytest.raises(ReportError, match=r"seed-0\.npz.*delete that result"):
        report(folder, tmp_path / "out")
    add_samples(path, betas=(0.0, 3.0))
    with pytest.raises(ReportError, match=r"ours_10.*delete that result"):
        report(folder, tmp_path / "out")
    add_samples(path, shape=(50, 3))
    with pytest.raises(ReportError, match=r"shape \(50, 3\)"):
        report(folder, tmp_path / "out")


def test_results_scored_at_different_betas_have_dashes_where_they_were_not(folder, tmp_path):
    for method, betas in (("swg", (0.0, 10.0)), ("cep", (0.0, 20.0))):
        for task in ("rings", "moons"):
            record = density(task, method, 0, dict.fromkeys(betas, 0.1), floor=0.05, samples_file="seed-0.npz")
            add_samples(folder.add(record), betas)
    written, text = report(folder, tmp_path / "out")
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in text.splitlines() if "| rings " in line]
    assert cells[:2] == [["rings", "cep", "2.0", "–", "2.0"], ["rings", "swg", "2.0", "2.0", "–"]]
    assert "| geometric mean | swg     |   2.0 |    2.0 |      – |" in text
    assert "toy-rings.png" in {path.name for path in written}
