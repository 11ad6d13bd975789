"""A sweep is one method with an axis: what is compared of it, and what the page and its files show."""

import io
import json

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import vl_convert
from many_results import Size, write_sweeps
from synthetic_results import FORMAT, control, evaluation, failed, tuned

from reports.analysis.declared import review_sweeps
from reports.analysis.scales import collect_sweep_points
from reports.analysis.suite import Options
from reports.analysis.sweep_values import collect_sweep_values
from reports.analysis.tracks import make_tracks
from reports.errors import ReportError
from reports.figures.scales import choose_axis, draw_scales, make_sweep_figure
from reports.figures.style import STYLES
from reports.load.ledger import read_tuning_records
from reports.load.scores import load_scores
from reports.load.sweeps import find_sweeps
from reports.report import write_report

A, B = TASKS = ("maze2d-umaze", "maze2d-medium")
SPREAD = (-4.0, 1.0, 3.0)  # of three seeds around a mean
FAST = Options(replicates=100)


def add(folder, task, score, rho=None, method="swg", source: str | None = "given", key=None, **changes):
    for seed, difference in enumerate(SPREAD):
        about = {"rho": rho, "rho_source": source if rho is not None else None, **changes}
        # A part that the seeds do not share with those of other methods, so that differences of seeds scatter.
        own = 0.5 * ((seed * len(method)) % 3 - 1)
        folder.add(control(task, method, seed, score + difference + own, **about), key or f"h{rho}")


def add_sweep(folder, method="swg", values=(0.0, 1.0, 10.0), **changes):
    for task, base in zip(TASKS, (20.0, 40.0), strict=True):
        for place, rho in enumerate(values):
            add(folder, task, base + 5 * place, rho, method, **changes)


def review(folder):
    (scores,) = load_scores(folder.path)
    return review_sweeps(scores, make_tracks(scores, read_tuning_records(folder.path)))


def read(folder, out, name, **options):
    write_report(folder.path, out, options=FAST, **options)
    return (out / name).read_text()


def table(text):
    return pd.read_csv(io.StringIO(text))


def test_three_values_of_a_number_are_a_sweep_and_two_or_words_are_variants(folder):
    add_sweep(folder)
    for place, steps in enumerate((100, 20, 3000)):
        for task in TASKS:
            add(folder, task, 10.0 + place, method="idql", key=str(steps), config={"critic.steps": steps})
    for weight in ("linex", "expectile", "exponential"):
        for task in TASKS:
            add(folder, task, 15.0, method="cep", key=weight, config={"cep.weight": weight})
    for rho in (1.0, 2.0):
        for task in TASKS:
            add(folder, task, 30.0, rho, "ddice")
    (scores,) = load_scores(folder.path)
    found = {sweep.family: (sweep.setting, list(sweep.variants)) for sweep in find_sweeps(scores)}
    assert found == {"idql": ("critic.steps", [20, 100, 3000]), "swg": ("rho", [0, 1, 10])}
    compared = review(folder).compared
    assert compared is not None
    assert compared.variants == (
        "cep cep.weight=expectile", "cep cep.weight=exponential", "cep cep.weight=linex", "ddice rho=1",
        "ddice rho=2",
    )  # fmt: skip


def test_results_without_a_sweep_are_compared_as_they_are(folder):
    for method in ("unguided", "idql"):
        for task in TASKS:
            add(folder, task, 30.0, method=method)
    found = review(folder)
    assert found.compared is found.scores
    assert found.sweeps == ()


