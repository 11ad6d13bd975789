"""The Python interface: what the command line does, in tidy frames, and policies that act as they were scored."""

import inspect
import json
import os
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import MAZE, results_in

import bench
from bench.cli.options import COMMANDS
from bench.config.code import describe_task
from bench.config.values import read_numbers, read_seeds
from bench.plugins import load_plugin
from bench.runner.run import needs_main
from methods.core.registry import register
from methods.diffusion.denoiser import BehaviourDenoiser
from suites import ControlTask, Success, get_tasks

ROOT = Path(__file__).parents[2]
SMALL: dict[str, Any] = {
    "preset": "smoke",
    "device": "cpu",
    "threads": 1,
    "processes": 1,
    "progress": False,
    "critic": {"steps": 5, "width": 8},
    "denoiser": {"steps": 5, "width": 8, "blocks": 2},
    "guidance_net": {"steps": 5, "width": 8},
    "sampler": {"steps": 2},
}
ON_MAZE: dict[str, Any] = {**SMALL, "suite": "maze2d", "tasks": "maze2d-umaze", "evaluation": {"episodes": 2}}
ON_MOONS: dict[str, Any] = {**SMALL, "suite": "toy", "tasks": ["moons"], "evaluation.episodes": 20}


@pytest.fixture
def places(tmp_path, artifacts):
    return {"results": tmp_path / "results", "artifacts": artifacts}


@pytest.fixture
def bench_command(bench):
    """`python -m bench ...` in this process."""
    return bench


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (name.replace("-", "_"), COMMANDS[name])
        for name in ("run", "plan", "tune-rho", "tune", "time", "report", "watch")
    ],
)
def test_a_function_has_the_options_of_its_command_and_their_defaults(function, options):
    """Texts of the command line are read as what the function has."""
    plain = {
        name: p.default
        for name, p in inspect.signature(getattr(bench, function)).parameters.items()
        if p.kind is p.KEYWORD_ONLY and name != "progress"
    }
    typed = {field.name: field.default for field in fields(options)}
    assert set(plain) == set(typed)
    for name, default in plain.items():
        read = {"seeds": read_seeds, "batches": lambda value: read_numbers("batches", value, int)}.get(name)
        if read is not None:
            assert default == typed[name] or read(default) == read(typed[name]), name
        else:
            assert (str(default), default) in [(str(typed[name]), typed[name]), (str(typed[name]), default)], name


