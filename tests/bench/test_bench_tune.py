"""`tune` gives every method equally many trials of ρ and its knobs, `run` uses them, and a report says it."""

import json
from pathlib import Path

import pytest
from command_line import MAZE, TOY, results_in

from bench.config.values import read_ranges
from foundation.errors import UserError
from reports.analysis import protocol
from reports.analysis.protocol import Protocol

DATA = ("--data-set.transitions", "600")
BOTH = (*MAZE, *DATA, "--methods", "idql,swg")


def choices_in(folder: Path) -> dict[str, dict]:
    choices = json.loads((folder / "results" / "tuned.json").read_text())["choices"]
    return {choice["method"]: choice for choice in choices}


def ledger_of(folder: Path, method: str) -> list[dict]:
    lines = (folder / "results" / "ledger.jsonl").read_text().splitlines()
    return [entry for entry in map(json.loads, lines) if entry["method"] == method]


@pytest.mark.usefixtures("short_episodes")
def test_methods_with_and_without_a_scale_get_equally_many_trials_and_run_uses_them(bench, fresh, tmp_path):
    told = bench("tune", *BOTH, *fresh, "--methods", "unguided,idql,swg", "--trials", "3")
    assert told.code == 0, told
    assert "idql: 3 of 3 trials left, candidates from 1 to 64; select from best, draw; weight from" in told.out
    assert "swg: 3 of 3 trials left, ρ from 0.1 to 30; 2 episodes each" in told.out
    assert "unguided: nothing to tune, 0 trials" in told.out
    assert told.out.count("maze2d-umaze idql: tried candidates = ") == 3, (
        "a line for each trial, without a terminal"
    )
    made = choices_in(tmp_path)
    assert {name: (c["trials"], len(c["tried"])) for name, c in made.items()} == {"idql": (3, 3), "swg": (3, 3)}
    idql = made["idql"]
    assert idql["rho"] is None
    assert made["swg"]["knobs"] == {}
    best = max(idql["tried"], key=lambda trial: trial["score"])
    assert (idql["score"], idql["episodes"]) == (best["score"], 6)
    assert idql["training_steps"] == 0, "no trial needs a network of its own"
    assert idql["seconds"] == pytest.approx(sum(entry["seconds"] for entry in ledger_of(tmp_path, "idql")))
    assert idql["settings"]["idql.candidates"] == 8, "what it is for are the settings before tuning"
    entries = [entry["settings"] for entry in ledger_of(tmp_path, "idql") if entry["seeds"] == [100]]
    assert [e["idql.candidates"] for e in entries] == [trial["knobs"]["candidates"] for trial in idql["tried"]]

    again = bench("tune", *BOTH, *fresh, "--trials", "3")
    assert "idql: 0 of 3 trials left" in again.out
    assert choices_in(tmp_path) == made

    # Another choice than the settings as they are, whatever the trials found.
    file = tmp_path / "results" / "tuned.json"
    text = json.loads(file.read_text())
    place = [choice["method"] for choice in text["choices"]].index("idql")
    text["choices"][place]["knobs"] |= {"candidates": 3, "select": "draw"}
    del text["sha256"]
    file.write_text(json.dumps(text))
    told = bench("run", *BOTH, *fresh, "--seeds", "1")
    assert "idql: candidates = 3, select = draw" in told.out
    made = {method: result for (method, _, _), result in results_in(tmp_path / "results").items()}
    assert (made["idql"]["config"]["idql.candidates"], made["idql"]["config"]["idql.select"]) == (3, "draw")
    assert made["idql"]["evaluations"]["candidates"] == 3
    assert made["idql"]["tuning"]["knobs"]["candidates"] == 3
    assert (made["idql"]["rho_source"], made["swg"]["rho_source"]) == (None, "tuned")
    assert made["idql"]["tunable"] == ["candidates", "select", "weight"]
    assert bench("report", *fresh[:2]).code == 0
    report = (tmp_path / "results" / "report" / "report.md").read_text()
    assert "Settings of the methods that `tune` chose" in report
    assert "candidates = 3, select = draw" in report

    # A setting that is given stays, in `run` and in `tune`.
    fixed = ("--idql.candidates", "8")
    told = bench("run", *BOTH, *fresh, *fixed, "--seeds", "2")
    assert "idql: settings as they are, not candidates = 3, select = draw" in told.out
    assert "since candidates is fixed here" in told.out
    assert results_in(tmp_path / "results")["idql", None, 1]["config"]["idql.candidates"] == 8
    told = bench("tune", *BOTH, *fresh, *fixed, "--methods", "idql", "--trials", "2")
    assert "idql: 2 of 2 trials left, select from" in told.out
    assert "in the place of candidates = 3" in told.out
    choice = choices_in(tmp_path)["idql"]
    assert set(choice["knobs"]) == {"select", "weight"}
    assert choice["trials"] == 5, "those of both searches are counted"


