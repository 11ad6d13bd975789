"""What one call costs stands beside the scores of the same method on the same terms and with the same settings."""

import csv

import pytest
from synthetic_results import FORMAT, MACHINE, control, milliseconds, timing_row

from reports.analysis.costs import find_costs, find_evaluations, tell_apart
from reports.analysis.suite import ControlAnalysis, Options, analyse
from reports.errors import ReportError
from reports.figures.costs import make_costs_figure, make_evaluations_figure
from reports.load.files import TIMING, read_file
from reports.load.scores import load_scores
from reports.load.timing_schema import Timing, TimingRow
from reports.report import write_report
from reports.sections import suite as sections
from reports.sections.cost import select_rows, tabulate_costs, tabulate_parts
from reports.sections.sweeps import find_printed
from reports.sections.timed_places import find_contention

SHARED, OWN = {"terms": "shared"}, {"terms": "own"}


def report(folder, out):
    written = write_report(folder.path, out, options=Options(replicates=200))
    return written, (out / "report.md").read_text()


def made(*rows):
    return [TimingRow.model_validate(row, strict=False) for row in rows]


def cells_of(text, start):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if start in line]


def test_cost_section(folder, tmp_path):
    for method in ("unguided", "swg"):
        folder.add(control("maze2d-umaze", method, 0, 1.0))
    assert "### Cost" not in report(folder, tmp_path / "a")[1]
    rows = [timing_row("unguided", False, 10.0), timing_row("swg", False, 10.0), timing_row("swg", True, 25.0)]
    folder.write("timing.json", {"format": FORMAT, "rows": rows})
    written, text = report(folder, tmp_path / "b")
    times, ratios = cells_of(text, "| maze2d-umaze | swg ")[:2]
    assert times[3:] == ["20", "10.00 [9.00, 11.00]", "25.00 [24.00, 26.00]", "2.50 [2.40, 2.60]"]
    assert ratios[3:] == ["20", "2.50 [2.40, 2.60]", "1.250"]
    assert {"maze2d-cost.csv", "costs.csv"} <= {path.name for path in written}
    with (tmp_path / "b" / "costs.csv").open() as file:
        listed = list(csv.DictReader(file))
    assert [(r["method"], r["milliseconds"], r["over_own_unguided_lower"]) for r in listed][-1] == (
        "swg",
        "25.0",
        "2.4",
    )
    # Results on shared terms do not stand beside the cost of another network and sampler.
    assert "Measured controlled, in the sizes of preset quick, on: device cpu, processor a processor" in text
    own = [{**row, "terms": "own"} for row in rows]
    folder.write("timing.json", {"format": FORMAT, "rows": own})
    assert "### Cost" not in report(folder, tmp_path / "own")[1]
    del rows[0]["calls"]
    folder.write("timing.json", {"format": FORMAT, "rows": rows})
    with pytest.raises(ReportError, match=r"timing\.json' lacks the field `rows\[0\]\.calls`"):
        report(folder, tmp_path / "c")


def test_parts_and_evaluations_are_of_an_action():
    guided, unguided = made(timing_row("swg", True, 25.0), timing_row("swg", False, 10.0))
    table = tabulate_parts([guided, unguided], ())
    shown = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    assert [row["guidance is"] for row in shown] == ["off", "on"]
    assert [shown[1][part] for part in ("denoiser", "guidance", "selection", "rest")] == [
        "50 %",
        "30 %",
        "0 %",
        "20 %",
    ]
    assert [(row["forward"], row["gradients"], row["NFE"]) for row in shown] == [
        ("15", "0", "15"),
        ("15", "15", "45"),
    ]