def test_a_sweep_without_a_declared_value_enters_no_pair(folder, tmp_path):
    add_sweep(folder)
    for method, score in (("unguided", 31.0), ("idql", 33.0)):
        for task in TASKS:
            add(folder, task, score, method=method)
    pairs = table(read(folder, tmp_path / "out", "pairs.csv"))
    assert {*pairs["first"], *pairs["second"]} == {"idql", "unguided"}
    page = (tmp_path / "out" / "report.md").read_text()
    assert "In no comparison: `swg`, of which no ρ of the sweep is known" in page
    assert "`swg` at no value" in page.split("## ")[0], "the opening says so too"
    scores = table((tmp_path / "out" / "scores.csv").read_text())
    assert set(scores["variant"]) == {"unguided", "idql", "swg rho=0", "swg rho=1", "swg rho=10"}


def test_a_folder_of_sweeps_alone_compares_nothing_and_shows_the_curves(folder, tmp_path):
    add_sweep(folder)
    add_sweep(folder, "cep", (0.0, 1.0, 10.0, 100.0))
    page = read(folder, tmp_path / "out", "report.md")
    assert "no method is compared with another" in page
    assert "### Pairs" not in page
    assert (tmp_path / "out" / "maze2d-scales.csv").exists()
    assert table((tmp_path / "out" / "pairs.csv").read_text()).empty
    section = page.partition("### Sweeps")[2].splitlines()
    lines = [line.split("|")[1:4] for line in section if line.startswith(("| swg", "| cep"))]
    first = [(method.strip(), float(rho)) for method, rho, _ in lines[:7]]
    assert first == [("cep", 0), ("cep", 1), ("cep", 10), ("cep", 100), ("swg", 0), ("swg", 1), ("swg", 10)]


def test_the_default_that_the_results_name_is_what_is_compared(folder, tmp_path):
    """The pair of swg at 1 and idql by hand: the t test of the seeds' differences."""
    add_sweep(folder, declared_rho={"rho": 1.0, "source": "default"})
    for task in TASKS:
        add(folder, task, 33.0, method="idql")
    pairs = table(read(folder, tmp_path / "out", "pairs.csv"))
    (row,) = [r for _, r in pairs.iterrows() if r["task"] == "all tasks"]
    assert sorted([str(row["first"]), str(row["second"])]) == ["idql", "swg rho=1"]
    ours = np.mean([(20 + 5), (40 + 5)]) + np.array(SPREAD) + 0.5 * np.array([-1, -1, -1])
    other = 33 + np.array(SPREAD) + 0.5 * np.array([(s * 4) % 3 - 1 for s in range(3)])
    found = scipy.stats.ttest_rel(ours, other)
    assert row["p"] == pytest.approx(found.pvalue)
    page = (tmp_path / "out" / "report.md").read_text()
    assert "`swg` at its default ρ (1)" in page
    marks = table((tmp_path / "out" / "maze2d-scales.csv").read_text())
    swg = marks[marks["variant"] == "swg"]
    assert set(swg[swg["source"] == "default"]["rho"]) == {1.0}
    assert set(swg["task"]) == {"mean over tasks", "maze2d-umaze (local)", "maze2d-medium (local)"}


def test_a_tuned_scale_of_each_task_is_compared_before_the_default(folder):
    """Tuning chose 10 on the first task and 0 on the second, both of the sweep."""
    add_sweep(folder, declared_rho={"rho": 1.0, "source": "default"})
    seen = [
        evaluation("reported", [0, 1, 2], rho, task=task, settings={"critic.steps": 10000})
        for task in TASKS
        for rho in (0.0, 1.0, 10.0)
    ]
    folder.write_ledger(seen)
    choices = [tuned([100], rho=10.0), tuned([100], rho=0.0, task=B)]
    folder.write("tuned.json", {"format": FORMAT, "choices": choices})
    found = review(folder)
    assert found.declared["swg"].source == "tuned"
    assert found.compared is not None
    assert found.compared.variants == ("swg rho=tuned",)
    # On the first task the value at 10, on the second, which the alphabet puts first, that at 0.
    means = found.compared.matrix("swg rho=tuned").mean(axis=0)
    assert found.compared.tasks == (B, A)
    assert means == pytest.approx([40 - 0.5, 30 - 0.5])


