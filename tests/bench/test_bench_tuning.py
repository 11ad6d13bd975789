"""ρ is chosen on seeds that no report uses, every trial is counted once, and `run` takes the choice."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import optuna
import pytest
from command_line import MAZE, TOY, jobs_of, results_in

from bench.runner.blocks import Evaluation
from bench.runner.choose_rho import hash_policy, keep_tuned
from bench.runner.evaluate import Outcome, evaluate
from bench.runner.study import NumberedSampler
from reports.load.files import read_choices
from reports.load.schema import Data
from reports.load.tuning_schema import Choice

ROOT = Path(__file__).parents[2]
ONE = ("--processes", "1")  # on a loaded machine a plan may choose more, which know of no monkeypatch
SWG = (*MAZE, "--methods", "swg", "--data-set.transitions", "600", *ONE)
SWG_TOY = (*TOY, "--methods", "swg", "--evaluation.episodes", "6", *ONE)


def tuned(folder: Path) -> dict:
    (choice,) = json.loads((folder / "results" / "tuned.json").read_text())["choices"]
    return choice


@pytest.mark.usefixtures("short_episodes")
def test_a_grid_is_tried_once_and_the_choice_is_used(bench, folders, tmp_path):
    told = bench("tune-rho", *SWG, *folders, "--grid", "1,5")
    assert told.code == 0
    assert "2 trials and 4 episodes on seeds 100, 101" in told.out
    choice = tuned(tmp_path)
    assert choice["suite"] == "maze2d"
    assert choice["sampler"] == "grid"
    assert choice["range"] == [1.0, 5.0]
    assert {trial["rho"] for trial in choice["tried"]} == {1.0, 5.0}
    assert choice["score"] == max(trial["score"] for trial in choice["tried"])
    assert (choice["trials"], choice["episodes"], choice["seeds"]) == (2, 4, [100, 101])

    again = bench("tune-rho", *SWG, *folders, "--grid", "1,5")
    assert "2 trials and 4 episodes" in again.out
    assert tuned(tmp_path) == choice

    assert bench("run", *SWG, *folders, "--seeds", "1").code == 0
    (result,) = results_in(tmp_path / "results").values()
    assert (result["rho"], result["rho_source"]) == (choice["rho"], "tuned")
    spent = {"episodes": 4, "trials": 2, "knobs": {}, "training_steps": 0, "seconds": choice["seconds"]}
    spent |= {"trial_episodes": 1}
    assert result["tuning"] == spent
    assert "tuned" in (bench("report", *folders[:2]).out + report_text(tmp_path))


def report_text(folder: Path) -> str:
    return (folder / "results" / "report" / "report.md").read_text()


@pytest.mark.usefixtures("unknown_scale")
def test_reported_and_tuned_seeds_never_overlap(bench, folders, tmp_path):
    assert bench("run", *SWG_TOY, *folders, "--seeds", "0,7").code == 0
    bench("run", *SWG_TOY, *folders, "--seeds", "1")  # the last plan forgets seed 7, its result does not
    refused = bench("tune-rho", *SWG_TOY, *folders, "--seeds", "7,8").mistake
    assert "swg on moons has reported results of seeds 7" in refused
    assert "tune on others, as in --seeds 100,101" in refused
    assert not (tmp_path / "results" / "tuned.json").exists()

    assert bench("tune-rho", *SWG_TOY, *folders, "--seeds", "8,9", "--grid", "1").code == 0
    refused = bench("run", *SWG_TOY, *folders, "--seeds", "2,9").mistake
    assert "swg on moons was tuned on seeds 9" in refused
    assert set(results_in(tmp_path / "results")) == {("swg", 10.0, 0), ("swg", 10.0, 7)}
    assert bench("run", *SWG_TOY, *folders, "--methods", "unguided", "--seeds", "9,10").code == 0


def test_only_a_method_with_a_scale_can_be_tuned(bench, folders):
    told = bench("tune-rho", *MAZE, *folders, "--methods", "unguided,idql")
    assert "none of unguided, idql has a guidance scale" in told.mistake


def test_nothing_is_tuned_where_run_would_not_use_it(bench, folders, tmp_path):
    sentence = bench("tune-rho", *SWG_TOY, *folders).mistake
    assert "nothing is to be tuned on moons: the exact target is known, which ρ = 1 gives" in sentence
    assert "--rho 0.5,1,2" in sentence
    assert not (tmp_path / "results" / "ledger.jsonl").exists()


@pytest.mark.usefixtures("unknown_scale")
def test_what_an_earlier_search_spent_is_counted_too(bench, folders, tmp_path):
    one = ("tune-rho", *SWG_TOY, *folders, "--seeds", "100,101")
    bench(*one, "--grid", "1")
    assert tuned(tmp_path)["episodes"] == 12
    assert bench(*one, "--search", "tpe", "--trials", "6").code == 0
    choice = tuned(tmp_path)
    assert choice["sampler"] == "tpe"
    assert choice["trials"] == 7
    assert all(0.1 <= trial["rho"] <= 30 for trial in choice["tried"])
    pruned = 6 - len(choice["tried"])
    # A pruned trial stops after the first of two seeds, with six samples.
    assert choice["episodes"] == 12 + 12 * (6 - pruned) + 6 * pruned
    assert choice["score"] == min(trial["score"] for trial in choice["tried"]), "a distance is to be small"


@pytest.mark.usefixtures("unknown_scale")
def test_a_poor_trial_is_pruned_and_counted_for_what_it_cost(bench, folders, tmp_path, monkeypatch):
    asked: list[Evaluation] = []

    def poorer_and_poorer(
        policy: object, task: object, evaluations: Sequence[Evaluation], progress: object
    ) -> tuple[Outcome, ...]:
        (evaluation,) = evaluations
        asked.append(evaluation)
        return (Outcome((float(len(asked)),) * len(evaluation.episodes)),)

    monkeypatch.setattr("bench.runner.trials.evaluate", poorer_and_poorer)
    assert bench("tune-rho", *SWG_TOY, *folders, "--search", "tpe", "--trials", "6").code == 0
    choice = tuned(tmp_path)
    assert choice["trials"] == 6
    assert len(choice["tried"]) == 4, "the first four are never pruned, the poorer ones after them are"
    assert [evaluation.seed for evaluation in asked] == [*[100, 101] * 4, 100, 100]
    assert {evaluation.episodes for evaluation in asked} == {range(6)}
    assert choice["episodes"] == 6 * len(asked)


@pytest.mark.usefixtures("unknown_scale")
def test_scores_that_are_not_finite_choose_nothing(bench, folders, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "bench.runner.trials.evaluate",
        lambda policy, task, evaluations, progress: (Outcome((float("nan"),)),) * len(evaluations),
    )
    sentence = bench("tune-rho", *SWG_TOY, *folders, "--grid", "1").mistake
    assert "no trial of swg on moons has a finite score" in sentence
    assert not (tmp_path / "results" / "tuned.json").exists()


def sample(study: optuna.Study, trials: int) -> list[float]:
    """The scales of as many trials, whose scores are the same every time."""
    before = len(study.trials)
    study.optimize(lambda trial: -abs(trial.suggest_float("rho", 0.1, 30, log=True) - 3), n_trials=trials)
    return [trial.params["rho"] for trial in study.trials[before:]]


def test_a_resumed_search_does_not_repeat_its_first_trials():
    storage = optuna.storages.InMemoryStorage()
    whole = sample(optuna.create_study(sampler=NumberedSampler(), direction="maximize"), 8)
    parts = []
    for count in (1, 1, 3, 3):  # each resumes with a sampler of its own
        study = optuna.create_study(
            study_name="s", storage=storage, sampler=NumberedSampler(), direction="maximize", load_if_exists=True
        )
        parts += sample(study, count)
    assert parts == whole, "a search that is interrupted goes on as it would have"
    assert len(set(whole)) == 8
    one, two = (study.ask().suggest_float("rho", 0.1, 30, log=True) for study in (study, study))
    assert one != two, "two processes that ask at once get different scales"


@pytest.mark.usefixtures("unknown_scale")
def test_an_interruption_is_one_line(bench, folders, monkeypatch):
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", records.append)
    monkeypatch.setattr("bench.runner.trials.evaluate", stopped)
    logging.getLogger("optuna").addHandler(handler)
    told = bench("tune-rho", *SWG_TOY, *folders, "--grid", "1")
    logging.getLogger("optuna").removeHandler(handler)
    assert told.code == 130
    assert told.err.strip() == "Stopped; what is finished is kept. Run the same command again to go on."
    assert [record.getMessage() for record in records] == []


@pytest.mark.usefixtures("short_episodes")
def test_a_grid_whose_process_was_killed_goes_on_with_the_next_seed(bench, folders, tmp_path, monkeypatch):
    asked: list[tuple[int, float]] = []

    def killed_at_the_second_seed(policy, task, evaluations, progress):
        if evaluations[0].seed == 101 and not asked[2:]:
            asked.append((101, -1.0))
            raise KeyboardInterrupt
        asked.extend((evaluation.seed, evaluation.rho) for evaluation in evaluations)
        return evaluate(policy, task, evaluations, progress)

    monkeypatch.setattr("bench.runner.trials.evaluate", killed_at_the_second_seed)
    one = ("tune-rho", *SWG, *folders, "--grid", "1,5")
    assert bench(*one).code == 130
    assert asked == [(100, 1.0), (100, 5.0), (101, -1.0)]
    asked.append((0, 0.0))
    assert bench(*one).code == 0
    assert asked[4:] == [(101, 1.0), (101, 5.0)], "the first seed's episodes are not rolled again"
    choice = tuned(tmp_path)
    assert (choice["trials"], choice["episodes"]) == (2, 4)
    assert {trial["rho"] for trial in choice["tried"]} == {1.0, 5.0}


class Killed(BaseException):
    """The process ends here, as by SIGKILL, but for the locks, which the system would release."""


@pytest.mark.slow
@pytest.mark.usefixtures("unknown_scale")
def test_a_study_whose_process_is_killed_has_the_trials_of_one_that_ran_through(bench, tmp_path, monkeypatch):
    asked: list[tuple[float, int]] = []
    kills: set[int] = set()

    def score(
        policy: object, task: object, evaluations: Sequence[Evaluation], progress: object
    ) -> tuple[Outcome, ...]:
        (evaluation,) = evaluations
        asked.append((evaluation.rho, evaluation.seed))
        if len(asked) in kills:
            raise Killed
        value = abs(evaluation.rho - 3.0) + evaluation.seed / 100
        return (Outcome((value,) * len(evaluation.episodes)),)

    monkeypatch.setattr("bench.runner.trials.evaluate", score)
    choices, rolled = [], []
    for name, kills in (("through", set()), ("killed", {4, 11})):
        folders = ("--results", tmp_path / name, "--artifacts", tmp_path / f"{name}-artifacts")
        one = ("tune-rho", *SWG_TOY, *folders, "--search", "tpe", "--trials", "7")
        for _ in kills:
            with pytest.raises(Killed):
                bench(*one)
        told = bench(*one)
        assert told.code == 0
        assert ("whose process is gone, goes on" in told.out) == bool(kills)
        rolled.append([each for number, each in enumerate(asked, start=1) if number not in kills])
        asked.clear()
        (choice,) = json.loads((tmp_path / name / "tuned.json").read_text())["choices"]
        choices.append({key: value for key, value in choice.items() if key not in ("seconds", "tried")})
        choices[-1]["tried"] = [{**trial, "seconds": 0} for trial in choice["tried"]]
    assert rolled[0] == rolled[1], "no seed is rolled twice that was scored"
    assert len(rolled[0]) < 14, "one was pruned"
    assert choices[0] == choices[1]


@pytest.mark.slow
def test_two_processes_share_the_trials(bench, folders, tmp_path):
    arguments = ("tune-rho", *SWG, *folders, "--grid", "1,2,3,4")
    command = [sys.executable, "-m", "bench", *map(str, arguments)]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    pair = [
        subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in "ab"
    ]
    said = [process.communicate(timeout=120) for process in pair]
    assert [process.returncode for process in pair] == [0, 0], said
    assert [error for _, error in said] == [b"", b""]
    choice = tuned(tmp_path)
    assert {trial["rho"] for trial in choice["tried"]} == {1.0, 2.0, 3.0, 4.0}
    assert choice["trials"] == 4, "the second waits for the first, or finds its trials"
    assert choice["episodes"] == 2 * choice["trials"]
    assert bench(*arguments).code == 0
    assert tuned(tmp_path)["trials"] == choice["trials"]


@pytest.mark.usefixtures("short_episodes")
def test_a_rho_is_for_the_data_it_was_tuned_on(bench, folders, tmp_path):
    assert bench("tune-rho", *SWG, *folders, "--grid", "3").code == 0
    choice = tuned(tmp_path)
    other = (*SWG, *folders, "--data-set.seed", "1")

    # Seed 100 chose nothing that is used on the other set, so it may be reported there.
    told = bench("run", *other, "--seeds", "100,101")
    assert told.code == 0
    found = results_in(tmp_path / "results")
    assert {(r["rho_source"], r["tuning"]) for r in found.values()} == {("default", None)}
    assert choice["data"]["source"] == "local"
    assert choice["data"]["fingerprint"] not in {r["data"]["fingerprint"] for r in found.values()}

    # What the first set took is not counted for the second.
    assert bench("tune-rho", *other, "--seeds", "102,103", "--grid", "5").code == 0
    first, second = json.loads((tmp_path / "results" / "tuned.json").read_text())["choices"]
    assert first == choice
    assert (second["rho"], second["trials"], second["episodes"]) == (5.0, 1, 2)
    assert second["data"] == next(iter(found.values()))["data"]


@pytest.mark.usefixtures("short_episodes")
def test_a_rho_is_for_the_settings_it_was_tuned_with(bench, fresh, tmp_path):
    other = ("--swg.weight", "exponential", "--sampler.steps", "3")
    assert bench("tune-rho", *SWG, *fresh, "--grid", "7").code == 0
    told = bench("run", *SWG, *other, *fresh, "--seeds", "1", "--evaluation.episodes", "1")
    assert told.code == 0, told.err
    (result,) = results_in(tmp_path / "results").values()
    assert (result["rho"], result["rho_source"], result["tuning"]) == (10.0, "default", None)
    (note,) = [line.strip() for line in told.out.splitlines() if "tuned with" in line]
    assert note == (
        "swg: ρ = 10 (default), not 7, which was tuned with "
        "sampler.steps 2 (here 3), swg.weight smooth-expectile (here exponential)"
    )

    # The other way round: the second choice stands beside the first.
    assert bench("tune-rho", *SWG, *other, *fresh, "--grid", "9").code == 0
    choices = json.loads((tmp_path / "results" / "tuned.json").read_text())["choices"]
    assert [(c["rho"], c["trials"], c["settings"]["sampler.steps"]) for c in choices] == [(7.0, 1, 2), (9.0, 1, 3)]
    assert len({c["policy"] for c in choices}) == 2
    for settings, rho in (((), 7.0), (other, 9.0), (("--evaluation.episodes", "3"), 7.0)):
        assert bench("run", *SWG, *settings, *fresh, "--seeds", "1").code == 0
        plan = json.loads((tmp_path / "results" / "plans.jsonl").read_text().splitlines()[-1])
        assert {cell["rho"] for cell in plan["cells"]} == {rho}

    # What the policy does not depend on changes nothing: swg has no guidance network.
    assert "tuned with" not in bench("run", *SWG, *fresh, "--guidance-net.steps", "7", "--seeds", "2").out


def test_a_choice_replaces_only_the_earlier_one_of_its_kind(tmp_path):
    data = Data(
        source="local",
        name="moons",
        version="v1",
        canonical=None,
        reward_transform="r",
        fingerprint="ab12",
        transitions=100,
        action_low=(-4.0, -4.0),
        action_high=(4.0, 4.0),
    )

    def choice(method: str, preset: str, rho: float, policy: str = "p0") -> Choice:
        return Choice(
            suite="toy",
            task="moons",
            method=method,
            preset=preset,
            terms="shared",
            data=data,
            policy=policy,
            settings={},
            rho=rho,
            score=0.5,
            trials=1,
            episodes=12,
            seeds=(100,),
            sampler="grid",
            range=(rho,),
            tried=(),
        )

    for made in (choice("swg", "quick", 1), choice("cep", "quick", 2), choice("swg", "smoke", 3)):
        keep_tuned(tmp_path, made)
    keep_tuned(tmp_path, choice("swg", "quick", 4))
    keep_tuned(tmp_path, choice("swg", "quick", 5, policy="p1"))
    kept = {(c.method, c.preset, c.policy): c.rho for c in read_choices(tmp_path)}
    assert kept == {
        ("swg", "quick", "p0"): 4,
        ("swg", "quick", "p1"): 5,
        ("cep", "quick", "p0"): 2,
        ("swg", "smoke", "p0"): 3,
    }


@pytest.fixture(autouse=True)
def loud_optuna():
    """Optuna's log level is the process's own."""
    before = optuna.logging.get_verbosity()
    yield
    optuna.logging.set_verbosity(before)


def test_the_policy_that_is_tuned_has_its_candidates_and_its_code(monkeypatch):
    (job,) = jobs_of(["tune-rho", *SWG, "--methods", "swg"])
    (more,) = jobs_of(["tune-rho", *SWG, "--methods", "swg", "--equal.candidates", "4"])

    def policy(of):
        return hash_policy(of.methods["swg"], "swg", of.config, {"denoiser": "joint-x"})

    assert policy(job) == policy(job)
    assert policy(more) != policy(job)
    before = policy(job)
    monkeypatch.setattr("bench.runner.choose_rho.hash_method", lambda method: "other code")
    assert policy(job) != before