def test_a_folder_with_nothing_but_timings_has_a_report_of_them(folder, tmp_path):
    folder.write("timing.json", {"format": FORMAT, "rows": [timing_row("unguided", False, 10.0)]})
    written, text = report(folder, tmp_path / "out")
    assert {path.name for path in written} == {"report.md", "index.html", "summary.txt", "costs.csv"}
    assert "## maze2d\n\n### Cost" in text
    page = tmp_path / "out" / "index.html"
    assert 'http-equiv="refresh"' not in page.read_text()
    write_report(folder.path, tmp_path / "out", options=Options(refresh=7))
    assert '<meta http-equiv="refresh" content="7">' in page.read_text()


@pytest.fixture
def both(folder):
    """Scores and costs of SWG on both terms, of the unguided method on shared terms alone."""
    folder.add(control("maze2d-umaze", "unguided", 0, 30.0), "shared")
    for terms in (SHARED, OWN):
        folder.add(control("maze2d-umaze", "swg", 0, 60.0, **terms), terms["terms"])
    rows = [
        timing_row("unguided", False, 10.0, **SHARED),
        timing_row("unguided", False, 80.0, **OWN),
        timing_row("swg", True, 25.0, **SHARED),
        timing_row("swg", True, 40.0, **OWN),
    ]
    folder.write("timing.json", {"format": FORMAT, "rows": rows})
    return folder


def test_the_table_tells_the_terms_apart_where_there_are_both(both, tmp_path):
    _, text = report(both, tmp_path / "out")
    lines = [line for line in text.splitlines() if " ms " in line or line.startswith("| maze2d-umaze | ")]
    header = next(i for i, line in enumerate(lines) if "unguided ms" in line)
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[header:][:4]]
    assert [row[:4] + row[6:7] for row in cells] == [
        ["task", "method", "comparison", "device", "guided ms"],
        ["maze2d-umaze", "unguided", "controlled", "cpu", "–"],
        ["maze2d-umaze", "swg", "as published", "cpu", "40.00 [39.00, 41.00]"],
        ["maze2d-umaze", "swg", "controlled", "cpu", "25.00 [24.00, 26.00]"],
    ]
    rows = [row for row in read_file(both.path / TIMING, Timing).rows if row.terms == "own"]
    assert "comparison" not in tabulate_costs(rows, ()).header


def test_a_method_is_timed_on_the_terms_of_its_scores(both):
    rows = read_file(both.path / TIMING, Timing).rows
    scored = {("unguided", "shared"), ("swg", "own")}
    found = select_rows(rows, "maze2d", scored, None, None)
    assert {(row.method, row.terms) for row in found} == scored
    assert select_rows(rows, "maze2d", {("cep", "own")}, None, ["swg"]) == rows[3:], "timed, not scored"
    assert select_rows(rows, "maze2d", (), None, None) == rows, "of a suite without scores all of it"


@pytest.fixture
def points(monkeypatch):
    """What each cost figure of a report was given, variant to milliseconds."""
    seen = []

    def figure(analysis, known, unit):
        seen.append(known)
        return make_costs_figure(analysis, known, unit)

    monkeypatch.setattr(sections, "make_costs_figure", figure)
    return seen


def test_every_point_of_the_figure_is_at_the_cost_of_its_terms(both, tmp_path, points):
    report(both, tmp_path / "out")
    assert points == [{"unguided": 10.0, "swg terms=own": 40.0, "swg terms=shared": 25.0}]


def test_a_variant_that_stands_on_both_terms_has_no_point(both, tmp_path, points):
    """One method, one configuration per task, but other terms on the other task."""
    for file in (both.path / "runs" / "maze2d-umaze").glob("swg-own/*"):
        file.unlink()
    both.add(control("maze2d-medium", "swg", 0, 60.0, **OWN), "own")
    both.add(control("maze2d-medium", "unguided", 0, 60.0), "shared")
    assert "terms=" not in report(both, tmp_path / "out")[1]
    assert points == [{"unguided": 10.0}]