def test_importing_bench_imports_the_standard_library_alone():
    code = (
        "import sys; import bench; known = sys.stdlib_module_names | {'bench', 'sitecustomize'};"
        "print([n for n in sys.modules if n.partition('.')[0] not in known and not n.startswith('_')]);"
        "print(dir(bench))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    imported, names = done.stdout.splitlines()
    assert imported == "[]"
    for name in ("load_policy", "load_results", "plan", "report", "run", "time", "tune_rho", "UserError"):
        assert repr(name) in names
    with pytest.raises(AttributeError, match="no attribute 'rum'"):
        bench.rum  # noqa: B018 # pyright: ignore


@pytest.mark.usefixtures("short_episodes")
def test_run_gives_the_cells_that_the_command_line_gives(bench_command, places, tmp_path):
    frame = bench.run(methods=["unguided", "swg"], seeds=[0, 3], rho=5, **ON_MAZE, **places)
    assert list(zip(frame["method"], frame["rho"].fillna(-1), frame["seed"], strict=True)) == [
        ("unguided", -1, 0),
        ("unguided", -1, 3),
        ("swg", 5.0, 0),
        ("swg", 5.0, 3),
    ]
    assert set(frame["status"]) == {"done"}
    assert set(frame["terms"]) == {"controlled"}
    other = ("--results", tmp_path / "other", "--artifacts", places["artifacts"])
    flags = (*MAZE, "--evaluation.episodes", "2", "--methods", "unguided,swg", "--seeds", "0,3", "--rho", "5")
    assert bench_command("run", *flags, *other).code == 0
    ours, typed = results_in(tmp_path / "results"), results_in(tmp_path / "other")
    assert {key: result["episodes"] for key, result in ours.items()} == {
        key: result["episodes"] for key, result in typed.items()
    }
    folders = (tmp_path / "results" / "runs", tmp_path / "other" / "runs")
    files = [sorted(path.relative_to(folder) for path in folder.rglob("*.json")) for folder in folders]
    assert files[0] == files[1], "the key of a result does not depend on how it was asked for"


@pytest.mark.usefixtures("short_episodes")
def test_results_are_tidy_frames(places):
    made = bench.run(methods="unguided,swg", seeds=2, **ON_MAZE, **places)
    frame = bench.load_results(places["results"])
    assert sorted(frame["path"]) == sorted(made["path"])
    episodes = bench.load_results(places["results"], by="episode")
    assert len(episodes) == 2 * len(frame)
    means = episodes.groupby("path")["normalized"].mean()
    assert means.to_dict() == pytest.approx(frame.set_index("path")["score"].to_dict())
    assert set(episodes["seed"]) == {0, 1}
    assert episodes["reset_seed"].nunique() == 4, "methods meet the same starts, seeds and episodes do not"
    stored = json.loads((places["results"] / frame["path"][0]).read_text())
    with_settings = bench.load_results(places["results"], settings=True).iloc[0]
    assert with_settings["critic.steps"] == stored["config"]["critic.steps"] == 5
    assert [e["return"] for e in stored["episodes"]] == list(episodes["return"][:2])


def test_a_density_has_a_row_for_each_beta(places):
    bench.run(methods="unguided", seeds=1, **ON_MOONS, **places)
    rows = bench.load_results(places["results"], by="episode")
    assert list(rows["inverse_temperature"]) == [0.0, 3.0, 10.0, 20.0]
    assert (rows["distance"] > 0).all()
    assert (rows["floor"] > 0).all()


@pytest.mark.usefixtures("unknown_scale")
def test_tuning_timing_and_report(places):
    small = {key: value for key, value in ON_MOONS.items() if key != "processes"}
    choices = bench.tune_rho(methods="swg", seeds=[7], grid=[1, 2], **small, **places)
    (choice,) = choices.to_dict("records")
    assert choice["rho"] in (1.0, 2.0)
    assert set(choice["tried"]) == {1.0, 2.0}
    assert choice["score"] == min(choice["tried"].values())
    frame = bench.run(methods="swg", seeds=1, **ON_MOONS, **places)
    assert list(zip(frame["rho"], frame["rho_source"], strict=True)) == [(choice["rho"], "tuned")]
    timed = bench.time(methods="swg", batches=[2], calls=2, **small, results=places["results"])
    assert sorted(timed["guided"]) == [False, True]
    assert (timed["milliseconds"] > 0).all()
    folder = bench.report(results=places["results"], progress=False)
    assert folder == places["results"] / "report"
    assert (folder / "report.md").is_file()


@pytest.mark.usefixtures("short_episodes")
@pytest.mark.parametrize("method", ["unguided", "swg", "idql", "cep"])
def test_a_loaded_policy_acts_as_it_was_scored(places, method):
    """Playing the stored resets with it gives the stored returns."""
    bench.run(methods=[method], seeds=2, **ON_MAZE, **places)
    policy = bench.load_policy(places["results"], "maze2d-umaze", method, 1, artifacts=places["artifacts"])
    (task,) = get_tasks("maze2d", ["maze2d-umaze"])
    assert isinstance(task, ControlTask)
    episodes = policy.result.episodes
    environments = [task.make_environment() for _ in episodes]
    states = np.stack([e.reset(seed=known.seed)[0] for e, known in zip(environments, episodes, strict=True)])
    returns, alive = np.zeros(len(episodes)), np.ones(len(episodes), bool)
    for _ in range(task.horizon):
        actions = policy.act(states)
        assert actions.shape == (2, 2)
        assert actions.dtype == np.float32
        for row in np.flatnonzero(alive):
            states[row], reward, terminated, truncated, _ = environments[row].step(actions[row])
            returns[row] += float(reward)
            alive[row] = not (terminated or truncated)
    assert returns.tolist() == [known.episode_return for known in episodes]
    assert policy.act(states[0]).shape == (2,)


def test_a_policy_that_cannot_be_loaded_is_named(places, tmp_path, monkeypatch):
    bench.run(methods="unguided,swg", seeds=1, rho=[1, 2], **ON_MOONS, **places)
    folder = places["results"]

    def refusal(*which, **more):
        with pytest.raises(bench.UserError) as caught:
            bench.load_policy(folder, *which, **{"artifacts": places["artifacts"], **more})
        return str(caught.value)

    assert "no result of cep on moons" in refusal("moons", "cep", 0)
    assert "no result of swg on moons for seed 5" in refusal("moons", "swg", 5)
    assert re.search("several results .*ρ=1.0 .*ρ=2.0", refusal("moons", "swg", 0))
    assert "is not in" in refusal("moons", "unguided", 0, artifacts=tmp_path / "empty")
    policy = bench.load_policy(folder, "moons", "swg", 0, rho=2, artifacts=places["artifacts"])
    for wrong in (np.zeros(2), np.zeros((3, 2)), np.array([np.nan]), np.zeros((1, 1, 1))):
        with pytest.raises(bench.UserError, match="moons"):
            policy.act(wrong)
    assert policy.act(np.full((5, 1), 3.0)).shape == (5, 2)
    monkeypatch.setattr(BehaviourDenoiser, "version", 7)
    assert "was made by other code or settings" in refusal("moons", "unguided", 0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"suit": "maze2d"}, "unknown option or setting 'suit'; did you mean suite"),
        ({"suite": "maze2d", "critc": {"steps": 5}}, "did you mean critic"),
        ({"suite": "maze2d", "critic": {"stps": 5}}, "did you mean critic.steps"),
        ({"suite": "maze2d", "critic": 5}, "critic=5 must be a mapping of settings"),
        (
            {"suite": "maze2d", "critic": {"steps": "many"}},
            "critic.steps='many' must be a whole number",
        ),
        ({"suite": "maze2d", "critic": {"steps": True}}, "critic.steps=True must be a whole number"),
        ({"suite": "maze2d", "critic": {"steps": 2.5}}, "critic.steps=2.5 must be a whole number"),
        ({"suite": "toy", "evaluation": {"inverse_temperatures": 3}}, "must be a list of values"),
        ({"suite": "maze2d", "methods": "swg", "cep": {"support": "data"}}, "cep.support is a setting of cep"),
        ({"suite": "maze2d", "methods": []}, "methods [] holds no name"),
        ({"suite": "maze2d", "methods": ["swg", 3]}, "must be names"),
        ({"suite": "maze2d", "tasks": 3}, "must be names"),
        ({"suite": "maze2d", "seeds": 0}, "seeds 0 do not parse"),
        ({"suite": "maze2d", "seeds": True}, "seeds True do not parse"),
        ({"suite": "maze2d", "seeds": [1, 1]}, "must be different numbers"),
        ({"suite": "maze2d", "seeds": [1.5]}, "do not parse"),
        ({"suite": "maze2d", "seeds": []}, "must be different numbers"),
        ({"suite": "maze2d", "protocol": "fare"}, "did you mean fair"),
        (
            {"suite": "maze2d", "protocol": "fair", "seeds": 9},
            "asks for 10 seeds or more, and",
        ),
        ({"suite": "maze2d", "protocol": "fair", "evaluation.episodes": 49}, "asks for 50 episodes or more"),
        (
            {"suite": "maze2d", "protocol": "fair", "rho": 2},
            "compares tuned methods, and rho=2 names their scales",
        ),
        ({"experiment": "swg-table8", "protocol": "fair"}, "experiment=swg-table8 names their scales"),
        ({"suite": "maze2d", "rho": "strong"}, "rho 'strong' does not parse"),
        ({"suite": "maze2d", "rho": [-1]}, "at least 0"),
        ({"suite": "maze2d", "rho": float("nan")}, "rho nan does not parse"),
        ({"suite": "maze2d", "threads": 0}, "threads=0 must be at least 1"),
        ({"suite": "maze2d", "processes": 1.5}, "processes=1.5 must be a whole number"),
        ({"suite": "maze2d", "device": "gpu"}, "unknown device 'gpu'"),
        ({"suite": "maze2d", "preset": 3}, "preset=3 must be a text"),
        ({"suite": 3}, "suite=3 must be a text"),
        ({"suite": "maze2d", "results": 3}, "results 3 must be a path"),
        ({"suite": "maze2d", "plugin": "nowhere.py"}, "'nowhere.py' is not a file"),
        ({}, "suite is missing"),
    ],
)
def test_a_mistake_is_one_sentence(options, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(bench.UserError) as caught:
        bench.run(**options)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_values_are_read_in_the_type_of_their_field(places):
    """Equal values make equal results, whatever type they came in."""
    plain = bench.run(methods="unguided", seeds=1, **{**ON_MOONS, "denoiser.learning_rate": 1.0}, **places)
    betas = {"evaluation": {"inverse_temperatures": np.array([0.0, 3.0]), "episodes": np.int64(20)}}
    typed = {key: value for key, value in ON_MOONS.items() if not key.startswith("evaluation")}
    first = bench.run(methods=("unguided",), seeds=np.int64(1), **typed, **betas, **places)
    betas = {"evaluation": {"inverse_temperatures": [0, 3], "episodes": 20}}
    second = bench.run(methods=["unguided"], seeds=np.array([0]), **typed, **betas, **places)
    assert list(first["path"]) == list(second["path"])
    again = bench.run(methods="unguided", seeds=1, **{**ON_MOONS, "denoiser.learning_rate": 1}, **places)
    assert list(again["path"]) == list(plain["path"])


SCRIPT = """
import sys
import bench
print("script runs")
frame = bench.run(suite="toy", tasks="moons", methods="unguided", preset="smoke", seeds=1, processes=2,
                  device="cpu", denoiser={"steps": 3}, evaluation={"episodes": 20}, artifacts=sys.argv[1])
print(len(frame))
"""


@pytest.mark.slow
def test_a_script_without_a_guard_is_not_run_by_its_processes(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "artifacts")],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("script runs") == 1
    assert done.stdout.rstrip().endswith("\n1")


