"""The report says which settings were tuned, to what and at what cost, and where methods are not tuned alike."""

import re

from synthetic_results import FORMAT, control, evaluation, tuned

from reports.analysis.protocol import FAIR, list_shortfalls
from reports.analysis.suite import Options
from reports.load.ledger import read_tuning_records
from reports.load.scores import load_scores
from reports.render.document import Table, render_markdown
from reports.report import write_report
from reports.sections.knobs import make_knob_blocks
from reports.sections.tuning import find_tuning_warnings, make_tuning_section

KNOBS = {"candidates": 32, "select": "best"}
COST = {"episodes": 240, "trials": 12, "knobs": KNOBS, "training_steps": 0, "seconds": 61.4}
IDQL = {"tuning": COST, "tunable": ["candidates", "select"]}
TRIED = [
    {"rho": None, "knobs": {"candidates": n, "select": "best"}, "score": score}
    for n, score in ((2, 30.0), (8, 41.0), (32, 55.0))
]


def choice(**changes):
    ranges = {"candidates": [1, 64], "select": ["best", "draw"]}
    fields = {"method": "idql", "rho": None, "knobs": KNOBS, "ranges": ranges, "range": [], "sampler": "tpe"}
    fields |= {"score": 55.0, "trials": 12, "episodes": 240, "training_steps": 0, "seconds": 61.4, "tried": TRIED}
    return tuned([100, 101], **fields | changes)


def add(folder, method, **changes):
    config = {"critic.steps": 10000, **changes.pop("config", {})}
    folder.add(control("maze2d-umaze", method, 0, 50.0, config=config, **changes))


def section(folder):
    (scores,) = load_scores(folder.path)
    records = read_tuning_records(folder.path)
    return re.sub(" +", " ", render_markdown(make_tuning_section(scores, records))), scores, records


def test_tuned_settings_of_a_method_without_a_scale_are_said_with_their_cost(folder):
    add(folder, "idql", config={"idql.candidates": 32, "idql.select": "best"}, **IDQL)
    add(folder, "unguided")
    other = choice(knobs={"candidates": 4, "select": "draw"}, ranges={}, score=99.0)
    folder.write("tuned.json", {"format": FORMAT, "choices": [other, choice()]})
    entries = [
        evaluation("tuning", [100, 101], None, method="idql", policy=f"p{n}", study=f"a/p0/{n}", values=[[s], [s]])
        for n, s in enumerate((30.0, 41.0, 55.0))
    ]
    strange = evaluation(
        "tuning", [100, 101], None, method="idql", policy="q", study="a/q/1", values=[[9.0], [9.0]]
    )
    folder.write_ledger([*entries, strange])
    text, scores, records = section(folder)
    (table,) = make_knob_blocks(scores, records.choices)[1:]
    assert isinstance(table, Table)
    found = ("candidates = 32, select = best", "candidates 1 to 64; select best, draw")
    cost = ("12", "240", "0", "61", "candidates the greatest")
    assert table.rows == (("maze2d-umaze (local)", "idql", *found, *cost),)
    assert (
        "Tuning took 240 episodes in addition to the 2 reported ones of the tuned variants, on other seeds" in text
    )
    assert "Where ρ comes from" not in text
    assert "| maze2d-umaze (local) | idql | 55 | 50 | 5 |" in text
    means = (42, (41 + 2 * 55) / 3, 55)  # the best of 1, 2 and 3 of the scores 30, 41 and 55
    assert f"| maze2d-umaze (local) | idql | {' | '.join(f'{m:.4g}' for m in (means[0], means[1]))}" in text
    assert find_tuning_warnings(scores, records) == ()


def test_settings_tuned_for_some_methods_alone_are_warned_of(folder):
    add(folder, "idql", config={"idql.candidates": 32}, **IDQL)
    add(folder, "swg-r", rho=5.0, rho_source="default", tunable=["rho", "candidates"])
    _, scores, records = section(folder)
    (warning,) = find_tuning_warnings(scores, records)
    assert warning.startswith(
        "settings of `idql` (candidates, select) were tuned on these data, and those of `swg-r`"
    )


def test_a_scale_left_as_it_was_beside_tuned_settings_is_warned_of_in_the_first_lines(folder, tmp_path):
    add(folder, "idql", config={"idql.candidates": 32}, **IDQL)
    add(folder, "swg", rho=5.0, rho_source="default", tunable=["rho"])
    write_report(folder.path, tmp_path / "report", options=Options(replicates=100))
    opening = (tmp_path / "report" / "report.md").read_text().split("\n## ")[0]
    assert (
        "**Warning:** settings of `idql` (candidates, select) were tuned on these data, and those of `swg`"
        in opening
    )


def test_a_protocol_is_not_held_where_only_the_scale_was_tuned(folder):
    add(folder, "idql", **IDQL)
    spent = {"episodes": 240, "trials": 12}
    add(folder, "swg-r", rho=5.0, rho_source="tuned", tuning=spent, tunable=["rho", "candidates"])
    (scores,) = load_scores(folder.path)
    assert "tuned in part: swg-r without candidates" in list_shortfalls(scores, FAIR)