def test_of_several_timed_settings_those_of_the_results_count(folder, tmp_path, points):
    config = control("maze2d-umaze", "swg", 0, 1.0)["config"]
    folder.add(control("maze2d-umaze", "swg", 0, 1.0, config={**config, "swg.weight_head": "early"}))
    rows = [
        timing_row("swg", True, median, settings={**config, "swg.weight_head": head})
        for head, median in (("middle", 25.0), ("early", 15.0))
    ]
    folder.write("timing.json", {"format": FORMAT, "rows": rows})
    report(folder, tmp_path / "out")
    assert points == [{"swg": 15.0}]
    table = tabulate_costs(made(*rows), ())
    assert table.header[2] == "apart by"
    assert [row[2] for row in table.rows] == ["swg.weight_head=early", "swg.weight_head=middle"]
    folder.write("timing.json", {"format": FORMAT, "rows": [rows[0], {**rows[0], "threads": 2}]})
    report(folder, tmp_path / "other")
    assert points[1:] == [{"swg": 25.0}], "timed with one setting, that is what there is"


def test_rows_are_told_apart_by_the_fewest_settings():
    settings = {"denoiser.width": 8, "denoiser.steps": 5, "swg.rho": 1}
    rows = made(
        timing_row("swg", True, 1.0, settings=settings),
        timing_row("swg", True, 1.0, settings={**settings, "denoiser.width": 16, "denoiser.steps": 6}),
        timing_row("swg", True, 1.0, settings=settings, threads=2),
        timing_row("cep", True, 1.0, settings=settings),
    )
    assert list(tell_apart(rows).values()) == [
        "threads=1, denoiser.steps=5",
        "threads=1, denoiser.steps=6",
        "threads=2, denoiser.steps=5",
        "",
    ]


def test_contention_is_said_of_what_waited_and_of_a_loaded_machine():
    quiet = timing_row("swg", True, 10.0)
    assert find_contention(made(quiet)) == []
    waited = {**quiet, "milliseconds": milliseconds(10.0, mean=30.0)}
    (sentence,) = find_contention(made(quiet, waited, {**waited, "device": "cuda"}))
    assert sentence.startswith(
        "In 1 of 3 rows a call took more than 1.2 times its CPU time (3.0 times: swg, batch 20)"
    )
    (sentence,) = find_contention(made({**quiet, "load": 1.6}, {**quiet, "load": 1.4}))
    assert "load average before was 1.6 on 2 cores" in sentence
    assert find_contention(made({**quiet, "load": None}, {**quiet, "machine": {**MACHINE, "cores": None}})) == []


def swept(value, guided, median, **settings):
    point = {"name": "depth", "setting": "denoiser.blocks", "value": value}
    known = {"denoiser.network": "mlp", "denoiser.width": 2056, "denoiser.blocks": value, **settings}
    return timing_row("swg", guided, median, sweep=point, settings=known, batch=1)


def test_a_sweep_has_a_table_with_the_printed_parameters_and_a_picture(folder, tmp_path):
    rows = [
        swept(value, guided, 10.0 * value + 5 * guided - 2 * early, **{"swg.weight_head": head})
        for value in (4, 1)
        for early, head in enumerate(("middle", "early"))
        for guided in (True, False)
    ]
    folder.write("timing.json", {"format": FORMAT, "rows": rows})
    written, text = report(folder, tmp_path / "out")
    title = "#### Cost by depth: maze2d-umaze, controlled, cpu, batch 1"
    assert title in text
    table = cells_of(text.partition(title)[2], "| swg ")
    assert [row[:2] + row[3:6] for row in table[:4]] == [
        ["swg swg.weight_head=middle", "1", "660K", "10.00 [9.00, 11.00]", "15.00 [14.00, 16.00]"],
        ["swg swg.weight_head=early", "1", "660K", "8.00 [7.00, 9.00]", "13.00 [12.00, 14.00]"],
        ["swg swg.weight_head=middle", "4", "13.3M", "40.00 [39.00, 41.00]", "45.00 [44.00, 46.00]"],
        ["swg swg.weight_head=early", "4", "13.3M", "38.00 [37.00, 39.00]", "43.00 [42.00, 44.00]"],
    ]
    assert table[4][2:] == ["10.00 ± 1.00", "15.00 ± 1.00"]
    assert "maze2d-umaze-depth-controlled-cpu-1.csv" in {path.name for path in written}


