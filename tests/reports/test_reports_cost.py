"""What one call costs stands beside the scores of the same method on the same terms."""

import pytest
from synthetic_results import FORMAT, MACHINE, control

from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.load.files import TIMING, read_file
from reports.load.schema import Timing
from reports.render.figures import draw_costs
from reports.report import write_report
from reports.sections import suite as sections
from reports.sections.cost import average_costs, select_rows, tabulate_costs


def report(folder, out):
    written = write_report(folder.path, out, options=Options(replicates=200))
    return written, (out / "report.md").read_text()


def timing_rows(method, guided, milliseconds):
    return {
        "suite": "maze2d",
        "task": "maze2d-umaze",
        "preset": "quick",
        "terms": "shared",
        "method": method,
        "guided": guided,
        "batch": 20,
        "milliseconds": {"median": milliseconds, "p5": milliseconds - 1, "p95": milliseconds + 1},
        "calls": 50,
        "parameters": 1234567,
        "peak_memory_mib": None,
        "device": "cpu",
    }


def test_cost_section(folder, tmp_path):
    for method in ("unguided", "swg"):
        folder.add(control("maze2d-umaze", method, 0, 1.0))
    assert "### Cost" not in report(folder, tmp_path / "a")[1]
    rows = [timing_rows("unguided", False, 10.0), timing_rows("swg", False, 10.0), timing_rows("swg", True, 25.0)]
    folder.write("timing.json", {"format": FORMAT, "rows": rows, "machine": MACHINE})
    written, text = report(folder, tmp_path / "b")
    swg = next(line for line in text.splitlines() if line.startswith("| maze2d-umaze | swg "))
    cells = [cell.strip() for cell in swg.strip("|").split("|")]
    assert cells[3:] == [
        "20",
        "10.00 [9.00, 11.00]",
        "25.00 [24.00, 26.00]",
        "2.50",
        "1.250",
        "1,234,567",
        "–",
    ]
    assert "maze2d-cost.png" in {path.name for path in written}
    # Results on shared terms do not stand beside the cost of another network and sampler.
    assert "Measured controlled, in the sizes of preset quick, on: device cpu, processor a processor" in text
    own = [{**row, "terms": "own"} for row in rows]
    folder.write("timing.json", {"format": FORMAT, "rows": own, "machine": MACHINE})
    assert "### Cost" not in report(folder, tmp_path / "own")[1]
    del rows[0]["calls"]
    folder.write("timing.json", {"format": FORMAT, "rows": rows, "machine": MACHINE})
    with pytest.raises(ReportError, match=r"timing\.json' lacks the field `rows\[0\]\.calls`"):
        report(folder, tmp_path / "c")


SHARED, OWN = {"terms": "shared"}, {"terms": "own"}


@pytest.fixture
def both(folder):
    """Scores and costs of SWG on both terms, of the unguided method on shared terms alone."""
    folder.add(control("maze2d-umaze", "unguided", 0, 30.0), "shared")
    for terms in (SHARED, OWN):
        folder.add(control("maze2d-umaze", "swg", 0, 60.0, **terms), terms["terms"])
    rows = [
        timing_rows("unguided", False, 10.0) | SHARED,
        timing_rows("unguided", False, 80.0) | OWN,
        timing_rows("swg", True, 25.0) | SHARED,
        timing_rows("swg", True, 40.0) | OWN,
    ]
    folder.write("timing.json", {"format": FORMAT, "rows": rows, "machine": MACHINE})
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
    assert average_costs(found)[0] == {("unguided", "shared"): 10.0, ("swg", "own"): 40.0}
    assert select_rows(rows, "maze2d", {("cep", "own")}, None, ["swg"]) == rows[3:], "timed, not scored"


@pytest.fixture
def points(monkeypatch):
    """What each cost figure of a report was given, variant to milliseconds."""
    seen = []

    def figure(analysis, known, unit):
        seen.append(known)
        return draw_costs(analysis, known, unit)

    monkeypatch.setattr(sections, "draw_costs", figure)
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
