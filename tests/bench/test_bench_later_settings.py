"""A setting that came later changes no key at its default, and files without it are read as made by that."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import TOY
from test_bench_keys import Plain, label

from bench.config.code import hash_method
from bench.config.spec import Cell, Config, flatten_keyed, replace_dotted
from bench.runner.choose_rho import KEY_LENGTH, hash_policy
from bench.runner.nodes import collect_fields
from bench.storage.components import hash_json
from foundation.keys import UNLESS_DEFAULT
from methods import get_method, method_names
from methods.diffusion.sampler import SamplerConfig
from methods.dps import DPS
from reports.load.later_settings import LATER_SETTINGS, fill_settings
from suites import get_tasks
from training.seeds import STREAMS

BF16 = SamplerConfig(precision="bf16")
LATER = {each.name for each in LATER_SETTINGS}
OF_GUIDANCE: dict[str, Any] = {
    "guidance.clip": 2.0,
    "guidance.normalise": True,
    "guidance.schedule": "first:0.5",
    "guidance.stop_gradient": True,
}


def list_later(config: Any, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """Name, default and predecessor of every field that is in no key at its default."""
    before = ""
    for field in dataclasses.fields(config):
        name, value = f"{prefix}{field.name}", getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from list_later(value, f"{name}.")
        elif field.metadata == UNLESS_DEFAULT:
            yield name, field.default, before
        before = name


def test_what_files_lack_are_the_defaults_of_the_fields_that_came_later():
    found = [*list_later(Config())]
    for name in method_names():
        found += list_later(get_method(name)(), f"{name}.")
    assert [(each.name, each.value, each.after) for each in LATER_SETTINGS] == found
    assert "sampler.precision" in {name for name, _, _ in found}


def test_a_component_has_the_key_that_it_had_before_the_setting():
    """The JSON of a sampler as it was then, written by hand."""
    sampler = {"type": "SamplerConfig", "solver": "ddim", "steps": 5, "temperature": 1.0, "clip": "clean"}
    before = ["plain", 1, STREAMS, "test_bench_keys.Plain", {"value": sampler}, {}, "data"]
    made = SamplerConfig(solver="ddim", steps=5)
    assert label(Plain(made)) == f"plain-{hash_json(before)[:16]}"
    rounded = dataclasses.replace(made, precision="bf16")
    assert label(Plain(rounded)) != label(Plain(made))
    described = [collect_fields(Plain(each))["value"] for each in (made, rounded)]
    assert described == [sampler | {"precision": "fp32"}, sampler | {"precision": "bf16"}], "its record says all"


def make_cell(sampler: SamplerConfig) -> Cell:
    (task,) = get_tasks("toy", ["moons"])
    method, config = get_method("unguided")(), dataclasses.replace(Config(), sampler=sampler)
    return Cell(task, "unguided", method, config, None, None, 0, "smoke", "shared")


def test_a_result_has_the_key_that_it_had_before_the_setting_and_says_the_setting():
    full, rounded = make_cell(SamplerConfig()), make_cell(BF16)
    assert full.settings()["sampler.precision"] == "fp32"
    without = {name: value for name, value in full.settings().items() if name not in LATER}
    assert full.key_settings() == without
    assert rounded.key_settings() == without | {"sampler.precision": "bf16"}
    assert rounded.settings() == full.settings() | {"sampler.precision": "bf16"}
    policies = [hash_policy(cell.method, cell.name, cell.config, {}) for cell in (full, rounded)]
    assert policies[0] != policies[1]


@pytest.mark.parametrize("name", OF_GUIDANCE)
def test_a_setting_of_guidance_is_in_the_key_where_it_is_not_the_default(name: str):
    default, other = Config(), replace_dotted(Config(), {name: OF_GUIDANCE[name]})
    assert name not in flatten_keyed(default)
    assert flatten_keyed(other) == flatten_keyed(default) | {name: OF_GUIDANCE[name]}


def test_the_hash_of_a_policy_at_the_defaults_is_that_of_the_version_without_them():
    """The formula of 0.2.1 with its settings: of the sampler, `guidance.rescale`, of `equal` and the method's."""
    config, method = Config(), DPS()
    sampler = {name: getattr(config.sampler, name) for name in ("solver", "steps", "temperature", "clip")}
    acting = {f"sampler.{name}": value for name, value in sampler.items()}
    acting |= {"guidance.rescale": False, "equal.candidates": None, "dps.inverse_temperature": 3.0}
    expected = hash_json([{"critic": "critic-0"}, acting, hash_method(method)])[:KEY_LENGTH]
    assert hash_policy(method, "dps", config, {"critic": "critic-0"}) == expected
    bounded = dataclasses.replace(config, guidance=dataclasses.replace(config.guidance, clip=1.0))
    assert hash_policy(method, "dps", bounded, {"critic": "critic-0"}) != expected


def test_settings_are_filled_in_their_order():
    settings = make_cell(SamplerConfig()).settings()
    older = {name: value for name, value in settings.items() if name not in LATER}
    assert list(fill_settings(older).items()) == list(settings.items())
    for kept in (settings, make_cell(BF16).settings(), {"critic.steps": 1}):
        assert fill_settings(kept) is kept


def drop_setting(folder: Path) -> int:
    """Make results in fp32 what a version before the setting wrote; returns how many there are."""
    files = list((folder / "runs").rglob("seed-*.json"))
    for file in files:
        result = json.loads(file.read_text())
        assert result["config"].pop("sampler.precision") == "fp32"
        file.write_text(json.dumps({name: value for name, value in result.items() if name != "sha256"}))
    return len(files)


def test_a_result_without_the_setting_is_finished_at_its_default_alone(bench, fresh, tmp_path):
    run = (*TOY, "--methods", "unguided", "--sampler.steps", "2", "--evaluation.inverse-temperatures", "3", *fresh)
    assert bench("run", *run, "--seeds", "1").code == 0
    assert drop_setting(tmp_path / "results") == 1
    assert "1 finished" in bench("plan", *run, "--seeds", "1").out
    assert "0 finished" in bench("plan", *run, "--seeds", "1", "--sampler.precision", "bf16").out