@pytest.mark.usefixtures("short_episodes")
def test_a_given_setting_is_declared_to_be_the_tuned_one_where_that_alone_was_tuned(bench, fresh, tmp_path):
    """Tuned with others it would bring these along; where nothing was tuned it is the preset's 8."""
    only = (*MAZE, *DATA, *fresh, "--methods", "idql")
    assert bench("tune", *only, "--trials", "1").code == 0
    file = tmp_path / "results" / "tuned.json"
    text = json.loads(file.read_text())
    del text["sha256"]

    def declare(seed, knobs, *given):
        text["choices"] = [{**text["choices"][0], "knobs": knobs}] if knobs else []
        file.write_text(json.dumps(text))
        assert bench("run", *only, *given, "--seeds", seed + 1).code == 0
        declared = results_in(tmp_path / "results")["idql", None, seed]["declared_settings"]
        assert declared["critic.steps"] == {"value": 100, "source": "default"}
        return {name: value for name, value in declared.items() if name.startswith("idql.")}

    four = ("--idql.candidates", "4")
    assert declare(0, {"candidates": 3}) == {}
    assert declare(1, {"candidates": 3}, *four) == {"idql.candidates": {"value": 3, "source": "tuned"}}
    assert declare(2, {"select": "draw"}, *four) == {"idql.candidates": None}
    assert declare(3, {}, *four) == {"idql.candidates": {"value": 8, "source": "default"}}


@pytest.mark.usefixtures("short_episodes")
def test_a_knob_that_needs_training_is_tuned_with_training_alone(bench, fresh, tmp_path):
    asked = ("tune", *MAZE, *DATA, "--methods", "mse,cep", "--cep.batch-size", "4", *fresh, "--trials", "2")
    plain = bench(*asked)
    assert "cep: 2 of 2 trials left, ρ from 0.1 to 10; 2 episodes each" in plain.out
    assert "cep: inverse_temperature only with --training" in plain.out
    told = bench(*asked, "--training")
    assert "only with --training" not in told.out
    assert "inverse_temperature from 1 to 10; cep-energy trained for each trial; 2 episodes each" in told.out
    assert "mse: 0 of 2 trials left" in told.out
    made = choices_in(tmp_path)
    assert made["mse"]["training_steps"] == 0
    cep = made["cep"]
    assert cep["training_steps"] == 2 * 2 * 5, "two trials of five steps for two seeds each"
    assert [trial["training_steps"] for trial in cep["tried"]] == [10, 10]
    assert 1 <= cep["knobs"]["inverse_temperature"] <= 10
    assert "in the place of ρ = " in told.out
    assert cep["trials"] == 4
    told = bench("run", *asked[1:-2], "--seeds", "1")
    assert told.code == 0, told
    result = results_in(tmp_path / "results")["cep", cep["rho"], 0]
    assert result["config"]["cep.inverse_temperature"] == cep["knobs"]["inverse_temperature"]
    assert result["tuning"]["training_steps"] == 20


