"""Deviations from a frozen plan, one at a time, and a primary pair outside of Holm's family."""

import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from synthetic_results import FORMAT, control, evaluation

from reports.analysis.deviations import review_plan
from reports.analysis.pairs import adjust_by_holm, compare_variants
from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.load.frozen_plan import is_same_plan, read_frozen_plan
from reports.load.ledger import read_ledger
from reports.load.scores import load_scores
from reports.report import write_report
from reports.sections.frozen_plan import describe_frozen_plan

TASKS = ("maze2d-umaze", "maze2d-medium")
METHODS = ("unguided", "swg", "cep")
SEEDS = (0, 1, 2, 3)
VERSIONS = {"python": "3.11.7", "torch": "2.13.0", "mujoco": "3.4.0", "gymnasium": "1.4.0"}


def frozen(**changes: Any) -> dict[str, Any]:
    """A plan that `fill` follows; `changes` replace its fields."""
    entry = {
        "suite": "maze2d",
        "data": ["local", "ab12"],
        "settings": {"critic.steps": 10000, "critic.expectile": 0.7},
        "rho": {"source": None, "values": []},
        "tuning": None,
        "episodes": 2,
        "components": {"critic": "c0", "denoiser": "d0"},
        "policy": "p0",
    }
    return {
        "format": FORMAT,
        "created": "2026-11-21T03:00:00+00:00",
        "preset": "quick",
        "terms": "shared",
        "protocol": None,
        "experiment": None,
        "seeds": list(SEEDS),
        "primary": ["swg", "cep"],
        "methods": [{"task": task, "method": method, **entry} for task in TASKS for method in METHODS],
        "versions": VERSIONS,
        **changes,
    }


def freeze(folder, plan: dict[str, Any]) -> dict[str, Any]:
    """Write a plan with its hash."""
    text = json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    made = {**plan, "hash": hashlib.sha256(text.encode()).hexdigest()}
    folder.write("frozen_plan.json", made)
    return made


def fill(folder, methods=METHODS, seeds=SEEDS, tasks=TASKS, **changes):
    generator = np.random.default_rng(0)
    for task in tasks:
        for method in methods:
            for seed in seeds:
                score = 50.0 + 3 * METHODS.index(method) * (method in METHODS) + generator.normal()
                folder.add(control(task, method, seed, score, **changes))


def review(folder, **filters):
    plan = read_frozen_plan(folder.path / "frozen_plan.json")
    assert plan is not None
    return review_plan(plan, load_scores(folder.path, **filters), read_ledger(folder.path / "ledger.jsonl"))


def list_said(folder, **filters):
    return [f"{d.what} ({d.where})" if d.where else d.what for d in review(folder, **filters).deviations]


def test_results_as_planned_have_no_deviation(folder):
    fill(folder)
    plan = freeze(folder, frozen())
    found = review(folder)
    assert found.deviations == ()
    said = describe_frozen_plan(found)
    assert said.startswith(
        f"**Plan frozen** at 2026-11-21T03:00:00+00:00 (`frozen_plan.json`, SHA-256 {plan['hash']}"
    )
    assert "before the first of its evaluations that the ledger or a result has, of 2026-11-21T04:00:00" in said
    assert "versions of components and packages are as frozen" in said, "without a ledger no code was compared"
    assert "its p is not corrected; all other pairs' are." in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"config": {"critic.steps": 300, "critic.expectile": 0.7}}, "`critic.steps` 300, frozen as 10000"),
        ({"config": {"critic.expectile": 0.7}}, "`critic.steps` unset, frozen as 10000"),
        ({"preset": "smoke"}, "preset smoke, frozen as quick"),
        ({"terms": "own"}, "terms as published, frozen as controlled"),
        ({"seeds": (0, 1, 2)}, "missing seeds 3"),
        ({"seeds": (0, 1, 2, 3, 7)}, "added seeds 7"),
        ({"components": {"critic": "c1", "denoiser": "d0"}}, "another version of the code of the components"),
        ({"versions": {**VERSIONS, "torch": "2.14.0"}}, "torch 2.14.0, frozen as 2.13.0"),
        ({"tasks": TASKS[:1]}, "missing task maze2d-medium"),
        ({"tasks": (*TASKS, "maze2d-large")}, "added task maze2d-large"),
        ({"methods": ("unguided", "swg")}, "missing method cep"),
    ],
)
def test_each_deviation_is_named_with_both_values(folder, changes, said):
    fill(folder, **changes)
    freeze(folder, frozen())
    assert list_said(folder) == [said]
    # Another version of a package alone leaves the primary comparison as it was decided on.
    assert review(folder).keeps_primary == (said.startswith("torch"))


