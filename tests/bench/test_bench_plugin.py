"""A method in one file outside the repository is listed, run, tuned, timed and reported like the others."""

import json

import pytest
from command_line import TOY, jobs_of, results_in

from bench.cli.arguments import parse

MINE = '''
"""Calm behaviour: of N draws from the behaviour model, the one with the smallest norm."""

from dataclasses import dataclass
from typing import ClassVar

from methods import Behaviour, Best, Method, Models, Rho, Setup, SlotPolicy, make_policy, register


@register("calm")
@dataclass(frozen=True)
class Calm(Method):
    """Objective: behaviour. Guidance: none. Selection: the smallest of N, scaled by rho.

    Attributes:
        candidates: N.
    """

    title: ClassVar[str] = "Calm"
    paper: ClassVar[str] = "none"
    rho: ClassVar[Rho | None] = Rho(default=1.0, grid=(1.0, 2.0))
    candidates: int = 4

    def components(self, setup: Setup):
        """The behaviour denoiser."""
        return {"denoiser": setup.behaviour()}

    def policy(self, models: Models, setup: Setup) -> SlotPolicy:
        """N draws, the calmest of them."""
        selection = Best(self.candidates, lambda models, observations, z: -z.square().sum(-1), needs=None)
        return make_policy(Behaviour(), None, selection, models, setup)
'''


@pytest.fixture
def plugin(tmp_path):
    assert MINE.count("\n") < 60
    file = tmp_path / "calm.py"
    file.write_text(MINE)
    return ("--plugin", file)


def test_it_is_listed_with_its_settings(bench, plugin):
    assert "calm" not in bench("list", "methods").out
    (row,) = [line for line in bench("list", "methods", *plugin).out.splitlines() if line.startswith("  calm ")]
    assert row.split()[1:5] == ["Calm", "yes", "1,2", "candidates=4"]


@pytest.mark.usefixtures("unknown_scale")
def test_it_is_run_tuned_timed_and_reported(bench, folders, tmp_path, plugin):
    compared = (*TOY, *plugin, "--methods", "unguided,calm", "--calm.candidates", "32")
    both = (*compared, *folders)
    assert bench("run", *both, "--seeds", "1", "--rho", "1").code == 0
    results = results_in(tmp_path / "results")
    calm, unguided = results["calm", 1.0, 0], results["unguided", None, 0]
    assert calm["config"]["calm.candidates"] == 32
    assert "calm.candidates" not in unguided["config"]
    assert calm["components"] == unguided["components"], "one behaviour model serves both"
    assert calm["score"] != unguided["score"]

    assert bench("tune-rho", *both, "--methods", "calm").code == 0
    (choice,) = json.loads((tmp_path / "results" / "tuned.json").read_text())["choices"]
    assert (choice["method"], choice["range"]) == ("calm", [1.0, 2.0])

    assert bench("time", *compared, *folders[:2], "--batches", "1", "--calls", "2").code == 0
    rows = json.loads((tmp_path / "results" / "timing.json").read_text())["rows"]
    assert {(row["method"], row["guided"]) for row in rows} == {
        ("unguided", False),
        ("calm", True),
        ("calm", False),
    }

    report = bench("report", *folders[:2], "--baseline", "calm")
    assert report.code == 0
    assert "Calm" in report.out or "calm" in report.out


def test_it_takes_part_where_no_method_is_named(plugin):
    (job,) = jobs_of(["run", *TOY, *map(str, plugin)])
    assert "calm" in job.methods


def test_two_files_can_be_given(bench, tmp_path, plugin):
    other = tmp_path / "other.py"
    other.write_text(MINE.replace('"calm"', '"calmer"'))
    told = bench("list", "methods", *plugin, "--plugin", other)
    assert "  calm " in told.out
    assert "  calmer " in told.out


def test_a_name_that_is_taken_is_refused(bench, tmp_path):
    file = tmp_path / "again.py"
    file.write_text(MINE.replace('"calm"', '"swg"'))
    assert "two methods are called 'swg'" in bench("list", "--plugin", file).mistake


def test_a_name_of_an_option_is_refused(bench, folders, tmp_path):
    file = tmp_path / "again.py"
    file.write_text(MINE.replace('"calm"', '"device"'))
    told = bench("run", *TOY, *folders, "--plugin", file)
    assert "method 'device' has the name of the option --device" in told.mistake


def test_a_field_that_begins_with_no_is_no_switch(bench, tmp_path):
    file = tmp_path / "calm.py"
    file.write_text(
        MINE.replace("    candidates: int = 4\n", "    candidates: int = 4\n    no_candidates: bool = False\n")
    )
    line = parse(["run", *TOY, "--plugin", str(file), "--calm.no-candidates"])
    assert {name for name in line.given if name.startswith("calm")} == {"calm.no_candidates"}