def test_whole_numbers_of_numpy_are_numbers_and_fractions_are_not(places):
    frame = bench.run(methods="unguided", seeds=1, **ON_MOONS, **places)
    row = frame.iloc[0]
    policy = bench.load_policy(
        places["results"], row["task"], row["method"], row["seed"], artifacts=places["artifacts"]
    )
    assert policy.result.seed == 0
    wrongs: tuple[Any, ...] = (3.0, np.float32(2), "3.5", [0, 2.0])
    for wrong in wrongs:
        with pytest.raises(bench.UserError, match="do not parse"):
            bench.run(suite="toy", seeds=wrong)
    twice: dict[str, Any] = {"swg_r": {"candidates": 2}, "swg-r": {"candidates": 3}}
    with pytest.raises(bench.UserError, match="given twice"):
        bench.run(suite="toy", **twice)
    with pytest.raises(bench.UserError, match="does not parse"):
        bench.run(suite="toy", rho=np.array(np.nan))


def test_observations_that_are_no_real_numbers_are_named(places):
    bench.run(methods="unguided", seeds=1, **ON_MOONS, **places)
    policy = bench.load_policy(places["results"], "moons", "unguided", 0, artifacts=places["artifacts"])
    for wrong in ([[1.0], [1.0, 2.0]], "text", np.zeros((2, 1), complex)):
        with pytest.raises(bench.UserError, match="must be an array of real numbers"):
            policy.act(wrong)  # pyright: ignore
    with pytest.raises(bench.UserError, match="must be finite"):
        policy.act(np.array([1e300]))


