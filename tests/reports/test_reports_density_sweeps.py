"""A sweep on the toy sets is one method with an axis, compared at the scale at which its target is exact."""

import io
import json

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import vl_convert
from synthetic_results import density, failed

from reports.analysis.declared import review_sweeps
from reports.analysis.density_sweeps import collect_density_values
from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.figures.density_sweeps import (
    DISTANCE,
    EFFECTIVE,
    chart_density_sweep,
    draw_density_sweep,
    make_density_sweep_figure,
)
from reports.figures.scales import make_axis
from reports.figures.style import STYLES
from reports.load.scores import load_scores
from reports.report import write_report

SETS, BETAS, FLOOR = ("moons", "rings"), (0.0, 10.0), 0.01
SPREAD = (0.9, 1.0, 1.3)  # of three seeds, as factors of a distance
FAST = Options(replicates=100)
EXACT = {"rho": 1.0, "source": "exact"}


def add(folder, task, method, distance, key="0", **changes):
    """Three seeds, and at β = 10 twice the distance."""
    for seed, factor in enumerate(SPREAD):
        own = 1 + 0.02 * ((seed * len(method)) % 3)
        distances = {0.0: distance * factor * own, 10.0: 2 * distance * factor * own}
        folder.add(density(task, method, seed, distances, floor=FLOOR, **changes), key)


def add_sweep(folder, method="swg", values=(0.0, 1.0, 4.0), **changes):
    """The least distance is at the last value."""
    for task in SETS:
        for place, rho in enumerate(values):
            about = {"rho": rho, "rho_source": "given", "declared_rho": EXACT, **changes}
            add(folder, task, method, 0.08 / (place + 1), f"h{rho:g}", **about)


def review(folder):
    (scores,) = load_scores(folder.path)
    return review_sweeps(scores, ())


def read(folder, out, name, **options):
    write_report(folder.path, out, options=FAST, **options)
    return (out / name).read_text()


def table(text):
    return pd.read_csv(io.StringIO(text))


def test_a_sweep_is_compared_at_the_exact_scale_alone(folder, tmp_path):
    """The pair of swg at 1 and unguided by hand: the t test of the seeds' mean logarithms."""
    add_sweep(folder)
    for task in SETS:
        add(folder, task, "unguided", 0.05)
    pairs = table(read(folder, tmp_path / "out", "pairs.csv"))
    (row,) = [r for _, r in pairs.iterrows() if r["task"] == "all tasks"]
    assert sorted([str(row["first"]), str(row["second"])]) == ["swg rho=1", "unguided"]
    logs = {
        name: np.log(distance * np.array([f * (1 + 0.02 * ((s * len(name)) % 3)) for s, f in enumerate(SPREAD)]))
        for name, distance in (("swg", 0.04), ("unguided", 0.05))
    }
    assert row["p"] == pytest.approx(scipy.stats.ttest_rel(logs["swg"], logs["unguided"]).pvalue)
    out, page = tmp_path / "out", (tmp_path / "out" / "report.md").read_text()
    assert "`swg` over ρ (3 values from 0 to 4)" in page
    assert "`swg` at its exact ρ (1)" in page.split("## ")[0], "the opening says so too"
    assert "a value that these samples did not choose" in page
    assert set(table((out / "exactness.csv").read_text())["variant"]) == {"swg rho=1", "unguided"}
    every = {"swg rho=0", "swg rho=1", "swg rho=4", "unguided"}
    assert set(table((out / "densities.csv").read_text())["variant"]) == every
    assert set(table((out / "scores.csv").read_text())["variant"]) == every


def test_every_value_has_its_distances_and_effective_beta(folder, tmp_path):
    """Geometric means with t intervals by scipy; the effective β are those that the results say."""
    add_sweep(folder)
    rows = table(read(folder, tmp_path / "out", "sweeps.csv"))
    assert len(rows) == 3 * (3 * 2 + 2 * 2), "of each value two sets and their mean, at two β, and effective β"
    assert set(rows.dropna(subset=["declared"])["value"]) == {1.0}
    found = rows[(rows["value"] == 4.0) & (rows["set"] == "rings") & (rows["inverse_temperature"] == 10.0)]
    found = found.set_index("aggregate")
    logs = np.log(2 * 0.08 / 3 * np.array([f * (1 + 0.02 * (s * 3 % 3)) for s, f in enumerate(SPREAD)]) / FLOOR)
    error = np.hypot(scipy.stats.sem(logs), 0.3 / np.sqrt(100))
    low, high = np.exp(scipy.stats.t.interval(0.95, 2, logs.mean(), error))
    own = found.loc["multiple of the floor", ["estimate", "lower", "upper"]]
    assert list(own) == pytest.approx([np.exp(logs.mean()), low, high])
    assert list(found.loc["effective β", ["estimate", "lower", "upper"]]) == [5.0, 4.9, 5.1]
    page = (tmp_path / "out" / "report.md").read_text()
    assert "| swg    | 4   | –        | rings" in page
    assert "5.00 [4.90, 5.10]" in page
    assert "| swg    | 1   | exact    | geometric mean |" in page