def test_scales_of_each_task_beside_a_sweep_are_one_variant(folder):
    """Tuned: 3 on the first task, which the sweep lacks, and 10 on the second, which it has."""
    for task, base, scale in ((A, 20.0, 3.0), (B, 40.0, 10.0)):
        for place, rho in enumerate((0.0, 1.0, 10.0)):
            add(folder, task, base + 5 * place, rho, declared_rho={"rho": scale, "source": "tuned"})
    add(folder, A, 50.0, 3.0, source="tuned")
    found = review(folder)
    assert set(found.scores.variants) == {"swg rho=tuned", "swg rho=0", "swg rho=1", "swg rho=10"}
    assert len(found.scores.results()) == 3 * 7, "the result at 10 counts once, though it has two places"
    assert found.compared is not None
    assert found.compared.variants == ("swg rho=tuned",)
    assert found.compared.matrix("swg rho=tuned").mean(axis=0) == pytest.approx([50 - 0.5, 50 - 0.5])
    assert found.declared["swg"].values == {A: 3.0, B: 10.0}


def test_scales_that_nobody_declared_are_missing_where_they_were_not_run(folder):
    add_sweep(folder)
    add(folder, A, 50.0, 3.0)
    with pytest.raises(ReportError, match="maze2d-medium, swg rho=3, seed 0"):
        load_scores(folder.path)


def test_a_setting_whose_name_is_a_path_is_swept_inside_the_report(folder, tmp_path):
    name = "../../../critic.<b>steps"
    for steps in (1, 2, 3):
        for task in TASKS:
            add(folder, task, 10.0 * steps, method="idql", key=str(steps), config={name: steps})
    written = write_report(folder.path, tmp_path / "a" / "b" / "out", options=FAST)
    assert {path.resolve().parent for path in written} == {tmp_path / "a" / "b" / "out"}
    assert "maze2d-sweep-..-..-..-critic.-b-steps-table.tex" in {path.name for path in written}
    assert "<b>" not in (tmp_path / "a" / "b" / "out" / "index.html").read_text()


def test_a_value_of_a_sweep_is_no_baseline(folder, tmp_path):
    add_sweep(folder, declared_rho={"rho": 1.0, "source": "default"})
    with pytest.raises(ReportError, match=r"'swg rho=10' is a value of a sweep.* there are: swg rho=1\."):
        write_report(folder.path, tmp_path / "out", baseline="swg rho=10", options=FAST)


def test_every_value_has_its_own_interval(folder):
    """The t interval of a mean over tasks by hand: the seeds' means over tasks."""
    add_sweep(folder)
    (value, *_) = collect_sweep_values(review(folder))
    seeds = np.mean([20, 40]) + np.array(SPREAD) - 0.5
    low, high = scipy.stats.t.interval(0.95, 2, seeds.mean(), scipy.stats.sem(seeds))
    assert (value.value, value.mean.value) == (0.0, pytest.approx(seeds.mean()))
    assert (value.mean.lower, value.mean.upper) == (pytest.approx(low), pytest.approx(high))


def test_a_sweep_says_which_of_its_values_failed(folder, tmp_path):
    add_sweep(folder, values=(0.0, 1.0, 10.0, 100.0))
    cell = failed(A, "swg", 2, "critic, step 5 of 10", "diverged", rho=100.0, rho_source="given")
    folder.add(cell, "h100.0")
    page = read(folder, tmp_path / "out", "report.md")
    assert "Not shown, with a failed cell: `swg rho=100`." in page
    assert "over ρ (3 values from 0 to 10)" in page


def add_idql(folder, task, score, count, **changes):
    config = {"critic.steps": 10000, "critic.expectile": 0.7, "idql.candidates": count}
    add(folder, task, score, method="idql", key=str(count), config=config, **changes)