def test_what_is_of_some_methods_or_tasks_says_of_which(folder):
    fill(folder)
    fill(folder, methods=("cep",), tasks=TASKS[1:], config={"critic.steps": 1, "critic.expectile": 0.7})
    plan = frozen(primary=["unguided", "swg"])
    freeze(folder, plan)
    assert list_said(folder) == ["`critic.steps` 1, frozen as 10000 (cep on maze2d-medium)"]
    assert review(folder).keeps_primary, "the deviation is of neither of the two"
    assert list_said(folder, methods=["unguided", "swg"]) == ["missing method cep"]
    plan["methods"] = [{**entry, "episodes": 50} for entry in plan["methods"]]
    freeze(folder, plan)
    assert list_said(folder)[0] == "episodes of each seed 2, frozen as 50"


def test_the_source_of_rho_its_values_and_the_trials(folder):
    def plan(rule: dict[str, Any], tuning: dict[str, Any] | None) -> dict[str, Any]:
        return frozen(methods=[{**entry, "rho": rule, "tuning": tuning} for entry in frozen()["methods"]])

    freeze(folder, plan({"source": "tuned", "values": []}, {"trials": 12, "open": ["rho"]}))
    fill(folder, rho=5.0, rho_source="tuned", tuning={"episodes": 100, "trials": 12}, tunable=["rho"])
    assert list_said(folder) == []
    fill(folder, rho=5.0, rho_source="tuned", tuning={"episodes": 100, "trials": 6}, tunable=["rho"])
    assert list_said(folder) == ["tuned with 6 trials, frozen as tuned with 12 trials or more"]
    fill(folder, rho=5.0, rho_source="given")
    untuned = "not tuned, frozen as tuned with 12 trials or more"
    assert list_said(folder) == ["ρ is given 5, frozen as tuned", untuned]
    freeze(folder, plan({"source": "given", "values": [1.0, 4.0]}, None))
    assert list_said(folder) == ["missing ρ 1, 4", "added ρ 5"]


def test_a_plan_from_before_a_setting_has_it_at_its_default(folder):
    """Older versions had no `sampler.precision`; the plan's hash is of what its file has."""
    entry = {**frozen()["methods"][1], "settings": {"sampler.clip": "clean"}}
    freeze(folder, frozen(methods=[{**entry, "task": task, "method": "swg"} for task in TASKS], primary=None))
    fill(folder, methods=("swg",), config={"sampler.clip": "clean", "sampler.precision": "fp32"})
    assert list_said(folder) == []
    plan = read_frozen_plan(folder.path / "frozen_plan.json")
    assert plan is not None
    filled = [method.model_copy(update={"settings": method.acting_settings}) for method in plan.methods]
    assert is_same_plan(plan, plan.model_copy(update={"methods": tuple(filled)}))
    fill(folder, methods=("swg",), config={"sampler.clip": "clean", "sampler.precision": "bf16"})
    assert list_said(folder) == ["`sampler.precision` bf16, frozen as fp32"]


def test_a_setting_that_tuning_was_to_choose_is_no_deviation(folder):
    config = {"critic.steps": 10000, "critic.expectile": 0.7, "swg.candidates": 1}
    entry = frozen()["methods"][1] | {"settings": config, "tuning": {"trials": 12, "open": ["candidates"]}}
    freeze(folder, frozen(methods=[{**entry, "task": task, "method": "swg"} for task in TASKS], primary=None))
    tuning = {"episodes": 100, "trials": 12, "knobs": {"candidates": 32}}
    fill(folder, methods=("swg",), config={**config, "swg.candidates": 32}, tuning=tuning)
    assert list_said(folder) == []
    fill(folder, methods=("swg",), config={**config, "swg.candidates": 32}, tuning={**tuning, "knobs": {}})
    assert list_said(folder) == ["`swg.candidates` 32, frozen as 1"]


