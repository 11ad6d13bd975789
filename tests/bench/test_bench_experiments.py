"""An experiment's name runs exactly the cells of its table, on the data of the table, and says which they are."""

import json
from collections import Counter

import pandas as pd
import pytest
import torch
from command_line import TINY, jobs_of, results_in

from bench.cli.arguments import parse
from bench.cli.list import list_choices
from bench.config.experiments import EXPERIMENTS
from bench.config.request import Request, RunDetails
from bench.config.sources import resolve_sources
from bench.config.spec import replace_dotted
from bench.config.values import read_numbers, read_seeds
from bench.conformance.subject import small_data
from bench.runner.choose_rho import make_purpose
from bench.runner.data import LoadedData, make_setup
from bench.runner.plan import PlannedCell, TaskPlan, enter_experiment, make_cells
from bench.runner.result import declare_rho
from bench.storage.manifest import record_experiment
from bench.storage.results import ResultStore
from methods import get_method
from reports.load.declared_schema import DeclaredRho
from reports.load.schema import Data
from suites import get_tasks
from suites.registry import suite_names
from suites.sources.d4rl.fetch import stored_file
from suites.sources.d4rl.files import FILES

PUBLISHED = "reports/published/published_swg_{}.csv"
ABOUT = Data(
    source="local",
    name="any",
    version=None,
    canonical=None,
    reward_transform="r",
    fingerprint="ab12",
    transitions=48,
    action_low=(-1.0, -1.0, -1.0),
    action_high=(1.0, 1.0, 1.0),
)
OURS = {
    "IDQL": "idql", "QGPO": "cep", "D-DICE": "ddice", "SWG": "swg", "SfBC": "sfbc", "D-QL": "dql", "IQL": "iql",
    "CQL": "cql",
}  # fmt: skip
AEPOS = {
    "AEPO": "aepo", "QGPO": "cep", "IDQL": "idql", "SfBC": "sfbc", "D-QL": "dql", "D-QL@1": "dql", "BC": "bc",
    "IQL": "iql", "TD3+BC": "td3-bc", "CQL": "cql",
}  # fmt: skip


def cells(tmp_path, name, *more, seeds="1"):
    """Every planned cell of an experiment, as the command line reads it."""
    words = ["run", "--experiment", name, "--preset", "smoke", *more]
    jobs = jobs_of(words)
    request = Request(
        jobs=jobs,
        seeds=read_seeds(seeds),
        preset="smoke",
        sources={},
        device=torch.device("cpu"),
        results=tmp_path / "results",
        artifacts=tmp_path / "artifacts",
        details=RunDetails(read_numbers("rho", parse(words).options.rho, float)),
    )
    return [
        cell
        for job in jobs
        for purposes in [{name: make_purpose(job, "smoke", name, {}, ABOUT) for name in job.methods}]
        for cell in make_cells(request, job, purposes, dict.fromkeys(job.methods, ()), request.seeds)
    ]


def test_table_2_is_every_number_of_the_table_that_a_method_here_can_have(tmp_path, pytestconfig):
    table = pd.read_csv(pytestconfig.rootpath / PUBLISHED.format("table2"))
    wanted = {(t, OURS[m]) for t, m in zip(table["task"], table["method"], strict=True) if m in OURS}
    assert len(wanted) == 17 + 17 + 19 + 20 + 18 + 20 + 20 + 20
    wanted.add(("kitchen-complete", "ddice"))  # printed without a number
    found = cells(tmp_path, "swg-table2", seeds="2")
    assert Counter((c.task.name, c.name) for c in found) == dict.fromkeys(wanted, 2)
    assert {c.name: c.row for c in found} == {ours: theirs for theirs, ours in OURS.items()}
    rhos = pd.read_csv(pytestconfig.rootpath / PUBLISHED.format("rho")).set_index("task")["rho"]
    swg = {c.task.name: (c.rho, c.rho_source) for c in found if c.name == "swg"}
    assert swg == {task: (float(rho), "published") for task, rho in rhos.items()}


def sources_of(name, artifacts, source="auto"):
    """The data source of every task of an experiment."""
    jobs = jobs_of(["run", "--experiment", name, "--preset", "smoke"])
    return resolve_sources(jobs, source, artifacts)


