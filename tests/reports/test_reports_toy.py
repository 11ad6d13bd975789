"""The report of the toy sets: distances and samples instead of scores, and samples that cannot be read."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import vl_convert
from synthetic_results import density

from reports.analysis.multiples import estimate_multiple
from reports.analysis.suite import Options, analyse_densities
from reports.errors import ReportError
from reports.figures.marks import select
from reports.figures.samples import MOST_OF_ALL, MOST_POINTS, make_samples_figure
from reports.load.scores import load_scores
from reports.report import write_report
from suites.toy.densities import DENSITIES, sample_target
from suites.toy.distance import sliced_wasserstein

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
    assert "toy-rings.csv" in {path.name for path in written}
    page = (tmp_path / "out" / "index.html").read_text()
    assert "data:image/png" not in page
    assert 'data-chart="toy-rings"' in page
    assert "All 50 samples of a panel are drawn." in text
    assert "Optimality" not in text
    assert "IQM" not in text
    densities = pd.read_csv(tmp_path / "out" / "densities.csv")
    assert len(densities) == 8
    assert len(pd.read_csv(tmp_path / "out" / "aggregates.csv")) == 0


def make_figure(folder):
    (scores,) = load_scores(folder.path)
    figure = make_samples_figure(analyse_densities(scores, None), "rings")
    assert figure is not None
    return figure


def count_dots(figure):
    """Samples that are drawn in each panel: the parts of each path, by another program than a browser."""
    values = json.loads(figure.marks.to_json(orient="records"))
    svg = vl_convert.vegalite_to_svg({"data": {"values": values}, **figure.chart}, vl_version="6.4")
    paths = re.findall(r'aria-roledescription="line mark"[^>]* d="([^"]*)"', svg)
    assert len(paths) == svg.count('aria-roledescription="line mark"')
    return [path.count("M") for path in paths], re.findall(r">([^<]+)</text>", svg)


def test_samples_are_drawn_as_dots_thinned_in_their_order(folder):
    """Two of 1,201 lie outside the square around the truth: the 31st, and the 32nd, which would be drawn."""
    path = folder.add(density("rings", "swg", 0, {3.0: 0.25}, samples_file="seed-0.npz"))
    ours = np.stack([np.linspace(-1, 1, 1201), np.zeros(1201)], axis=1)
    ours[[30, 31]] = 9.0
    truth = np.array([[-2.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    np.savez(path.with_suffix(".npz"), ours_3=ours, truth_3=truth)
    figure = make_figure(folder)
    panels = figure.marks[figure.marks["samples"].notna()].set_index("variant")
    assert panels.loc["swg", ["samples", "outside", "distance"]].tolist() == [1201, 2, 0.25]
    assert panels.loc["truth", ["samples", "drawn", "outside"]].tolist() == [4, 4, 0]
    drawn = select(figure.marks, variant="swg").dropna(subset=["x"])
    assert len(drawn) == panels.loc["swg", "drawn"] <= MOST_POINTS == 500
    places = (drawn["x"].to_numpy() + 1) / 2 * 1200
    steps = np.diff(places.round())
    assert places[[0, -1]] == pytest.approx([0, 1200])
    assert set(steps[steps < 4]) == {2, 3}
    assert (
        "Drawn are 4 to 499 of the 4 to 1,201 samples of a panel, evenly spaced in their order" in figure.caption
    )
    dots, texts = count_dots(figure)
    assert dots == [499, 4]
    assert {"β = 3", "swg", "truth", "0.250, 2 outside"} <= set(texts)


def test_many_panels_share_what_is_drawn(folder):
    for method in ("cep", "ddice", "mse", "swg"):
        record = density("rings", method, 0, dict.fromkeys(BETAS, 0.1), samples_file="seed-0.npz")
        add_samples(folder.add(record), shape=(4000, 2))
    figure = make_figure(folder)
    panels = figure.marks[figure.marks["samples"].notna()]
    assert len(panels) == 20
    assert panels["drawn"].max() <= MOST_OF_ALL / 20 == 450
    assert panels["drawn"].sum() > 0.99 * MOST_OF_ALL
    assert figure.marks["x"].notna().sum() == panels["drawn"].sum()


def geometric_by_scipy(logs, floor_error):
    """exp of the mean of logarithms with its t interval, the floor's error added in squares."""
    error = np.hypot(scipy.stats.sem(logs), floor_error)
    interval = scipy.stats.t.interval(0.95, len(logs) - 1, logs.mean(), error)
    return np.exp([logs.mean(), *interval])


