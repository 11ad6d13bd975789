"""Learning curves and provenance: what is drawn and said is what the records of a folder say."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import vl_convert
from blocks import find_all, say
from made_components import add_component, component, curve, part
from synthetic_results import FORMAT, ResultsFolder, control

from bench.storage.merge import merge_folders
from reports.analysis.components import Part, group_parts, list_parts
from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.figures.curves import (
    MOST_MARKS,
    average,
    collect_curves,
    draw_curves,
    find_logs,
    has_seeds,
    list_quantities,
    make_curves_figure,
    style_groups,
    thin,
)
from reports.figures.marks import list_rows, select
from reports.load.component_schema import LearningCurve
from reports.load.components import list_records, read_record, read_records
from reports.load.origins import CommandHistory, read_commands, read_method_record
from reports.load.plans import read_plans
from reports.load.scores import load_scores
from reports.render.document import Details, Table
from reports.render.page.charts import encode_charts
from reports.report import write_report
from reports.sections.curves import make_curves_section
from reports.sections.provenance import Origins, make_provenance_section


@pytest.fixture
def filled(folder: ResultsFolder) -> ResultsFolder:
    """Two methods on one task: `cep` stands on an energy, that on a critic; `swg` on the critic."""
    cells = []
    for seed in range(3):
        for method, named in (
            ("swg", {"critic": "critic-a"}),
            ("cep", {"guidance": "cep-energy-b", "weight": "w-c"}),
        ):
            critics = {"labels": ["critic-a"], "departures": []}
            result = control("maze2d-umaze", method, seed, 50.0 + seed, components=named, critics=critics)
            file = folder.add(result)
            labels = ["critic-a"] if method == "swg" else ["critic-a", "cep-energy-b"]
            path = file.relative_to(folder.path).as_posix()
            cells.append(
                {"suite": "maze2d", "task": "maze2d-umaze", "method": method, "rho": None, "seed": seed}
                | {"path": path, "components": labels}
            )
        add_component(folder, "critic-a", seed)
        add_component(folder, "cep-energy-b", seed, upstream={"critic": "critic-a"}, seconds_per_seed=30.0)
    folder.write_plans(cells)
    return folder


def report(folder: ResultsFolder, out: Path) -> str:
    write_report(folder.path, out, options=Options(replicates=100))
    return (out / "report.md").read_text()


def read_parts(folder: ResultsFolder) -> list[Part]:
    (scores,) = load_scores(folder.path)
    labels = [(label, seed) for label in ("critic-a", "cep-energy-b") for seed in range(3)]
    return list_parts(scores, read_plans(folder.path).newest, read_records(folder.path, labels))


def test_neighbouring_values_become_means_with_their_last_step():
    assert thin((1, 2, 3, 4, 5), (1.0, 3.0, 5.0, 7.0, 9.0), 3) == {2: 2.0, 4: 6.0, 5: 9.0}
    assert thin((1, 2), (1.0, 3.0), 2) == {1: 1.0, 2: 3.0}
    assert math.isnan(thin((1, 2, 3), (1.0, math.nan, 3.0), 2)[2])
    diverged = thin((1, 2, 3, 4), (math.inf, -math.inf, 1e308, 1.7e308), 2)
    assert math.isnan(diverged[2])
    assert diverged[4] == math.inf


def test_a_mean_is_drawn_only_where_every_seed_has_a_number():
    lines = [{1: 1.0, 2: 2.0, 3: 3.0}, {1: 3.0, 2: math.nan}]
    assert average(lines) == [(1, 2.0, 1.0, 3.0)]
    assert average(lines[:1]) == [(1, 1.0, None, None), (2, 2.0, None, None), (3, 3.0, None, None)]


def test_the_marks_are_the_seeds_and_their_mean():
    marks = collect_curves([part(seed) for seed in range(3)])
    assert set(marks["quantity"]) == {"loss"}  # the learning rate is a setting
    assert [row["value"] for row in list_rows(select(marks, mark="seed", seed="1"))] == [5.0, 3.0, 2.0]
    means = list_rows(select(marks, mark="mean"))
    assert [(row["step"], row["value"], row["lower"], row["upper"]) for row in means] == [
        (10, 5.0, 4.0, 6.0),
        (20, 3.0, 2.0, 4.0),
        (30, 2.0, 1.0, 3.0),
    ]


def test_many_seeds_are_drawn_as_their_range_and_the_page_stays_small():
    tasks, long = [f"task-{i}" for i in range(20)], np.linspace(9, 1, 100).tolist()
    norms = {"value_loss": long, "td_loss": long, "gradient_norm": long}
    for count, shows_seeds in ((20, False), (3, True)):
        parts = [
            part(s, t, curve=curve(*(v + s for v in long), **norms)) for t in tasks[:count] for s in range(10)
        ]
        figure = make_curves_figure("suite", "critic", parts)
        assert has_seeds(figure.marks) == shows_seeds
        assert ("the band goes from the least to the greatest" in figure.caption) != shows_seeds
        assert len(figure.marks) <= MOST_MARKS
        assert 5 * len(encode_charts([figure]).encode()) < 3_500_000  # five kinds, beside 1 MB of scripts


def test_an_axis_is_logarithmic_where_values_are_positive_and_the_range_is_wide():
    def is_log(*losses: float) -> bool:
        return find_logs(collect_curves([part(0, curve=curve(*losses))]))["loss"]

    assert is_log(100.0, 1.0)
    assert not is_log(19.0, 1.0)
    assert not is_log(100.0, 0.0)
    assert not is_log(100.0, -1.0)
    assert is_log(100.0, math.nan, 1.0)


def test_chart_and_picture_have_a_line_for_each_seed_and_one_for_the_mean():
    parts = [part(seed, task) for task in ("one", "two") for seed in range(3)]
    figure = make_curves_figure("maze2d", "critic", parts)
    assert figure.chart["params"][0]["bind"]["options"] == ["one", "two"]
    records = json.loads(figure.marks.to_json(orient="records") or "")
    svg = vl_convert.vegalite_to_svg({"data": {"values": records}, **figure.chart}, vl_version="6.4")
    assert svg.count('aria-roledescription="line mark"') == 4  # of the task that is chosen
    marks = figure.marks
    axes = draw_curves(marks, style_groups(marks), find_logs(marks), "t").axes
    assert [len(each.lines) for each in axes] == [4, 4]
    assert list(np.asarray(axes[0].lines[-1].get_ydata(), float)) == [5.0, 3.0, 2.0]


@pytest.mark.parametrize(("seeds", "lost"), [(1, None), (3, [math.nan] * 3), (40, None)])
def test_a_quantity_that_one_of_two_tasks_lacks_is_drawn_for_the_other(seeds, lost, capfd):
    """One seed has no range, three have lines, forty a range; nothing is said on stderr."""
    more = {"norm": [8.0, 2.0, 0.1]}
    without = {} if lost is None else {"norm": lost}
    parts = [part(s, "one", curve=curve(3.0, 2.0, 1.0, **more)) for s in range(seeds)]
    parts += [part(s, "two", curve=curve(3.0, 2.0, 1.0, **without)) for s in range(seeds)]
    figure = make_curves_figure("maze2d", "critic", parts)
    marks = figure.marks
    axes = draw_curves(marks, style_groups(marks), find_logs(marks), "t").axes
    titles = [each.get_title() for each in axes]
    assert titles == ["one: loss", "one: norm", "two: loss", "two: norm"]
    thick = [[line for line in each.lines if line.get_linewidth() > 1] for each in axes]
    assert [len(own) for own in thick] == [1, 1, 1, 0]
    assert np.asarray(thick[1][0].get_ydata()).tolist() == pytest.approx(more["norm"])
    assert figure.draw("png").startswith(b"\x89PNG")
    records = json.loads(marks.to_json(orient="records") or "")
    for task in ("one", "two"):
        chosen = {**figure.chart, "params": [{"name": "task", "value": task}, figure.chart["params"][1]]}
        svg = vl_convert.vegalite_to_svg({"data": {"values": records}, **chosen}, vl_version="6.4")
        assert "norm" in svg
    assert capfd.readouterr().err == ""


def test_components_of_one_kind_are_told_apart_by_who_uses_them():
    shared, own = part(0, variants=("swg rho=1", "swg rho=2", "cep")), part(0, variants=("dql",), label="critic-x")
    assert list(group_parts([shared, own])) == ["swg, cep", "dql"]
    twice = [part(0), part(0, label="critic-y")]
    assert list(group_parts(twice)) == ["swg (critic-t)", "swg (critic-y)"]


def test_what_a_plan_lists_and_what_records_name_is_found(filled):
    found = {(each.kind, each.seed): each.variants for each in read_parts(filled)}
    assert found == {
        **{("cep-energy", seed): ("cep",) for seed in range(3)},
        **{("critic", seed): ("swg", "cep") for seed in range(3)},
    }


def test_the_report_has_curves_and_provenance(filled, tmp_path):
    text = report(filled, tmp_path / "out")
    assert "### Learning curves" in text
    rows = [
        [c.strip() for c in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| critic")
    ]
    ends = next(row for row in rows if "loss" in row)
    assert ends[-4:] == ["3", "30", "5 [4, 6]", "2 [1, 3]"]
    made = next(row for row in rows if "1,234" in row)
    assert made[3:] == ["a", "a processor, 2 cores", "3", "3", "30", "1,234", "60.0", "700 (300) process"]
    assert "6 seeds of 2 components are recorded. To make them took 4.5 min" in text
    marks = (tmp_path / "out" / "maze2d-curves-critic.csv").read_text()
    assert marks.startswith("task,variant,quantity,mark,seed,step,value,lower,upper\n")
    assert "6 of 6 seeds" in text


def test_seconds_say_of_how_many_seeds_and_memory_of_what(filled):
    """Two of six seeds have none; one loop had its peak on the GPU, the largest of the process in another."""
    on_gpu = {"of": "device", "mebibytes": 2000.0, "before": 20.0}
    for seed, changes in enumerate(({"seconds_per_seed": None}, {"peak_memory": on_gpu}, {"peak_memory": None})):
        add_component(filled, "critic-a", seed, curve=None, **changes)
    add_component(filled, "cep-energy-b", 1, curve=None, seconds_per_seed=None)
    (scores,) = load_scores(filled.path)
    blocks = make_provenance_section([scores], Origins({"maze2d": read_parts(filled)}, CommandHistory(), {}))
    said = say(blocks)
    assert "To make the 4 whose seconds are recorded took 3.0 min of wall time" in said
    table = next(each for each in find_all(blocks, Table) if each.name == "provenance-components-table")
    peaks = {row[0]: row[-1] for row in table.rows}
    assert peaks == {"critic": "2,000 (20) device; 700 (300) process", "cep-energy": "700 (300) process"}
    assert "device: of tensors on the GPU; process: resident in its process" in said
    for label in ("critic-a", "cep-energy-b"):
        for seed in range(3):
            add_component(filled, label, seed, curve=None, seconds_per_seed=None)
    said = say(make_provenance_section([scores], Origins({"maze2d": read_parts(filled)}, CommandHistory(), {})))
    assert "How long they took is not recorded." in said


def test_a_resumed_training_has_the_seconds_of_all_its_processes(filled, tmp_path):
    for seed in range(3):  # the last process took 1 s a seed, the loop 3 times 300 s in all
        add_component(filled, "critic-a", seed, seconds_per_seed=1.0, curve={**curve(2.0), "seconds": [900.0]})
    made = [line for line in report(filled, tmp_path / "out").splitlines() if line.startswith("| critic")]
    assert any(line.split("|")[-3].strip() == "300.0" for line in made)


@pytest.mark.parametrize("values", [{}, {"learning_rate": [0.1]}])
def test_a_curve_of_nothing_to_draw_is_left_out(filled, values):
    for seed in range(3):
        add_component(filled, "critic-a", seed, curve={**curve(2.0), "values": values})
    (scores,) = load_scores(filled.path)
    parts = read_parts(filled)
    folded = [each.summary for each in find_all(make_curves_section(scores, parts), Details)]
    assert [each.split(":")[0] for each in folded[1:]] == ["Learning curves of cep-energy"]
    assert make_curves_section(scores, [each for each in parts if each.kind == "critic"]) == []


def test_what_has_no_record_is_named(filled, tmp_path):
    (filled.path / "components" / "cep-energy-b" / "seed-1.json").unlink()
    text = report(filled, tmp_path / "out")
    assert "**Warning:** No record of how a component was made: cep-energy-b, seed 1." in text
    assert "w-c" not in text.partition("## Provenance")[2]  # a weight function is not made


def test_a_folder_of_an_earlier_version_says_that_it_has_no_records(folder, tmp_path):
    folder.add_matrix({"swg": np.full((3, 1), 50.0), "cep": np.full((3, 1), 40.0)}, ("maze2d-umaze",))
    text = report(folder, tmp_path / "out")
    assert "### Learning curves" not in text
    assert "This folder has no record of the commands that wrote into it." in text
    assert "This folder has no record of how its components were made." in text
    assert "Not recorded of `cep`, `swg`" in text


def test_a_seed_that_is_not_finite_is_marked_and_not_averaged(filled, tmp_path):
    add_component(
        filled, "critic-a", 2, curve=curve(6.0, 4.0, math.nan), weights_sha256=None, seconds_per_seed=None,
        failure={"step": "critic, step 30 of 30", "reason": "its loss is not finite"},
    )  # fmt: skip
    text = report(filled, tmp_path / "out")
    assert "| not finite in 1 of 3 |" in text
    assert "3, 1 failed" in text


def test_commands_and_departures_are_shown(filled, tmp_path):
    line = {"created": "2026-11-21T05:00:00+00:00", "command": "run --suite maze2d", "version": "0.2.0"}
    (filled.path / "commands.jsonl").write_text(json.dumps(line) + "\n")
    (filled.path / "methods").mkdir()
    found = {"file": "methods/swg.py", "text": "the points are not scaled", "own": True}
    for name, departures in (("swg", [found]), ("cep", [])):
        about = {"format": FORMAT, "method": name, "title": name, "paper": "a paper", "departures": departures}
        file = filled.path / "methods" / f"{name}.json"
        file.write_text(json.dumps({**about, "created": "2026-11-21T05:00:00+00:00"}))
    text = report(filled, tmp_path / "out")
    assert "bench run --suite maze2d`" in text
    assert "6 of 6 results are older than the first of them" in text
    assert "Of 2 methods 1 depart in something." in text
    assert "| the points are not scaled |" in text


def test_what_methods_are_is_shown_with_what_their_results_counted(filled, tmp_path):
    """`cep` stands on two components of 1,234 parameters; its results took 30 and 90 passes for 2 actions each."""
    spent = {"gradient": 60, "beside": 0, "guided_rows": 60, "actions": 2, "candidates": 1}
    for seed, function in ((0, 60), (1, 60), (2, 180)):
        named = {"guidance": "cep-energy-b"}
        critics = {"labels": ["critic-a"], "departures": []}
        changes = {"components": named, "critics": critics, "evaluations": {**spent, "function": function}}
        filled.add(control("maze2d-umaze", "cep", seed, 50.0 + seed, **changes))
    facts = {"law": "Exact", "reason": "its loss says so.", "further": ["cep-energy"], "gradient": "the denoiser"}
    about = {"format": FORMAT, "method": "cep", "title": "CEP", "paper": "a paper", "departures": []}
    about |= {"created": "2026-11-21T05:00:00+00:00", "facts": {**facts, "trained": ["critic", "cep-energy"]}}
    (filled.path / "methods").mkdir()
    (filled.path / "methods" / "cep.json").write_text(json.dumps(about))
    text = report(filled, tmp_path / "out")
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in text.splitlines()]
    (row,) = [row for row in rows if row[:2] == ["cep", "Exact"]]
    described = ["its loss says so.", "critic, cep-energy", "cep-energy", "the denoiser"]
    assert row[2:] == [*described, "2,468", "30 to 90", "30", "0", "1"]
    (row,) = [row for row in rows if row[:2] == ["swg", "–"]]
    assert row[2:7] == ["–", "–", "–", "–", "1,234"], "this folder has no record of it"
    (filled.path / "components" / "cep-energy-b" / "seed-1.json").unlink()
    rows = [line for line in report(filled, tmp_path / "out").splitlines() if line.startswith("| cep")]
    assert any("| the denoiser" in row and "2,468" not in row for row in rows), "not a sum of some components"


def test_a_damaged_record_of_commands_is_said_and_one_that_was_set_aside_too(filled, tmp_path):
    line = {"created": "2026-11-21T05:00:00+00:00", "command": "run --suite maze2d", "version": "0.2.0"}
    file = filled.path / "commands.jsonl"
    file.write_text(json.dumps(line) + "\nno line\n")
    text = report(filled, tmp_path / "out")
    assert (
        f"**The record of commands is damaged.** Line 2 of '{file}' is not a command: the file was edited" in text
    )
    file.rename(filled.path / "damaged-1-commands.jsonl")
    text = report(filled, tmp_path / "out")
    assert "no record of the commands that wrote into it. A damaged record is kept aside: `damaged-1-com" in text
    file.write_text(json.dumps(line) + "\n")
    text = report(filled, tmp_path / "out")
    assert (
        "results are older than the first of them, and their commands are not known. A damaged record is" in text
    )


def test_a_damaged_record_is_refused_in_one_sentence(filled, tmp_path):
    file = filled.path / "components" / "critic-a" / "seed-0.json"
    for content, words in (
        ("{", "is not JSON"),
        (json.dumps(component("critic-b", 0)), "belongs elsewhere"),
        (json.dumps(component("critic-a", 0, kind="energy")), "which is no component of kind"),
        (json.dumps(component("critic-a", 0, weights_sha256=None)), "a failure and weights, or neither"),
        (json.dumps(component("critic-a", 0, curve={**curve(1.0), "seconds": []})), "has 0 values of 'seconds'"),
        (json.dumps(component("critic-a", 0, curve={**curve(1.0, 2.0), "steps": [2, 2]})), "do not rise"),
        (" " * 3_000_000, "at most 2,097,152 are read"),
    ):
        file.write_text(content)
        with pytest.raises(ReportError, match=words) as refused:
            report(filled, tmp_path / "out")
        assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_record_is_read_back_as_it_was_written(tmp_path):
    file = tmp_path / "critic-a" / "seed-0.json"
    file.parent.mkdir()
    file.write_text(json.dumps(component("critic-a", 0, curve=curve(1.0, math.nan))))
    found = read_record(file)
    assert found.curve is not None
    assert math.isnan(found.curve.values["loss"][1])
    assert list_quantities([found.curve]) == ["loss"]
    assert isinstance(found.curve, LearningCurve)


def test_a_merged_folder_has_the_records_of_its_sources(filled, tmp_path):
    other = ResultsFolder(tmp_path / "other")
    for folder, version in ((filled, "0.2.0"), (other, "0.3.0")):
        lines = [
            {"created": f"2026-11-2{day}T05:00:00+00:00", "command": command, "version": version}
            for day, command in ((1, "run --suite maze2d"), (2, f"run --suite toy --seeds {version}"))
        ]
        (folder.path / "commands.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        (folder.path / "methods").mkdir()
        about = {"format": FORMAT, "method": "swg", "title": version, "paper": "a paper", "departures": []}
        record = json.dumps({**about, "created": f"2026-11-2{version[2]}T05:00:00+00:00"})
        (folder.path / "methods" / "swg.json").write_text(record)
    add_component(other, "critic-a", 0, parameters=7)
    add_component(other, "critic-z", 5)
    merged = tmp_path / "merged"
    merge_folders([filled.path, other.path], merged, lambda line: None)
    found = {(each.label, each.seed): each.parameters for each in map(read_record, list_records(merged))}
    assert found == {("critic-z", 5): 1234} | {
        (label, seed): 1234 for label in ("critic-a", "cep-energy-b") for seed in range(3)
    }
    assert read_method_record(merged / "methods" / "swg.json").title == "0.3.0"
    assert [(each.command, each.version) for each in read_commands(merged)] == [
        ("run --suite maze2d", "0.2.0"),
        ("run --suite maze2d", "0.3.0"),
        ("run --suite toy --seeds 0.2.0", "0.2.0"),
        ("run --suite toy --seeds 0.3.0", "0.3.0"),
    ]
    assert (merged / "sources" / "2" / "commands.jsonl").read_bytes() == (
        other.path / "commands.jsonl"
    ).read_bytes()
