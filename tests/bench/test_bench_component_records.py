"""`run` leaves in the results folder how its components were made, its command, and what its code says."""

import csv
import hashlib
import io
import json
import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from command_line import TOY, arguments_of

from bench.cli.main import main
from bench.config.typed import format_command
from bench.runner.method_records import make_method_record
from methods import SlotMethod
from methods.core.slots import Behaviour
from reports.errors import ReportError
from reports.load.component_schema import ComponentRecord
from reports.load.components import list_records, read_record
from reports.load.origins import read_commands, read_method_record

RUN = ("run", *TOY, "--methods", "cep", "--seeds", "0,3", "--sampler.steps", "2")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two seeds."""
    place = tmp_path_factory.mktemp("made")
    main([*RUN, "--results", str(place / "results"), "--artifacts", str(place / "artifacts")])
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "place"))


def run_again(place: Path, results: str = "results") -> None:
    main([*RUN, "--results", str(place / results), "--artifacts", str(place / "artifacts")])


def read_all(results: Path) -> dict[tuple[str, int], ComponentRecord]:
    return {(record.label, record.seed): record for record in map(read_record, list_records(results))}


def read_description(place: Path, record: ComponentRecord) -> dict[str, Any]:
    file = place / "artifacts" / "components" / record.label / f"seed-{record.seed}.json"
    return json.loads(file.read_text())


def test_every_component_of_the_plan_has_a_record_for_each_seed(made: Path):
    (plan,) = (made / "results" / "plans.jsonl").read_text().splitlines()
    planned = {(label, cell["seed"]) for cell in json.loads(plan)["cells"] for label in cell["components"]}
    assert set(read_all(made / "results")) == planned
    assert {seed for _, seed in planned} == {0, 3}


def test_a_record_says_what_the_files_of_the_component_say(made: Path):
    for record in read_all(made / "results").values():
        about = read_description(made, record)
        folder = made / "artifacts" / "components" / record.label
        weights = (folder / f"seed-{record.seed}.safetensors").read_bytes()
        assert record.weights_sha256 == hashlib.sha256(weights).hexdigest()
        assert record.made_with == (0, 3)
        assert record.upstream == about["upstream"]
        assert record.parameters == about["parameters"]
        assert record.seconds_per_seed == about["seconds_per_seed"]
        assert record.machine is not None
        assert record.machine.cores == os.cpu_count()
        assert record.failure is None
        curve = folder / f"seed-{record.seed}.csv"
        assert (record.curve is not None) == curve.is_file()
        if record.curve is not None:
            rows = list(csv.DictReader(io.StringIO(curve.read_text())))
            assert record.curve.steps == tuple(int(row["step"]) for row in rows)
            losses = [float(row["loss"]) for row in rows]
            assert record.curve.values["loss"] == pytest.approx(losses, rel=1e-5)
            assert about["curve_sha256"] == hashlib.sha256(curve.read_bytes()).hexdigest()


def test_peak_memory_is_that_of_a_process_with_torch_in_it(made: Path):
    peaks = [record.peak_memory for record in read_all(made / "results").values()]
    known = [peak for peak in peaks if peak is not None]
    if not known:
        pytest.skip("this system does not tell its memory")
    for peak in known:
        assert peak.of == "process"
        assert 50 < peak.before <= peak.mebibytes < 20_000


def test_components_that_are_found_are_recorded_in_another_folder_too(place: Path):
    run_again(place, "others")
    first, second = read_all(place / "results"), read_all(place / "others")
    assert first == second


def test_a_record_that_is_gone_or_damaged_is_written_again(place: Path):
    before = read_all(place / "results")
    gone, damaged = list_records(place / "results")[:2]
    gone.unlink()
    damaged.write_text("{}")
    run_again(place)
    assert read_all(place / "results") == before


def test_results_stay_without_their_components(place: Path, capsys: pytest.CaptureFixture[str]):
    shutil.rmtree(place / "artifacts" / "components")
    shutil.rmtree(place / "results" / "components")
    run_again(place)
    assert read_all(place / "results") == {}
    assert "nothing to do" in capsys.readouterr().out


def test_a_damaged_curve_or_description_is_said_and_stops_nothing(place: Path, capsys: pytest.CaptureFixture[str]):
    curve = next((place / "artifacts" / "components").glob("behaviour-*/seed-0.csv"))
    curve.write_text(curve.read_text().replace("1,", "7,", 1))
    about = next((place / "artifacts" / "components").glob("cep-*/seed-0.json"))
    about.write_text(about.read_text().replace('"parameters": ', '"parameters": 1'))
    shutil.rmtree(place / "results" / "components")
    capsys.readouterr()
    run_again(place)
    said = " ".join(capsys.readouterr().out.split())
    assert f"the report will lack the learning curve {str(curve)!r}: it is not as it was written" in said
    assert f"the report will lack how {about.parent.name} of seed 0 was made" in said
    found = read_all(place / "results")
    assert found[curve.parent.name, 0].curve is None
    assert (about.parent.name, 0) not in found
    assert (about.parent.name, 3) in found


def test_a_record_in_the_place_of_another_is_refused(place: Path):
    first, second = list_records(place / "results")[:2]
    shutil.copy(first, second)
    with pytest.raises(ReportError, match="which belongs elsewhere"):
        read_record(second)


def test_a_record_whose_numbers_were_edited_is_refused(place: Path):
    file = list_records(place / "results")[0]
    file.write_text(file.read_text().replace('"seed": 0', '"seed": 00', 1))
    with pytest.raises(ReportError):
        read_record(file)
    record = list_records(place / "results")[1]
    record.write_text(record.read_text().replace('"parameters": ', '"parameters": 1', 1))
    with pytest.raises(ReportError, match="as its hash says"):
        read_record(record)


def test_clean_lists_the_record_of_a_component_that_no_result_stands_on(
    place: Path, capsys: pytest.CaptureFixture[str]
):
    (record,) = {path.parent for path in list_records(place / "results") if path.parent.name.startswith("cep-")}
    stray = record.with_name("critic-0000")
    stray.mkdir()
    content = json.loads((record / "seed-0.json").read_text())
    content |= {"label": "critic-0000", "kind": "critic"}
    (stray / "seed-0.json").write_text(json.dumps({k: v for k, v in content.items() if k != "sha256"}))
    shutil.rmtree(place / "artifacts" / "components")
    capsys.readouterr()
    main(["clean", "--results", str(place / "results"), "--artifacts", str(place / "artifacts"), "--remove"])
    assert "record of a component" in capsys.readouterr().out
    assert not (stray / "seed-0.json").exists()
    assert (record / "seed-0.json").exists()


def test_the_command_is_recorded_once(place: Path):
    run_again(place)
    run_again(place)
    commands = read_commands(place / "results")
    assert [each.command.split()[0] for each in commands] == ["run", "run"]  # the module's own, and this one's
    words = shlex.split(commands[-1].command)
    assert arguments_of(words)["seeds"] == "0,3"
    assert dict(arguments_of(words)["settings"]) == dict(arguments_of(RUN)["settings"])
    assert str(arguments_of(words)["results"]) == str(place / "results")


@pytest.mark.parametrize(
    "line",
    [
        "run --suite toy --tasks moons --seeds 3, --rho 0.1,2 --plugin examples/a.py --plugin examples/b.py",
        "run --experiment swg-table3 --retry-failed --data local --device cpu --threads 2 --critic.steps 7",
        "tune-rho --suite maze2d --methods swg,cep --seeds 7-9 --search tpe --trials 4 --precision bf16",
        "tune --suite maze2d --ranges candidates=1:16,rho=0.5:10 --training --swg.no-shrunk-clip --artifacts b",
        "time --suite maze2d --batches 1,20 --calls 10 --sweep depth",
    ],
)
def test_a_recorded_command_parses_to_the_same_arguments(line: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bench.cli.arguments.load_typed_plugins", lambda arguments: None)
    from command_line import FUNCTIONS

    from bench.requests import name_precisions

    words = shlex.split(line)
    given, function = arguments_of(words), FUNCTIONS[words[0]][0]
    settings = name_precisions(given.get("precision")) | dict(given["settings"])
    again = arguments_of(shlex.split(format_command(function, given, settings)))
    assert name_precisions(again.get("precision")) | dict(again["settings"]) == settings
    plain = {name: value for name, value in given.items() if name not in ("settings", "precision", "seeds")}
    assert {name: again[name] for name in plain} == plain


def test_values_of_python_are_typed_as_on_the_command_line():
    from bench import api

    given = {**(api.run.__kwdefaults__ or {}), "suite": "toy", "tasks": ["moons", "rings"], "seeds": np.int64(4)}
    given |= {"rho": [0.1, 2.0], "methods": ("swg",), "results": Path("out"), "seeds": [5], "progress": False}
    line = (
        "run --suite toy --tasks moons,rings --methods swg --seeds 5, --rho 0.1,2 --results out --critic.steps 7"
    )
    assert format_command(api.run, given, {"critic.steps": 7}) == line
    assert format_command(api.run, {**given, "seeds": 4, "rho": None}, {}).split()[7:9] == ["--seeds", "4"]


def test_facts_are_those_of_the_method(made: Path):
    facts = read_method_record(made / "results" / "methods" / "cep.json").facts
    assert facts is not None
    assert (facts.law, facts.gradient, facts.further) == ("Exact", "a network of its own", ("cep-energy",))
    assert facts.reason is not None
    assert facts.reason.startswith("it aims at μ e^{βQ}")
    assert set(facts.trained) == {"behaviour", "critic", "cep-energy"}


@dataclass(frozen=True)
class Elsewhere(SlotMethod):
    """Objective: behaviour."""

    title: ClassVar[str] = "Elsewhere"
    paper: ClassVar[str] = "none"

    def objective(self) -> Behaviour:
        raise ValueError("this task has 3 observations")


def test_a_method_that_fails_at_other_sizes_has_no_facts_and_a_record():
    record = make_method_record("elsewhere", Elsewhere)
    assert record.facts is None
    assert record.title == "Elsewhere"


def test_departures_are_those_of_the_source(made: Path):
    record = read_method_record(made / "results" / "methods" / "cep.json")
    assert record.departures is not None
    own = [each for each in record.departures if each.own]
    source = (Path(__file__).parents[2] / "methods" / "cep.py").read_text()
    assert len([each for each in own if each.file == "methods/cep.py"]) == source.count("Deviation:")
    assert any(not each.own for each in record.departures)
