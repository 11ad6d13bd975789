"""A frozen plan from freezing to the report: what was run as planned, what was not, and what is refused."""

import hashlib
import json
from pathlib import Path

import pytest
from command_line import MAZE, results_in

import bench as interface
from foundation.errors import UserError
from reports.analysis import protocol
from reports.analysis.deviations import review_plan
from reports.analysis.protocol import Protocol
from reports.load.frozen_plan import read_frozen_plan
from reports.load.ledger import read_ledger
from reports.load.scores import load_scores
from reports.sections.frozen_plan import describe_frozen_plan

SWG = (*MAZE, "--methods", "swg", "--data-set.transitions", "600", "--processes", "1")
COMPARED = (*MAZE, "--methods", "unguided,swg", "--data-set.transitions", "600", "--processes", "1")
SEEDS = ("--seeds", "0,1,2")
SMALL = Protocol("fair", seeds=2, episodes=1, trials=3, tuning_episodes=1)


def describe(results: Path) -> str:
    """What a report of the folder says of its frozen plan."""
    plan = read_frozen_plan(results / "frozen_plan.json")
    assert plan is not None
    return describe_frozen_plan(review_plan(plan, load_scores(results), read_ledger(results / "ledger.jsonl")))


@pytest.mark.usefixtures("short_episodes")
def test_a_plan_is_frozen_run_and_reported_without_a_deviation(bench, fresh, tmp_path):
    file, results = tmp_path / "plan.json", tmp_path / "results"
    freeze = ("plan", *COMPARED, *SEEDS, *fresh, "--freeze", file, "--primary", "swg,unguided")
    told = bench(*freeze)
    assert told.code == 0
    assert "maze2d-umaze: 6 results (unguided, swg); 0 finished" in told.out
    assert "expected time" in told.out
    assert not results_in(results), "nothing is evaluated"
    assert not (tmp_path / "artifacts" / "components").exists(), "nothing is trained"

    # The hash is of the rest as JSON with sorted keys, made here without the code that wrote it.
    plan = json.loads(file.read_text())
    assert json.loads((results / "frozen_plan.json").read_text()) == plan
    rest = {name: value for name, value in plan.items() if name != "hash"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert plan["hash"] == hashlib.sha256(canonical.encode()).hexdigest()
    assert f"SHA-256 {plan['hash']}" in told.out
    assert (plan["seeds"], plan["primary"]) == ([0, 1, 2], ["swg", "unguided"])
    unguided, swg = plan["methods"]
    assert (unguided["rho"]["source"], swg["rho"]["source"]) == (None, "default")
    assert (swg["episodes"], swg["settings"]["critic.steps"]) == (1, 5)

    assert bench("run", *COMPARED, *SEEDS, *fresh).code == 0
    said = describe(results)
    assert said.startswith(
        f"**Plan frozen** at {plan['created']} (`frozen_plan.json`, SHA-256 {plan['hash']}), before the first"
    )
    assert "No deviation: tasks, methods, data," in said
    assert "by the ledger, the code of the methods" in said
    assert "so its p is not corrected; all other pairs' are." in said

    # Frozen again with equal options it stays; with others, or in another file, it is too late.
    assert bench(*freeze).code == 0
    assert json.loads(file.read_text()) == plan
    changed = bench(*freeze, "--critic.steps", "6").mistake
    assert f"plan.json' holds another plan, frozen at {plan['created']} with hash {plan['hash'][:12]}…" in changed
    late = ("--results", tmp_path / "other", *fresh[2:], "--freeze", tmp_path / "b.json")
    refused = bench("plan", *COMPARED, *SEEDS, *late).mistake
    assert "unguided on maze2d-umaze was evaluated on seeds 0, 1, 2, as the ledger" in refused
    assert "--seeds 3,4,5." in refused
    assert not (tmp_path / "b.json").exists()

    # Another seed and another setting are named, and the primary comparison is corrected like the others.
    assert bench("run", *COMPARED, "--seeds", "0,1,2,3", *fresh).code == 0
    said = describe(results)
    assert "1 deviation from it: added seeds 3." in said
    assert "its p is corrected like all others, since it deviates from the plan" in said

    # An edited file is refused.
    (results / "frozen_plan.json").write_text(json.dumps(plan | {"seeds": [0, 1, 2, 3]}))
    said = bench("report", "--results", results).mistake
    assert f"frozen_plan.json' was edited: it says hash {plan['hash'][:12]}…" in said


@pytest.mark.usefixtures("short_episodes")
def test_another_setting_is_a_deviation_with_both_values(bench, folders, tmp_path):
    assert bench("plan", *SWG, "--seeds", "0,1", *folders, "--freeze", tmp_path / "p.json").code == 0
    assert bench("run", *SWG, "--seeds", "0,1", *folders, "--critic.steps", "6", "--rho", "2").code == 0
    said = describe(tmp_path / "results")
    assert "2 deviations from it: ρ is given 2, frozen as default 10; `critic.steps` 6, frozen as 5." in said


def test_a_plan_alone_writes_no_results(bench, folders, tmp_path):
    told = bench("plan", *COMPARED, *folders)
    assert told.code == 0
    assert "to train: " in told.out
    assert not (tmp_path / "results").exists()


def test_with_a_protocol_a_scale_is_frozen_as_one_to_tune(bench, folders, tmp_path, monkeypatch):
    monkeypatch.setitem(protocol.PROTOCOLS, "fair", SMALL)
    asked = ("--protocol", "fair", *COMPARED, *folders, "--freeze", tmp_path / "p.json")
    told = bench("plan", *asked)
    assert told.code == 0
    assert "To do before `run`: protocol fair compares methods tuned" in told.out
    plan = json.loads((tmp_path / "p.json").read_text())
    (unguided, swg) = plan["methods"]
    assert (unguided["rho"], unguided["tuning"]) == ({"source": None, "values": []}, None)
    assert swg["rho"] == {"source": "tuned", "values": []}
    assert swg["tuning"]["trials"] == 3
    assert "rho" in swg["tuning"]["open"]
    assert (plan["protocol"], plan["seeds"]) == ("fair", [0, 1])


def test_a_primary_comparison_is_one_of_two_variants(bench, folders, tmp_path):
    freeze = ("plan", *COMPARED, *folders, "--freeze", tmp_path / "p.json", "--primary")
    assert "primary 'swg' must be two different methods, as in swg,cep" in bench(*freeze, "swg").mistake
    assert "primary method 'cep' is not compared; choose two of unguided, swg" in bench(*freeze, "swg,cep").mistake
    several = bench(*freeze, "swg,unguided", "--rho", "1,5").mistake
    assert "primary method swg has several variants (ρ = 1, 5) on maze2d-umaze" in several
    assert not (tmp_path / "p.json").exists()
    said = bench("plan", *COMPARED, *folders, "--primary", "swg,unguided").mistake
    assert "name a file for it with freeze too" in said
    (tmp_path / "notes.json").write_text("{}")
    said = bench("plan", *COMPARED, *folders, "--freeze", tmp_path / "notes.json").mistake
    assert "notes.json' is there and is no frozen plan, or was edited; name another file" in said
    assert (tmp_path / "notes.json").read_text() == "{}"


def test_python_plans_too(folders, tmp_path):
    given = {"suite": "toy", "tasks": "moons", "methods": ["swg"], "seeds": 2, "preset": "smoke", "device": "cpu"}
    given["data_set"] = {"transitions": 600}
    places = {"results": folders[1], "artifacts": folders[3]}
    frame = interface.plan(**given, **places, freeze=tmp_path / "p.json", progress=False)
    assert frame[["task", "method", "rho", "seed", "is_finished"]].to_numpy().tolist() == [
        ["moons", "swg", 1.0, seed, False] for seed in (0, 1)
    ]
    (entry,) = json.loads((tmp_path / "p.json").read_text())["methods"]
    assert entry["rho"] == {"source": "exact", "values": [1.0]}
    with pytest.raises(UserError, match="two different methods"):
        interface.plan(**given, **places, freeze=tmp_path / "p.json", primary="swg,swg", progress=False)


def test_data_that_differ_by_seed_are_not_frozen(bench, folders, tmp_path):
    given = (*MAZE, "--methods", "swg", "--data-set.seed", "per-seed", "--seeds", "0,1", *folders)
    said = bench("plan", *given, "--freeze", tmp_path / "plan.json").mistake
    assert "--data-set.seed per-seed" in said
    assert "leave out --freeze" in said
    assert not (tmp_path / "plan.json").exists()