@pytest.mark.usefixtures("short_episodes")
def test_a_narrower_range_is_searched_kept_apart_and_reported(bench, fresh, tmp_path, monkeypatch):
    small = Protocol("fair", seeds=1, episodes=1, trials=3, tuning_episodes=1)
    monkeypatch.setitem(protocol.PROTOCOLS, "fair", small)
    told = bench(
        "tune", *BOTH, *fresh, "--protocol", "fair", "--trials", "3", "--ranges", "candidates=2:4,rho=1:2"
    )
    assert told.code == 0, told
    assert "idql: 3 of 3 trials left, candidates from 2 to 4; select from" in told.out
    assert "swg: 3 of 3 trials left, ρ from 1 to 2; 2 episodes each" in told.out
    made = choices_in(tmp_path)
    assert (made["idql"]["ranges"]["candidates"], made["swg"]["range"]) == ([2, 4], [1.0, 2.0])
    assert {trial["knobs"]["candidates"] for trial in made["idql"]["tried"]} <= {2, 3, 4}
    assert all(1 <= trial["rho"] <= 2 for trial in made["swg"]["tried"])
    assert bench("run", *BOTH, *fresh, "--protocol", "fair").code == 0
    assert bench("report", *fresh[:2]).code == 0
    report = (tmp_path / "results" / "report" / "report.md").read_text()
    assert "| candidates 2 to 4; select best, draw; weight" in report
    assert "| tpe 1 to 2 " in report

    # The ranges as they are declared are another search, the same as without the option.
    asked = ("tune", *BOTH, *fresh, "--trials", "1")
    told = bench(*asked, "--ranges", "candidates=1:64,rho=0.1:30")
    assert told.out.count("1 of 1 trials left") == 2
    assert bench(*asked).out.count("0 of 1 trials left") == 2
    for narrowed in ("candidates=1:63", "rho=0.2:30"):
        assert bench(*asked, "--ranges", narrowed).out.count("1 of 1 trials left") == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            "candidtes=1:16",
            "unknown name in ranges 'candidtes'; did you mean candidates? choose one of candidates, ",
        ),
        (
            "inverse_temperature=1:2",
            "ranges inverse_temperature is a knob of aepo, cep, iql, sfbc, which are not compared; add",
        ),
        (
            "candidates=1:65",
            "ranges candidates=1:65 is beyond what idql (1:64), swg-r (1:64) declare; give a part",
        ),
        ("rho=0:5", "ranges rho=0:5 is beyond what swg (0.1:30), swg-r (0.1:30) declare"),
        ("rho=1:inf", "ranges rho=1:inf is beyond"),
        ("candidates=1.5:4", "ranges candidates=1.5:4 must have whole numbers from 1 to 64"),
        (
            "select=1:2",
            "since idql has choices (best, draw); give one of them as the setting, as in --idql.select best",
        ),
        ("rho=1:5 --methods idql", "unknown name in ranges 'rho'"),
        (
            "candidates=1:4 --equal.candidates 4",
            "ranges candidates would change nothing, since no method tunes it",
        ),
        ("rho=1:5,inverse-temperature=1:2 --methods cep", "ranges inverse_temperature would change nothing"),
    ],
)
def test_a_range_that_cannot_be_searched_is_refused(bench, fresh, tmp_path, given, words):
    told = bench("tune", *MAZE, *DATA, *fresh, "--methods", "idql,swg,swg-r", "--ranges", *given.split())
    assert words in told.mistake
    assert not (tmp_path / "artifacts" / "data" / "local").exists(), "data were generated first"
    assert not (tmp_path / "results" / "tuning").exists()


def test_ranges_are_one_for_all_ways_to_give_them():
    wanted = {"candidates": (1.0, 16.0), "rho": (0.5, 8.0)}
    for given in (
        "candidates=1:16,rho=0.5:8",
        ["candidates=1:16", "rho=0.5:8"],
        {"candidates": (1, 16), "rho": [0.5, 8]},
        {"candidates": "1:16", "rho": "0.5:8"},
    ):
        assert read_ranges(given) == wanted
    assert read_ranges(None) == {}
    for wrong in (5, {"candidates": 5}, {"candidates": (1, 2, 3)}, {"candidates": (False, True)}, {1: (1, 2)}):
        with pytest.raises(UserError, match="ranges"):
            read_ranges(wrong)  # pyright: ignore[reportArgumentType]


@pytest.mark.slow
@pytest.mark.usefixtures("unknown_scale")
def test_several_processes_make_the_same_choices(bench, tmp_path):
    made = []
    for processes in ("1", "2"):
        place = tmp_path / processes
        folders = ("--results", place / "results", "--artifacts", place / "artifacts")
        asked = (*TOY, "--evaluation.episodes", "6", "--methods", "idql,swg", "--trials", "2")
        told = bench("tune", *asked, *folders, "--processes", processes)
        assert told.code == 0, told
        assert told.out.count(": tried ") == 4
        found = choices_in(place).values()
        made.append([{k: v for k, v in c.items() if k not in ("seconds", "tried")} for c in found])
    assert sorted(made[0], key=str) == sorted(made[1], key=str)


def test_nothing_to_tune_is_one_sentence(bench, fresh):
    told = bench("tune", *MAZE, *fresh, "--methods", "unguided")
    assert "none of unguided has a guidance scale ρ or a knob; nothing is to be tuned." in told.mistake
    told = bench("tune-rho", *MAZE, *fresh, "--methods", "idql")
    assert "none of idql has a guidance scale ρ; nothing is to be tuned; `tune` tunes the knobs" in told.mistake
    given = ("--idql.candidates", "2", "--idql.select", "best", "--idql.weight", "hard-expectile")
    told = bench("tune", *MAZE, *DATA, *fresh, "--methods", "idql", *given)
    assert "every knob of these methods is given, or needs training" in told.mistake
    told = bench("tune", *TOY, *fresh, "--methods", "idql")
    assert "nothing is to be tuned on moons: the exact target is known" in told.mistake


def test_a_protocol_for_the_scale_alone_is_refused_where_more_can_be_tuned(bench, fresh):
    asked = ("--suite", "maze2d", "--tasks", "maze2d-umaze", "--methods", "swg,ddice", *DATA, *fresh)
    told = bench("tune-rho", "--protocol", "fair", *asked)
    assert "of ddice also candidates; type `" in told.mistake
    assert "tune --protocol fair --suite maze2d" in told.mistake