def test_tables_stand_on_their_own_version_of_the_data(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    for kind in ("partial", "mixed", "complete"):
        (tmp_path / f"minari/D4RL/kitchen/{kind}-v2/data").mkdir(parents=True)
    for name in FILES:
        if name.endswith("-v0"):
            stored_file(tmp_path / "data", name).parent.mkdir(parents=True, exist_ok=True)
            stored_file(tmp_path / "data", name).touch()
    sources = sources_of("swg-table2", tmp_path)
    assert sources["hopper-medium-v2"] == "local"
    assert sources["antmaze-umaze"] == sources["pen-human"] == "d4rl:v0"
    assert sources["kitchen-mixed"] == "minari", "D4RL's kitchen files are of no use here, Minari's are"
    assert set(sources_of("swg-table9", tmp_path).values()) == {"d4rl:v0"}
    for asked, there in (("d4rl", "d4rl:v0"), ("d4rl:v2", "d4rl:v2"), ("file:ant.hdf5", "file:ant.hdf5")):
        assert set(sources_of("swg-table9", tmp_path, asked).values()) == {there}


@pytest.mark.parametrize(
    ("more", "there"),
    [
        ((), "D4RL's data (v0) of antmaze-umaze are not in"),
        (("--data", "d4rl"), "data set antmaze-umaze-v0 (d4rl)"),
    ],
)
def test_missing_data_are_named_with_the_version_of_the_table(bench, fresh, more, there):
    told = bench("run", "--experiment", "swg-table9", "--tasks", "antmaze-umaze", *TINY, *fresh, *more)
    assert there in told.mistake
    assert "data fetch antmaze-umaze --data d4rl:v0" in told.mistake


def test_a_source_that_a_task_has_not_is_told_before_others_data_are_made(bench, fresh, tmp_path):
    told = bench("run", "--experiment", "swg-table2", "--data", "local", *TINY, *fresh)
    assert "task antmaze-umaze has no data set from source 'local'" in told.mistake
    assert not (tmp_path / "artifacts" / "data").exists()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_aepos_tables_are_every_number_that_a_method_and_a_task_here_can_have(tmp_path, pytestconfig, number):
    table = pd.read_csv(pytestconfig.rootpath / "reports/published/published_aepo.csv")
    table = table[table["source"] == f"AEPO Table {number}"]
    here = {task.name for name in suite_names() for task in get_tasks(name)}
    wanted = {
        (t, AEPOS[m], m) for t, m in zip(table["task"], table["method"], strict=True) if m in AEPOS and t in here
    }
    found = cells(tmp_path, f"aepo-table{number}")
    assert Counter((c.task.name, c.name, c.row) for c in found) == dict.fromkeys(wanted, 1)
    assert {(c.row, c.settings()["dql.candidates"]) for c in found if c.name == "dql"} <= {
        ("D-QL", 50), ("D-QL@1", 1)
    }  # fmt: skip
    assert not any(c.settings()["guidance.rescale"] for c in found)


def test_aepos_guidance_is_rescaled_as_published_and_d_ql_has_its_candidates_on_any_terms(tmp_path):
    own = ("--terms", "own", "--tasks", "hopper-medium-v2")
    presets = ("paper", "official")
    found = [cell for preset in presets for cell in cells(tmp_path, "aepo-table1", *own, "--preset", preset)]
    assert {c.settings()["guidance.rescale"] for c in found if c.name == "aepo"} == {True}
    assert Counter((c.row, c.settings()["dql.candidates"]) for c in found if c.name == "dql") == {
        ("D-QL", 50): 2, ("D-QL@1", 1): 2
    }  # fmt: skip


def test_aepos_figure_2_is_six_scales_rescaled_and_not(tmp_path):
    found = cells(tmp_path, "aepo-figure2")
    assert {c.task.name for c in found} == {"walker2d-medium-expert-v2"}
    assert Counter((c.rho, c.settings()["guidance.rescale"]) for c in found) == {
        (rho, rescale): 1 for rho in (0, 0.1, 0.5, 1, 2, 3) for rescale in (True, False)
    }


def test_aepos_figures_1_and_6_vary_one_setting_at_a_time(tmp_path):
    assert {c.settings()["aepo.posterior"] for c in cells(tmp_path, "aepo-figure1")} == {"noise", "data"}
    settings = [c.settings() for c in cells(tmp_path, "aepo-figure6")]
    pairs = {(s["aepo.inverse_temperature"], s["critic.expectile"]) for s in settings}
    assert pairs == {(b, 0.7) for b in (1, 2, 3, 4, 5)} | {(3, t) for t in (0.5, 0.6, 0.7, 0.8)}
    assert len(settings) == len(pairs) * 4


@pytest.mark.parametrize(("name", "suite", "tasks"), [("8", "locomotion", 9), ("9", "antmaze", 6)])
def test_tables_8_and_9_are_one_method_over_the_scales(tmp_path, pytestconfig, name, suite, tasks):
    table = pd.read_csv(pytestconfig.rootpath / PUBLISHED.format("ablations"))
    rhos = {float(value) for value in table[table["source"] == f"SWG Table {name}"]["value"]}
    found = cells(tmp_path, f"swg-table{name}")
    assert len(found) == tasks * len(rhos)
    assert {c.rho for c in found} == rhos == {1, 5, 10, 15, 20, 25, 30}
    assert {(c.task.suite, c.name) for c in found} == {(suite, "swg")}
    assert {c.row for c in found} == {f"rho={rho:g}" for rho in rhos}


def test_table_3_is_three_weights_each_with_its_value_loss(tmp_path):
    found = cells(tmp_path, "swg-table3")
    assert {(c.settings()["swg.weight"], c.settings()["critic.value_loss"], c.row) for c in found} == {
        ("smooth-expectile", "expectile", "weight=expectile"),
        ("exponential:inverse_temperature=3,maximum=80", "expectile", None),  # at a ρ that is not tuned
        ("linex:alpha=1", "linex:alpha=1", None),
    }
    assert Counter(c.task.name for c in found) == dict.fromkeys({c.task.name for c in found}, 3)
    order = [c.task.name for c in found]
    assert order == sorted(order, key=order.index), "the cells of a task stand together"


def test_the_published_scale_is_that_of_the_expectile_weight_alone(tmp_path):
    """The paper tuned ρ for each weight; on hopper-medium its expectile's is 20, the others' are not printed."""
    found = cells(tmp_path, "swg-table3", "--tasks", "hopper-medium-v2")
    assert [(c.settings()["swg.weight"].partition(":")[0], c.rho, c.rho_source) for c in found] == [
        ("smooth-expectile", 20.0, "published"),
        ("exponential", 10.0, "default"),
        ("linex", 10.0, "default"),
    ]
    assert {c.declared_rho for c in found} == {(20.0, "published"), (10.0, "default")}
    linex = next(part for part in EXPERIMENTS["swg-table3"].parts if part.methods["swg"] == "weight=linex")
    assert linex.row("swg", 4.0, "tuned", asked=False) == "weight=linex"
    assert linex.row("swg", 10.0, "default", asked=False) is None
    for name in ("swg", "swg-r"):
        takes = {
            weight: replace_dotted(get_method(name)(), {"weight": weight}).takes_published_rho()
            for weight in ("hard-expectile", "linex:alpha=1", "dice")
        }
        assert takes == {"hard-expectile": True, "linex:alpha=1": False, "dice": False}
    assert not get_method("cep")().takes_published_rho()


def test_figure_1_is_six_sets_at_the_betas_of_the_authors_script(tmp_path):
    found = cells(tmp_path, "swg-figure1")
    assert len(found) == 6
    assert {c.settings()["evaluation.inverse_temperatures"] for c in found} == {(0.0, 1.0, 5.0, 10.0, 15.0)}
    assert {(c.rho, c.rho_source) for c in found} == {(1.0, "exact")}


def test_a_given_scale_leaves_the_declared_one_known(tmp_path, pytestconfig):
    rhos = pd.read_csv(pytestconfig.rootpath / PUBLISHED.format("rho")).set_index("task")["rho"]
    found = cells(
        tmp_path, "swg-table2", "--tasks", "hopper-medium-v2", "--methods", "swg,cep,idql", "--rho", "3,6"
    )
    declared = {(c.name, c.rho): c.declared_rho for c in found}
    published, default = (
        ({task: float(rho) for task, rho in rhos.items()}["hopper-medium-v2"], "published"),
        (1.0, "default"),
    )
    assert declared == {
        ("swg", 3.0): published, ("swg", 6.0): published, ("cep", 3.0): default, ("cep", 6.0): default,
        ("idql", None): (None, None),
    }  # fmt: skip
    assert declare_rho(*published) == DeclaredRho(rho=published[0], source="published")
    assert declare_rho(None, None) is None


def test_flags_narrow_an_experiment_and_go_over_its_settings(tmp_path):
    two = cells(tmp_path, "swg-table2", "--tasks", "pen-human,hopper-medium-v2", "--methods", "swg,idql")
    assert {(c.task.name, c.name) for c in two} == {
        (task, method) for task in ("pen-human", "hopper-medium-v2") for method in ("swg", "idql")
    }
    given = cells(tmp_path, "swg-table8", "--tasks", "hopper-medium-v2", "--rho", "7", "--critic.steps", "9")
    assert [(c.rho, c.rho_source, c.config.critic.steps) for c in given] == [(7.0, "given", 9)]
    assert [c.row for c in given] == ["rho=7"]
    # Table 2 has one row of SWG, at the published scales: another scale is compared with none; IDQL has no scale.
    other = cells(tmp_path, "swg-table2", "--tasks", "hopper-medium-v2", "--methods", "swg,idql", "--rho", "1,5")
    assert {(c.name, c.rho, c.row) for c in other} == {
        ("swg", 1.0, None),
        ("swg", 5.0, None),
        ("idql", None, "IDQL"),
    }
    # A flag of a method that only other tasks of the experiment have is understood everywhere.
    cells(tmp_path, "swg-table2", "--idql.candidates", "3")
    # A weight that is not the row's is not compared with it; a setting that no row fixes changes nothing.
    table_3 = ("swg-table3", "--tasks", "hopper-medium-v2")
    assert {c.row for c in cells(tmp_path, *table_3, "--swg.weight", "linex:alpha=1")} == {None}
    assert "weight=expectile" in {c.row for c in cells(tmp_path, *table_3, "--denoiser.steps", "7")}

    own = cells(tmp_path, "swg-table2", "--tasks", "hopper-medium-v2", "--terms", "own")
    assert len(own) == 8
    assert {c.terms for c in own} == {"own"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--experiment swg-tabel2", ("unknown experiment 'swg-tabel2'", "did you mean swg-table2", "swg-figure1")),
        ("--experiment swg-table2 --suite toy", ("--suite and --experiment exclude each other",)),
        ("--experiment swg-table3 --tasks antmaze-umaze", ("task of experiment swg-table3 'antmaze-umaze'",)),
        ("--experiment swg-table3 --methods cep", ("method of experiment swg-table3 'cep'", "swg")),
        ("--experiment swg-table2 --methods cep --tasks kitchen-mixed", ("no cell of cep on kitchen-mixed",)),
        ("--seeds 1", ("--suite is missing", "swg-table9")),
        ("--suite toy --evaluation.inverse-temperatures 30", ("inverse_temperatures=30.0", "0 to 20")),
        ("--suite toy --evaluation.inverse-temperatures 3 3", ("inverse_temperatures=3.0, 3.0", "different")),
    ],
)
def test_a_mistake_is_one_sentence(bench, fresh, arguments, words):
    told = bench("run", *arguments.split(), *fresh)
    for word in words:
        assert word in told.mistake