def test_multiples_of_the_floor_agree_with_scipy(folder, tmp_path):
    """The table, the CSV file and the terminal hold the ratio to the floor with the interval scipy gives."""
    generator = np.random.default_rng(3)
    sets, seeds = ("moons", "rings"), 5
    distances = {(task, m): generator.uniform(0.02, 0.2, seeds) for task in sets for m in ("cep", "mse")}
    floors, floor_error = {"moons": 0.012, "rings": 0.017}, 0.3 / np.sqrt(100)
    for (task, method), values in distances.items():
        title = {"cep": "CEP", "mse": "MSE (biased)"}[method]
        for seed, value in enumerate(values):
            folder.add(density(task, method, seed, {10.0: float(value)}, floor=floors[task], title=title))
    write_report(folder.path, tmp_path / "out", options=Options(replicates=20_000))
    found = pd.read_csv(tmp_path / "out" / "exactness.csv").set_index(["set", "variant"])
    assert len(found) == 6
    for (task, method), values in distances.items():
        row = found.loc[task, method]
        expected = geometric_by_scipy(np.log(values / floors[task]), floor_error)
        assert tuple(row[["multiple_of_floor", "lower", "upper"]]) == pytest.approx(tuple(expected))
        assert row["floor_error"] == pytest.approx(floor_error)
    for method in ("cep", "mse"):
        row = found.loc["geometric mean", method]
        logs = np.mean([np.log(distances[task, method] / floors[task]) for task in sets], axis=0)
        expected = geometric_by_scipy(logs, floor_error / np.sqrt(2))
        assert tuple(row[["multiple_of_floor", "lower", "upper"]]) == pytest.approx(tuple(expected))
    row = found.loc["geometric mean", "mse"]
    cell = f"{row['multiple_of_floor']:.1f} [{row['lower']:.1f}, {row['upper']:.1f}]"
    summary = (tmp_path / "out" / "summary.txt").read_text()
    for text in (summary, (tmp_path / "out" / "report.md").read_text()):
        line = next(line for line in text.splitlines() if line.startswith("| geometric mean | mse"))
        assert [part.strip() for part in line.strip("|").split("|")] == ["geometric mean", "mse", cell]
    assert "Biased by construction: mse." in summary
    assert (tmp_path / "out" / "toy-exactness.csv").is_file()


def test_one_seed_has_no_interval_and_says_so(folder, tmp_path):
    folder.add(density("moons", "cep", 0, {3.0: 0.03}, floor=0.01))
    report(folder, tmp_path / "out")
    summary = (tmp_path / "out" / "summary.txt").read_text()
    assert "No interval: 1 seed." in summary
    assert "| moons | cep     |   3.0 |" in summary
    row = pd.read_csv(tmp_path / "out" / "exactness.csv").iloc[0]
    assert np.isnan(row["lower"])


def test_a_distance_of_zero_has_no_multiple_and_the_others_are_drawn(folder, tmp_path):
    for seed in range(2):
        folder.add(density("moons", "swg", seed, {3.0: 0.0}, floor=0.01))
        folder.add(density("moons", "cep", seed, {3.0: 0.03 + seed / 100}, floor=0.01))
    report(folder, tmp_path / "out")
    found = pd.read_csv(tmp_path / "out" / "exactness.csv").set_index("variant")["multiple_of_floor"]
    assert not found["swg"] > 0
    assert found["cep"] == pytest.approx(np.sqrt(3 * 4))
    assert set(pd.read_csv(tmp_path / "out" / "toy-exactness.csv")["variant"]) == {"cep"}
    assert (tmp_path / "out" / "toy-exactness.csv").is_file()


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
    assert "toy-rings.csv" in {path.name for path in written}


def test_the_report_says_what_the_distance_does_not_see(folder, tmp_path):
    """One method within two floors has half of β, one far away is not named, and an open interval is shown."""
    here = {"effective_beta_low": 8.6, "effective_beta": 11.0, "effective_beta_high": 30.0}
    for method, distance, changes in (("swg", 0.014, {}), ("mse", 0.2, {}), ("cep", 0.013, here)):
        for seed in range(3):
            record = density("moons", method, seed, {10.0: distance + seed / 1000})
            record["densities"][0].update(changes)
            folder.add(record)
    _, text = report(folder, tmp_path / "out")
    said = " ".join(text.split())
    assert "Of 2 results within 2 floors at a β above 0, 1 has another effective β" in said
    assert "swg on moons at β = 10: 5.00 [4.90, 5.10]." in said
    rows = {
        cells[1]: cells
        for line in text.splitlines()
        if (cells := split_row(line))[:1] == ["moons"] and len(cells) == 7
    }
    assert rows["cep"][4] == "≥ 8.60"
    assert rows["mse"][5:] == ["0.250 (0.020)", "0.625"]
    assert "standard error of 0.0046" in said, "0.5/√(3 · 4,000)"
    densities = pd.read_csv(tmp_path / "out" / "densities.csv")
    assert set(densities["effective_beta"]) == {5.0, 11.0}
    assert set(densities["classifier"]) == {0.625}


def split_row(line):
    """The cells of a table's row."""
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.fixture(scope="module")
def pairs():
    """Distances of pairs of exact samples."""
    points = sample_target(DENSITIES["rings"], 3.0, 2 * 300 * 200, np.random.default_rng(0))
    return np.array([sliced_wasserstein(x, y, 16) for x, y in points.reshape(300, 2, 200, 2)])


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_a_perfect_samplers_interval_holds_one(pairs, seeds):
    """Floors and seeds drawn from real distances; three standard errors of the share are 2 %."""
    generator, held, without = np.random.default_rng(1), [], []
    for _ in range(1000):
        logs = np.log(generator.choice(pairs, 100))
        multiples = generator.choice(pairs, (seeds, 1)) / np.exp(logs.mean())
        for errors, found in (([logs.std(ddof=1) / 10], held), ([0.0], without)):
            bounds = estimate_multiple(multiples, errors)
            assert bounds.lower is not None
            assert bounds.upper is not None
            found.append(bounds.lower <= 1 <= bounds.upper)
    assert 0.93 < np.mean(held) < 0.985
    assert np.mean(without) < np.mean(held)