def test_the_ledger_says_when_and_with_which_code(folder):
    fill(folder)
    plan = frozen()
    freeze(folder, plan)

    def write(**changes):
        folder.write_ledger(
            evaluation(
                "reported", list(SEEDS), None, method=m, task=t, settings=frozen()["methods"][0]["settings"]
            )
            | changes
            for t in TASKS
            for m in METHODS
        )

    write()
    assert "by the ledger, the code of the methods are as frozen" in describe_frozen_plan(review(folder))
    write(policy="p1")
    assert list_said(folder) == ["another version of the code of the method"]
    write(created="2026-11-21T02:59:59+00:00")
    found = review(folder)
    assert not found.is_before
    said = describe_frozen_plan(found)
    assert "**after** the first of its evaluations that the ledger or a result has, of 2026-11-21T02:59:59" in said
    assert "corrected like all others, since it was not frozen beforehand" in said
    write(created="2026-11-21T02:59:59+00:00", seeds=[8, 9])
    found = review(folder)
    assert found.is_before
    assert "has 6 earlier evaluations of its methods and tasks on other seeds" in describe_frozen_plan(found)


def test_an_edited_plan_is_refused(folder, tmp_path):
    fill(folder)
    plan = freeze(folder, frozen())
    folder.write("frozen_plan.json", {**plan, "seeds": [0, 1, 2]})
    with pytest.raises(ReportError, match=rf"was edited: it says hash {plan['hash'][:12]}…, and its content has"):
        write_report(folder.path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_in_its_place_is_refused(folder, tmp_path):
    fill(folder)
    (folder.path / "frozen_plan.json").mkdir()
    with pytest.raises(ReportError, match=r"frozen_plan\.json"):
        write_report(folder.path, tmp_path / "out")


def test_the_primary_pair_is_tested_alone():
    generator = np.random.default_rng(1)
    matrices = {v: generator.normal(i, 1.0, (6, 2)) for i, v in enumerate("abc")}
    pairs = {(p.first, p.second): p for p in compare_variants(matrices, 5.0, primary=("c", "a"))}
    raw = {
        (one, other): float(
            np.asarray(scipy.stats.ttest_rel(matrices[one].mean(axis=1), matrices[other].mean(axis=1)))[1]
        )
        for one, other in pairs
    }
    assert [key for key, pair in pairs.items() if pair.is_primary] == [("a", "c")]
    assert pairs["a", "c"].adjusted == pytest.approx(raw["a", "c"])
    rest = [("a", "b"), ("b", "c")]
    expected = adjust_by_holm(np.array([raw[key] for key in rest]))
    assert [pairs[key].adjusted for key in rest] == pytest.approx(expected.tolist())


def test_the_report_shows_the_primary_pair_first(folder, tmp_path):
    fill(folder)
    freeze(folder, frozen())
    write_report(folder.path, tmp_path / "out", options=Options(replicates=100))
    opening = (tmp_path / "out" / "report.md").read_text().partition("\n## ")[0]
    first = "4 seeds: Primary comparison, frozen beforehand and tested alone at 5 %: `cep` with `swg`, +"
    assert first in opening
    assert "with Holm's correction over all pairs of a suite, the primary one aside" in opening
    table = pd.read_csv(tmp_path / "out" / "pairs.csv").query("task == 'all tasks'").set_index(["first", "second"])
    assert table["is_primary"].to_dict() == {
        ("cep", "swg"): True,
        ("cep", "unguided"): False,
        ("swg", "unguided"): False,
    }
    assert table.loc[("cep", "swg"), "p_holm"] == table.loc[("cep", "swg"), "p"]
    assert "primary, " in (tmp_path / "out" / "report.md").read_text()