def add_candidates(folder, **changes):
    """A sweep of idql's candidates, better the more there are, beside swg at 33."""
    for task in TASKS:
        for place, count in enumerate((4, 16, 64)):
            add_idql(folder, task, 20.0 + 10 * place, count, **changes)
        add(folder, task, 33.0)


def declare(value, source="default"):
    return {"idql.candidates": None if value is None else {"value": value, "source": source}}


def test_a_swept_setting_is_compared_at_the_value_that_a_run_takes_without_it(folder, tmp_path):
    """The pair of idql at 16 and swg by hand; the best, 64, enters none."""
    add_candidates(folder, declared_settings=declare(16))
    pairs = table(read(folder, tmp_path / "out", "pairs.csv"))
    (row,) = [r for _, r in pairs.iterrows() if r["task"] == "all tasks"]
    assert {str(row["first"]), str(row["second"])} == {"idql idql.candidates=16", "swg"}
    ours = 30 + np.array(SPREAD) + 0.5 * np.array([(s * 4) % 3 - 1 for s in range(3)])
    found = scipy.stats.ttest_rel(33 + np.array(SPREAD) - 0.5, ours)
    assert row["p"] == pytest.approx(found.pvalue)
    page = (tmp_path / "out" / "report.md").read_text()
    assert "`idql` at its default idql.candidates (16)" in page
    assert "Around a declared value: a diamond for the default one." in page
    marks = table((tmp_path / "out" / "maze2d-scales-idql.candidates.csv").read_text())
    assert set(marks[marks["source"] == "default"]["setting"]) == {16}
    rows = table((tmp_path / "out" / "sweeps.csv").read_text())
    assert set(rows.dropna(subset=["declared"])["value"]) == {16}


def test_a_result_whose_setting_was_not_given_declares_its_own(folder):
    """Older results say nothing; one of this version without the option says which value that is."""
    add_candidates(folder)
    assert review(folder).undeclared
    for task in TASKS:
        add_idql(folder, task, 30.0, 16, declared_settings={})
    declared = review(folder).declared["idql"]
    assert (declared.source, set(declared.values.values())) == ("default", {16.0})
    assert declared.label == "idql idql.candidates=16"


def test_a_value_for_each_task_is_one_variant_and_a_tuned_one_is_called_so(folder):
    for task, value in zip(TASKS, (4, 64), strict=True):
        for place, count in enumerate((4, 16, 64)):
            add_idql(folder, task, 20.0 + 10 * place, count, declared_settings=declare(value, "tuned"))
    found = review(folder)
    assert found.compared is not None
    assert found.compared.variants == ("idql idql.candidates=tuned",)
    assert found.declared["idql"].values == {A: 4.0, B: 64.0}
    assert found.compared.matrix("idql idql.candidates=tuned").mean(axis=0) == pytest.approx([40, 20])


@pytest.mark.parametrize("said", [declare(None), declare(32), declare("many"), declare(True)])
def test_a_setting_that_a_run_would_take_with_others_or_that_was_not_run_is_compared_with_nothing(folder, said):
    add_candidates(folder, declared_settings=said)
    found = review(folder)
    assert [sweep.family for sweep in found.undeclared] == ["idql"]
    assert found.compared is not None
    assert found.compared.variants == ("swg",)


def test_results_that_declare_different_values_declare_none(folder):
    add_candidates(folder, declared_settings=declare(16))
    for task in TASKS:
        add_idql(folder, task, 20.0, 4, declared_settings=declare(4))
    assert [sweep.family for sweep in review(folder).undeclared] == ["idql"]


