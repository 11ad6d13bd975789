"""`--protocol` sets seeds, episodes and trials, and reports no method that was not tuned as it asks."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
import torch
from command_line import FEW, TINY, results_in

from bench.config.request import Request, RunDetails
from bench.config.typed import format_options
from bench.runner.protocol import Tuned, refuse_untuned
from bench.runner.study import count_wanted
from foundation.errors import UserError
from reports.analysis import protocol
from reports.analysis.protocol import FAIR, Protocol

import bench  # isort: skip

SMALL = Protocol("fair", seeds=2, episodes=2, trials=3, tuning_episodes=1)
METHODS = ("--methods", "unguided,swg", "--data-set.transitions", "600")


@pytest.mark.usefixtures("short_episodes")
def test_fair_is_refused_until_every_scale_is_tuned(bench, fresh, tmp_path, monkeypatch):
    monkeypatch.setitem(protocol.PROTOCOLS, "fair", SMALL)
    asked = ("--protocol", "fair", "--suite", "maze2d", "--tasks", "maze2d-umaze", *TINY, *FEW, *METHODS, *fresh)
    said = bench("run", *asked).mistake
    assert "swg on maze2d-umaze is not tuned; type `" in said
    assert "tune --protocol fair --suite maze2d --tasks maze2d-umaze --methods unguided,swg" in said
    assert not results_in(tmp_path / "results"), "nothing is evaluated"
    assert bench("tune", *asked, "--trials", 3).code == 0
    (choice,) = json.loads((tmp_path / "results" / "tuned.json").read_text())["choices"]
    assert (choice["trials"], choice["sampler"], choice["seeds"]) == (3, "tpe", [100, 101])
    assert bench("run", *asked).code == 0
    made = results_in(tmp_path / "results").values()
    assert sorted((r["method"], r["seed"]) for r in made) == [(m, s) for m in ("swg", "unguided") for s in (0, 1)]
    for result in made:
        assert len(result["episodes"]) == 2
        assert result["tunable"] == (["rho"] if result["method"] == "swg" else [])
        assert result["rho_source"] == ("tuned" if result["method"] == "swg" else None)
    monkeypatch.setitem(protocol.PROTOCOLS, "fair", replace(SMALL, trials=4))
    assert "swg on maze2d-umaze has 3 of 4 trials" in bench("run", *asked).mistake
    assert choice["trial_episodes"] == 2, "as many as it is told to report"
    monkeypatch.setitem(protocol.PROTOCOLS, "fair", replace(SMALL, tuning_episodes=3))
    assert "swg on maze2d-umaze is tuned on 2 of 3 episodes of a seed" in bench("run", *asked).mistake


def test_a_method_with_fewer_trials_than_another_is_refused():
    places = torch.device("cpu"), Path(), Path()
    request = Request((), (), "quick", {}, *places, RunDetails(), protocol=FAIR, typed="--x")
    refuse_untuned(request, [Tuned("swg", "a", 12), Tuned("cep", "a", 12)])
    with pytest.raises(UserError, match=r"swg on a has 12 of 24 trials; type `.* fair --trials 24 --x` first"):
        refuse_untuned(request, [Tuned("swg", "a", 12), Tuned("cep", "a", 24)])


def test_one_that_is_tuned_in_part_is_refused():
    places = torch.device("cpu"), Path(), Path()
    request = Request((), (), "quick", {}, *places, RunDetails(), protocol=FAIR, typed="--x")
    with pytest.raises(
        UserError, match=r"ddice on a is tuned without candidates; type `.* tune --protocol fair --x`"
    ):
        refuse_untuned(request, [Tuned("swg", "a", 12), Tuned("ddice", "a", 12, ("candidates",))])
    with pytest.raises(UserError, match="ddice on a is tuned on 5 of 20 episodes of a seed; type"):
        refuse_untuned(request, [Tuned("swg", "a", 12), Tuned("ddice", "a", 12, short=(5, 20))])


@pytest.mark.parametrize(
    ("asked", "own", "other", "wanted"),
    [
        (12, 0, 0, 12),
        (12, 0, 12, 12),  # ρ alone was searched before: the knobs get the protocol's trials all the same,
        (24, 0, 0, 24),  # and with 24 for each a method without an earlier search
        (24, 12, 12, 12),  # has as many in all as this one, which needs no more
        (24, 12, 5, 19),
    ],
)
def test_trials_of_an_earlier_search_are_counted_so_that_methods_can_become_equal(asked, own, other, wanted):
    storage: Any = optuna.storages.InMemoryStorage()
    for name, count in (("search", own), ("earlier", other)):
        optuna.create_study(study_name=f"m/p/{name}", storage=storage).optimize(lambda trial: 0.0, n_trials=count)
    optuna.create_study(study_name="other/p/search", storage=storage).optimize(lambda trial: 0.0, n_trials=3)
    request = SimpleNamespace(protocol=FAIR, details=SimpleNamespace(sampler="tpe", trials=asked))
    tuning: Any = SimpleNamespace(request=request, purpose=None)
    study = optuna.load_study(study_name="m/p/search", storage=storage)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.runner.study.study_kind", lambda purpose: "m/p")
        assert count_wanted(tuning, storage, study) == wanted
        patch.setattr(request, "protocol", None)
        assert count_wanted(tuning, storage, study) == asked


def test_a_search_that_gives_other_numbers_of_trials_is_refused():
    searches: tuple[tuple[dict[str, Any], str], ...] = (
        ({"grid": [1, 5]}, "not with grid=1, 5"),
        ({"search": "grid"}, "not with search=grid"),
        ({"trials": 11}, "not with trials=11"),
    )
    for search, named in searches:
        with pytest.raises(UserError, match=named):
            bench.tune_rho(suite="maze2d", protocol="fair", **search)


def test_options_are_written_as_they_are_typed():
    given = {
        "suite": "maze2d",
        "tasks": None,
        "methods": ["swg", "cep"],
        "preset": "quick",
        "results": "my results",
    }
    given |= {"plugin": ("a.py", "b.py"), "data": "auto"}
    settings = {"data.seed": 2, "swg.shrunk_clip": False, "evaluation.inverse_temperatures": (0.0, 1.5)}
    assert format_options(bench.run, given, settings) == (
        "--suite maze2d --methods swg,cep --results 'my results' --plugin a.py --plugin b.py --data-set.seed 2 "
        "--swg.no-shrunk-clip --evaluation.inverse-temperatures 0.0 1.5"
    )
