"""No trial stays running whose process is gone and that its study does not need any more."""

import json
from collections.abc import Sequence

import optuna
import pytest
from command_line import TOY
from optuna.trial import TrialState

from bench.runner.blocks import Evaluation
from bench.runner.evaluate import Outcome
from bench.runner.journal import open_storage

SWG_TOY = (*TOY, "--methods", "swg", "--evaluation.episodes", "6", "--processes", "1")


@pytest.mark.usefixtures("unknown_scale")
def test_a_trial_that_is_stopped_and_not_needed_is_ended_and_what_it_spent_is_counted(
    bench, folders, tmp_path, monkeypatch
):
    asked: list[int] = []

    def stopped_in_the_third_trial(
        policy: object, task: object, evaluations: Sequence[Evaluation], progress: object
    ):
        (evaluation,) = evaluations
        asked.append(evaluation.seed)
        if len(asked) == 6:
            raise KeyboardInterrupt
        return (Outcome((evaluation.rho,) * len(evaluation.episodes)),)

    monkeypatch.setattr("bench.runner.trials.evaluate", stopped_in_the_third_trial)
    one = ("tune-rho", *SWG_TOY, *folders, "--search", "tpe", "--trials")
    assert bench(*one, "3").code == 130
    assert asked == [100, 101, 100, 101, 100, 101]
    told = bench(*one, "2")
    assert told.code == 0
    assert "trial 2, whose process is gone, is left: the study has all its trials" in told.out
    (journal,) = (tmp_path / "results" / "tuning").glob("*.log")
    storage = open_storage(journal)
    (name,) = optuna.get_all_study_names(storage)
    states = [trial.state for trial in optuna.load_study(study_name=name, storage=storage).trials]
    assert states == [TrialState.COMPLETE, TrialState.COMPLETE, TrialState.FAIL]
    (choice,) = json.loads((tmp_path / "results" / "tuned.json").read_text())["choices"]
    assert (choice["trials"], choice["episodes"]) == (2, 5 * 6), "five seeds of 6 samples were scored"
    assert "is left" not in bench(*one, "2").out