METHOD = '''
from dataclasses import dataclass
from methods import Best, SlotMethod, register

@register("picky")
@dataclass(frozen=True)
class Picky(SlotMethod):
    """A method of a user's."""

    title = "Picky"
    paper = "none"
    candidates: int = 2

    def selection(self):
        return Best(self.candidates)
'''


def test_a_method_whose_code_has_changed_is_evaluated_anew(places, tmp_path):
    file = tmp_path / "picky.py"
    file.write_text(METHOD)
    options: dict[str, Any] = {"methods": "picky", "seeds": 1, "plugin": file, **ON_MOONS, **places}
    first = bench.run(**options)
    file.write_text(METHOD.replace("A method of a user's.", "Another text.") + "\n# a comment\n")
    assert list(bench.run(**options)["path"]) == list(first["path"]), "texts and comments change no score"
    file.write_text(METHOD.replace("Best(self.candidates)", "Best(self.candidates + 1)"))
    assert list(bench.run(**options)["path"]) != list(first["path"])


SUITE = """
from functools import partial
from suites import ControlTask, Suite, make_gymnasium, register_suite

make = partial(make_gymnasium, "InvertedPendulum-v5", HORIZON)
task = ControlTask(name="poles", observation_dim=4, action_dim=1, horizon=HORIZON, reference=REFERENCE,
                   make_environment=make)
register_suite(Suite(name="poles-suite", title="Poles", tasks=(task,)))
"""


def test_a_task_whose_protocol_has_changed_is_another_task(tmp_path):
    def described(horizon="20", reference="(0.0, 20.0)", more=""):
        file = tmp_path / "poles.py"
        file.write_text(SUITE.replace("HORIZON", horizon).replace("REFERENCE", reference) + more)
        load_plugin(file)
        (task,) = get_tasks("poles-suite", ["poles"])
        return describe_task(task)

    first = described()
    assert described() == first
    assert described(horizon="21") != first
    assert described(reference="(0.0, 40.0)") != first
    (umaze,) = get_tasks("maze2d", ["maze2d-umaze"])
    assert json.dumps(describe_task(umaze)) == json.dumps(describe_task(get_tasks("maze2d", ["maze2d-umaze"])[0]))
    assert " at 0x" not in json.dumps([describe_task(task) for task in get_tasks("kitchen")])


@pytest.mark.parametrize("name", ["critic", "data", "My Ascent!", "", "a_b"])
def test_a_name_that_no_method_can_have_is_refused(name):
    with pytest.raises(bench.UserError, match="a method cannot be called"):
        register(name)


def test_what_stands_on_the_main_module_is_found(monkeypatch):
    def judge(step):
        return False

    judge.__module__ = "__main__"
    monkeypatch.setattr(sys.modules["__main__"], "judge", judge, raising=False)
    judge.__qualname__ = "judge"
    (task,) = get_tasks("antmaze", ["antmaze-umaze"])
    assert not needs_main(task)
    assert needs_main(replace(task, success=Success(judge)))