@pytest.mark.parametrize("lost", ["failed", "missing"])
def test_a_sweep_that_lost_a_value_stays_one_and_its_values_are_compared_with_nothing(folder, tmp_path, lost):
    """Of 0, 1 and 10 the last has no score: chance does not turn the rest into two methods to choose from."""
    add_sweep(folder)
    for task in TASKS:
        add(folder, task, 33.0, method="idql")
    if lost == "failed":
        folder.add(failed(A, "swg", 2, "critic", "diverged", rho=10.0, rho_source="given"), "h10.0")
    else:
        for path in folder.path.glob("runs/*/swg-h10.0/seed-*.json"):
            path.unlink()
    missing = [
        {"suite": "maze2d", "task": task, "method": "swg", "rho": 10.0, "seed": seed,
         "path": f"runs/{task}/swg-h10.0/seed-{seed}.json"}
        for task in TASKS for seed in range(3)
    ]  # fmt: skip
    folder.write_plans(missing if lost == "missing" else [])
    options = Options(replicates=100, partial=lost == "missing")
    write_report(folder.path, tmp_path / "out", options=options)
    (scores,) = load_scores(folder.path, partial=options.partial)
    (sweep,) = find_sweeps(scores)
    assert list(sweep.variants) == [0, 1]
    assert (sweep.failed or sweep.missing) == ("swg rho=10",)
    compared = review_sweeps(scores, ()).compared
    assert compared is not None
    assert compared.variants == ("idql",)
    page = (tmp_path / "out" / "report.md").read_text()
    assert "In no comparison: `swg`" in page
    if lost == "missing":
        assert "PARTIAL: 0 of the 6 results of the last plan are there; 6 are missing: by method, `swg` 6" in page
        assert "6 missing" in page
        states = table((tmp_path / "out" / "partial.csv").read_text())["state"]
        assert states.value_counts().to_dict() == {"compared": 18, "missing": 6}


@pytest.mark.parametrize("setting", ["rho", "critic.steps"])
def test_the_curve_is_drawn_with_a_mark_for_each_row_and_a_ring_for_each_declared_value(folder, setting):
    """By another program than a browser, and by matplotlib."""
    if setting == "rho":
        add_sweep(folder, declared_rho={"rho": 10.0, "source": "default"})
    else:
        for steps in (100, 1000, 5000):
            for task in TASKS:
                add(folder, task, steps / 100, method="swg", key=str(steps), config={setting: steps})
    found = review(folder)
    values = collect_sweep_values(found)
    figure = make_sweep_figure(found.scores, values, collect_sweep_points(found.scores, values, ()))
    rows = json.loads(figure.marks.to_json(orient="records") or "")
    svg = vl_convert.vegalite_to_svg({"data": {"values": rows}, **figure.chart}, vl_version="6.4")
    rings = 3 if setting == "rho" else 0  # over both tasks, and on each
    assert len(rows) == 3 * 3
    assert svg.count('aria-roledescription="point"') == len(rows) + rings
    axes = draw_scales(figure.marks, {"swg": STYLES["swg"]}, "t", choose_axis(values, [])).axes
    joined = [
        line for line in axes[0].lines if line.get_linestyle() == "-" and len(np.asarray(line.get_xdata())) == 3
    ]
    assert [np.asarray(line.get_ydata()).tolist() for line in joined] == [[v.mean.value for v in values]]


def test_a_made_up_folder_is_read_whole(tmp_path):
    size = Size(methods=("swg", "cep"), tasks=("task-a", "task-b"), seeds=3, episodes=6)
    folder = write_sweeps(tmp_path / "results", size)
    (scores,) = load_scores(folder)
    assert len(scores.results()) == size.count == 2 * 2 * 3 * 7
    write_report(folder, tmp_path / "out", options=FAST)
    rows = table((tmp_path / "out" / "sweeps.csv").read_text())
    assert len(rows) == 2 * 7 * 3, "IQM, mean and gap of each value; of two tasks the median is the mean"
    (first,) = rows[(rows["method"] == "cep") & (rows["value"] == 3) & (rows["aggregate"] == "mean")].index
    assert rows.loc[first, "estimate"] == pytest.approx(scores.matrix("cep rho=3").mean() / 100)
    assert set(rows.dropna(subset=["declared"])["value"]) == {10.0}
