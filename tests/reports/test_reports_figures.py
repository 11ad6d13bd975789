"""Methods look the same in every report; what a figure shows is what its CSV says, in print and in the page."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
import vl_convert
from synthetic_results import control, data_set

from reports.analysis.scales import collect_scale_points, is_published
from reports.analysis.suite import ControlAnalysis, Options, analyse
from reports.figures.aggregates import collect_aggregates, make_aggregates_figure
from reports.figures.charts import scale_number
from reports.figures.costs import collect_costs, make_costs_figure
from reports.figures.marks import list_rows, select
from reports.figures.pairs import make_pairs_figure
from reports.figures.profile import make_profile_figure
from reports.figures.scales import make_scales_figure
from reports.figures.scores import collect_scores, draw_scores, make_scores_figure
from reports.figures.style import DASHES, MARKERS, STYLES, find_styles, style_suite
from reports.load.scores import load_scores
from reports.load.tuning_schema import LedgerEntry
from reports.report import write_report

TASKS = ("maze2d-umaze", "maze2d-medium")
VEGA = "6.4"


@pytest.fixture
def analysis(folder) -> ControlAnalysis:
    generator = np.random.default_rng(0)
    means = {"unguided": 30.0, "idql": 45.0, "swg": 60.0}
    folder.add_matrix({m: generator.normal(mean, 5, (4, 2)) for m, mean in means.items()}, TASKS)
    (scores,) = load_scores(folder.path)
    found = analyse(scores, None, Options(replicates=100))
    assert isinstance(found, ControlAnalysis)
    return found


def see_chart(figure) -> str:
    """The chart as SVG, by another program than a browser; it raises where the specification is wrong."""
    values = json.loads(figure.marks.to_json(orient="records"))
    chart = {"data": {"values": values}, **figure.chart}
    return vl_convert.vegalite_to_svg(chart, vl_version=VEGA)


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_a_method_looks_the_same_whatever_stands_beside_it():
    alone = find_styles({"swg": "swg"})
    beside = find_styles({"a": "plugged-in", "cep": "cep", "swg": "swg", "swg rho=5": "swg"})
    assert alone["swg"] == beside["swg"] == STYLES["swg"]
    assert beside["swg rho=5"].colour == alone["swg"].colour
    assert find_styles({"a": "plugged-in"})["a"] == beside["a"]


def test_no_two_look_alike():
    assert len(set(STYLES.values())) == len(STYLES)
    plugged = {f"method-{i}": f"method-{i}" for i in range(200)} | {name: name for name in STYLES}
    found = find_styles(plugged)
    assert len(set(found.values())) == len(plugged)
    swept = find_styles({f"swg rho={i}": "swg" for i in range(30)})
    assert len(set(swept.values())) == 30
    assert len({style.colour for style in swept.values()}) == 1


@pytest.mark.parametrize("ground", ["#ffffff", "#16181d"])
def test_colours_are_seen_on_light_and_on_dark(ground):
    """At least 2.2 to 1: sky blue on white, as Okabe and Ito have it, is the faintest; markers are large."""
    for style in STYLES.values():
        light, dark = sorted((luminance(style.colour), luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 2.2, style


def test_markers_and_dashes_are_both_programs_own():
    from matplotlib.lines import Line2D

    assert set(MARKERS.values()) <= set(Line2D.markers)
    for style in STYLES.values():
        Line2D([], [], marker=style.for_matplotlib, linestyle=style.line)
    assert DASHES[0] == ()


def test_the_marks_are_the_scores_and_their_means(analysis):
    marks = collect_scores(analysis)
    seeds = select(marks, mark="seed")
    assert len(seeds) == 3 * 4 * 2
    mean = seeds.groupby(["task", "variant"])["value"].mean()
    for row in list_rows(select(marks, mark="mean")):
        assert row["value"] == pytest.approx(mean[row["task"], row["variant"]])
        assert row["lower"] < row["value"] < row["upper"]


def test_the_picture_has_a_mark_for_each_row_where_the_row_says(analysis):
    marks = collect_scores(analysis)
    made = draw_scores(marks, style_suite(analysis.scores), "t")
    points = [line for line in made.axes[0].lines if line.get_marker() not in ("None", None, "")]
    drawn = sorted(float(np.asarray(line.get_xdata())[0]) for line in points)
    assert drawn == pytest.approx(sorted(marks["value"]))


def test_every_chart_is_drawn_with_a_mark_for_each_row(analysis):
    costs = {"unguided": 5.0, "swg": 12.0}
    figures = (
        make_scores_figure(analysis),
        make_aggregates_figure(analysis),
        make_costs_figure(analysis, costs, "milliseconds"),
    )
    for figure in figures:
        svg = see_chart(figure)
        values = [value for value in figure.marks["value"] if np.isfinite(value)]
        points = svg.count('aria-roledescription="point"')
        assert points == len(values), figure.name
    assert "<path" in see_chart(make_profile_figure(analysis))


def test_the_csv_has_the_marks(analysis, tmp_path):
    figure = make_aggregates_figure(analysis)
    write_report(analysis.scores.results()[0].path.parents[3], tmp_path / "out", options=Options(replicates=100))
    written = pd.read_csv(tmp_path / "out" / f"{figure.name}.csv")
    pd.testing.assert_frame_equal(written, collect_aggregates(analysis), check_dtype=False, rtol=1e-12)


def test_the_front_has_those_that_no_other_beats_in_both(analysis):
    costs = {"unguided": 5.0, "idql": 50.0, "swg": 12.0}
    rows = {row["variant"]: row for row in list_rows(collect_costs(analysis, costs))}
    for one, other in itertools.permutations(rows, 2):
        beaten = rows[other]["value"] >= rows[one]["value"] and costs[other] <= costs[one]
        assert not (beaten and rows[one]["is_on_front"])
    assert {v: row["is_on_front"] for v, row in rows.items()} == {"unguided": True, "swg": True, "idql": False}
    assert "Not timed: idql." in make_costs_figure(analysis, {"unguided": 5.0, "swg": 2.0}, "ms").caption


def test_a_logarithmic_axis_is_labelled_at_1_2_and_5():
    rows = [{"x": 10.0**i, "y": i} for i in range(-1, 3)]
    encoding = {"x": scale_number("x", None, log=True), "y": scale_number("y", None)}
    svg = vl_convert.vegalite_to_svg(
        {"data": {"values": rows}, "mark": "point", "width": 600, "encoding": encoding}, vl_version=VEGA
    )
    for label in ("0.1", "0.2", "0.5", "1", "2", "5", "10", "20", "50"):
        assert f">{label}</text>" in svg
    for label in ("0.3", "3", "30", "7"):
        assert f">{label}</text>" not in svg


def test_the_matrix_of_pairs_is_the_same_from_both_sides(analysis):
    figure = make_pairs_figure(analysis)
    found = {(row["row"], row["column"]): row for row in list_rows(figure.marks)}
    assert len(found) == 6
    for (one, other), row in found.items():
        turned = found[other, one]
        assert row["difference"] == -turned["difference"]
        assert (row["lower"], row["upper"]) == (-turned["upper"], -turned["lower"])
        assert row["improvement"] == pytest.approx(1 - turned["improvement"])
        means = [np.mean(analysis.scores.matrix(variant)) for variant in (one, other)]
        assert row["difference"] == pytest.approx(means[0] - means[1])
    assert see_chart(figure).count('aria-roledescription="text mark"') == 6


def tuned_entry(rho, values, **more) -> LedgerEntry:
    """A line of tuning of swg on the first task, of one episode a seed."""
    data = data_set("local", "local/maze2d-umaze")
    entry = {
        "previous": "0" * 64, "kind": "tuning", "suite": "maze2d", "task": TASKS[0], "method": "swg",
        "preset": "smoke", "terms": "shared", "data": (data["source"], data["fingerprint"]), "policy": "a" * 16,
        "settings": {}, "rho": rho, "seeds": (100, 101), "first_episode": 0, "episodes": 1, "purpose": "tuning",
        "study": "s", "trial": 0, "values": tuple((value,) for value in values), "seconds": 1.0,
        "created": "2026-01-01", "sha256": "",
    }  # fmt: skip
    return LedgerEntry.model_validate({**entry, **more})


def test_scores_against_rho_are_those_of_the_ledger_and_of_the_results(folder):
    for seed in range(3):
        folder.add(control(TASKS[0], "swg", seed, 50.0 + seed, rho=5.0, rho_source="tuned"))
        folder.add(control(TASKS[0], "unguided", seed, 1.0))
    (scores,) = load_scores(folder.path)
    (result, *_) = scores.of(TASKS[0], "swg")
    more = {"data": result.data.identity, "preset": result.preset}
    ledger = [tuned_entry(rho, (value, value + 2), **more) for rho, value in ((1.0, 10.0), (5.0, 60.0))]
    points = collect_scale_points(scores, ledger)
    assert [(p.where, p.rho, p.score.value, p.seeds) for p in points if p.where == "tuning"] == [
        ("tuning", 1.0, 11.0, 2),
        ("tuning", 5.0, 61.0, 2),
    ]
    (reported,) = [p for p in points if p.where == "reported"]
    assert (reported.rho, reported.score.value, reported.source) == (5.0, 51.0, "tuned")
    assert {p.method for p in points} == {"swg"}, "unguided has no scale"
    assert "<path" in see_chart(make_scales_figure(scores, points))
    other = [tuned_entry(1.0, (10.0, 12.0), **{**more, "preset": "paper"})]
    assert collect_scale_points(scores, other) == [], "tuning at another size is none of these results'"


def test_the_published_rho_is_that_of_the_paper():
    assert is_published("swg", "walker2d-medium-expert-v2", 5.0)
    assert not is_published("swg", "walker2d-medium-expert-v2", 15.0)
    assert not is_published("cep", "walker2d-medium-expert-v2", 5.0)