def test_the_list_names_every_experiment(bench):
    listed = bench("list", "experiments").out
    assert listed == list_choices("experiments") + "\n"
    for name in EXPERIMENTS:
        assert f"  {name} " in listed


def test_an_experiment_runs_and_its_folder_knows_the_rows(bench, fresh, tmp_path):
    betas = ("--evaluation.inverse-temperatures", "0", "15", "--evaluation.episodes", "20")
    told = bench("run", "--experiment", "swg-figure1", "--tasks", "moons", "--seeds", "1", *TINY, *betas, *fresh)
    assert told.code == 0, told.err
    (result,) = results_in(tmp_path / "results").values()
    assert [d["inverse_temperature"] for d in result["densities"]] == [0.0, 15.0]
    assert not (tmp_path / "results" / "experiments.json").exists(), "a figure has no published numbers"


def test_two_runs_of_an_experiment_add_up(tmp_path):
    every = cells(tmp_path, "swg-table8", seeds="2")
    (job,) = jobs_of(["run", "--experiment", "swg-table8", "--tasks", every[0].task.name])
    results = ResultStore(tmp_path / "results")
    results.prepare()
    task = every[0].task
    ones = (1.0,) * task.action_dim
    setup = make_setup(task, every[0].config, tuple(-one for one in ones), ones)
    loaded = LoadedData(small_data(), "key", ABOUT)

    def recorded(label, kept):
        planned = [PlannedCell(cell, setup, {}, f"swg-{label}-{cell.rho:g}") for cell in every if kept(cell)]
        plan = TaskPlan(task, job, {0: loaded}, planned, [], [], 0)
        record_experiment(enter_experiment("swg-table8", "SWG Table 8", [plan], results), results.root)
        return json.loads((tmp_path / "results" / "experiments.json").read_text())["cells"]

    assert len(recorded("a", lambda cell: cell.rho == 1)) == 9 * 2
    assert len(recorded("a", lambda cell: cell.rho == 5)) == 2 * 9 * 2
    again = recorded("b", lambda cell: cell.rho == 5 and cell.seed == 0)
    assert len(again) == 2 * 9 * 2
    assert Counter(cell["path"].split("/")[2] for cell in again) == {"swg-a-1": 18, "swg-a-5": 9, "swg-b-5": 9}
    assert {(cell["experiment"], cell["table"]) for cell in again} == {("swg-table8", "SWG Table 8")}