@pytest.mark.parametrize("changes", [{"denoiser.network": "residual"}, {"denoiser.width": 256}])
def test_nothing_is_printed_of_another_network(changes):
    (row,) = made(swept(4, True, 1.0, **changes))
    assert find_printed(row) is None


def test_a_cost_that_no_result_has_is_left_out():
    assert find_costs((), None) == ({}, "")  # type: ignore[arg-type]


def test_a_scale_of_zero_costs_what_its_own_policy_does_without_guidance(folder):
    for seed in range(2):
        folder.add(control("maze2d-umaze", "swg", seed, 10.0, rho=0.0), "0")
        folder.add(control("maze2d-umaze", "swg", seed, 60.0, rho=5.0), "5")
        folder.add(control("maze2d-umaze", "unguided", seed, 10.0))
    (scores,) = load_scores(folder.path)
    rows = made(timing_row("unguided", False, 8.0), timing_row("swg", False, 11.0), timing_row("swg", True, 25.0))
    costs, _ = find_costs(rows, scores)
    assert costs == {"unguided": 8.0, "swg rho=0": 11.0, "swg rho=5": 25.0}
    assert find_costs(rows[2:], scores)[0] == {"swg rho=5": 25.0}, "timed with guidance alone"


def spend(function, beside, gradient, actions: int | None = 100):
    return {"function": function, "beside": beside, "gradient": gradient, "guided_rows": 0, "actions": actions}


def test_score_against_evaluations_is_at_those_of_an_action(folder):
    """A gradient counts twice, another network's pass once; several at one cost have one on the front."""
    counts = {
        "unguided": spend(1_000, 0, 0),
        "swg": spend(1_000, 0, 1_000),
        "cep": spend(1_000, 500, 750),
        "idql": spend(9_000, 0, 0),
        "dps": spend(0, 0, 0),
        "mse": spend(1_000, 0, 0, actions=None),
    }
    score = {"unguided": 20.0, "swg": 50.0, "cep": 40.0, "idql": 45.0, "dps": 90.0, "mse": 90.0}
    for method, spent in counts.items():
        for seed in range(3):
            folder.add(control("maze2d-umaze", method, seed, score[method] + seed, evaluations=spent))
    (scores,) = load_scores(folder.path)
    found = find_evaluations(scores)
    assert found == {"unguided": 10.0, "swg": 30.0, "cep": 30.0, "idql": 90.0}
    analysis = analyse(scores, None, Options(replicates=100))
    assert isinstance(analysis, ControlAnalysis)
    figure = make_evaluations_figure(analysis, found)
    assert figure.name == "maze2d-evaluations"
    marks = figure.marks
    assert list(zip(marks["variant"], marks["evaluations"], marks["is_on_front"], strict=True)) == [
        ("unguided", 10.0, True), ("swg", 30.0, True), ("cep", 30.0, False), ("idql", 90.0, False)
    ]  # fmt: skip
    assert figure.marks["value"].tolist() == pytest.approx([0.21, 0.51, 0.41, 0.46])
    assert "Without a count of evaluations and actions in their results: dps, mse." in figure.caption
    assert figure.draw("png").startswith(b"\x89PNG")


def test_without_timings_the_evaluations_are_all_that_is_said_of_cost(folder, tmp_path):
    for seed in range(2):
        folder.add(control("maze2d-umaze", "swg", seed, 10.0 + seed, evaluations=spend(100, 0, 100)))
    _, text = report(folder, tmp_path / "out")
    section = text.partition("### Cost\n")[2].partition("\n#")[0]
    assert "Nothing here was timed" in section
    assert "network evaluations per action (NFE): forward passes plus twice the gradients" in section
    assert (tmp_path / "out" / "maze2d-evaluations.csv").is_file()