def test_sweeps_without_a_declared_value_are_shown_and_compared_with_nothing(folder, tmp_path):
    add_sweep(folder, declared_rho=None)
    page = read(folder, tmp_path / "out", "report.md")
    assert "no method is compared with another" in page
    assert "In no comparison: `swg`" in page
    assert "tuned on other seeds, published, exact or the default" in page
    assert (tmp_path / "out" / "toy-scales.csv").exists()
    assert len(table((tmp_path / "out" / "densities.csv").read_text())) == 2 * 3 * 3 * 2
    with pytest.raises(ReportError, match="'swg rho=4' is a value of a sweep"):
        write_report(folder.path, tmp_path / "other", baseline="swg rho=4", options=FAST)


def test_another_setting_is_compared_at_its_declared_value(folder, tmp_path):
    for task in SETS:
        for count in (4, 16, 64):
            config = {"idql.candidates": count}
            said = {"idql.candidates": {"value": 16, "source": "default"}}
            add(folder, task, "idql", 0.4 / count, str(count), config=config, declared_settings=said)
    found = review(folder)
    assert found.compared is not None
    assert found.compared.variants == ("idql idql.candidates=16",)
    page = read(folder, tmp_path / "out", "report.md")
    assert "`idql` at its default idql.candidates (16)" in page
    marks = table((tmp_path / "out" / "toy-scales-idql.candidates.csv").read_text())
    assert set(marks["setting"]) == {4, 16, 64}
    assert set(marks[marks["source"] == "default"]["setting"]) == {16}


def test_a_failed_value_is_named_and_the_rest_stays_a_sweep(folder, tmp_path):
    add_sweep(folder)
    cell = failed("rings", "swg", 2, "joint", "diverged", suite="toy", rho=4.0, rho_source="given")
    folder.add(cell, "h4")
    page = read(folder, tmp_path / "out", "report.md")
    assert "Not shown, with a failed cell: `swg rho=4`." in page
    assert "over ρ (2 values from 0 to 1)" in page
    assert "mean 0.0408 over 5 finished cells" in page, "0.04 x (3.2 + 1.9) / 5"


def test_two_values_stay_variants(folder):
    add_sweep(folder, values=(0.0, 1.0))
    found = review(folder)
    assert found.compared is found.scores
    assert found.scores.variants == ("swg rho=0", "swg rho=1")


@pytest.mark.parametrize("measure", [DISTANCE, EFFECTIVE])
def test_the_curves_have_a_mark_for_each_finite_number_and_a_ring_for_the_exact_scale(folder, measure, capfd):
    """By another program than a browser, and by matplotlib; a distance of 0 has no mark, its effective β one."""
    add_sweep(folder)
    add_sweep(folder, "cep")
    for seed in range(3):
        zero = density("rings", "swg", seed, {0.0: 0.08, 10.0: 0.0}, floor=FLOOR, rho=4.0, declared_rho=EXACT)
        folder.add(zero, "h4")
    swept = review(folder)
    values = collect_density_values(swept)
    figure = make_density_sweep_figure(swept.scores, values, measure)
    assert figure is not None
    lost = 2 if measure.is_distance else 0  # on the set, and in the mean of both
    assert len(figure.marks) == (3 if measure.is_distance else 2) * 2 * 3 * 2 - lost
    rows = json.loads(figure.marks.to_json(orient="records") or "")
    (chosen, ends), setting = figure.chart["params"], make_axis("rho", [0.0, 1.0, 4.0], ["exact"])
    for name, count in {"rings": 12 - lost // 2, "moons": 12}.items():
        spec = {**figure.chart, "params": [{**chosen, "value": name}, ends]}
        svg = vl_convert.vegalite_to_svg({"data": {"values": rows}, **spec}, vl_version="6.4")
        rings = 2 * 2  # of two methods at two β
        assert svg.count('aria-roledescription="point"') == count + rings
    assert capfd.readouterr().err == ""
    styles = {"cep": STYLES["cep"], "swg": STYLES["swg"]}
    axes = draw_density_sweep(figure.marks, styles, setting, measure, "t").axes
    titles = [each.get_title() for each in axes]
    moons = axes[titles.index("moons, β = 10")]
    (line,) = [
        each for each in moons.lines if each.get_color() == STYLES["swg"].colour and np.size(each.get_xdata()) == 3
    ]
    at = {value.value: value for value in values if value.sweep.family == "swg"}
    found = [at[x].multiples if measure.is_distance else at[x].effective for x in (0.0, 1.0, 4.0)]
    assert np.asarray(line.get_ydata()).tolist() == [each["moons", 10.0].value for each in found]
    assert chart_density_sweep(figure.marks, styles, setting, measure) == figure.chart
