"""Settings that came after results had been written: in no key at their defaults, and filled in on reading."""

import dataclasses
from typing import Any

import pytest

from bench.config.code import hash_method
from bench.config.spec import Config, flatten, flatten_keyed, replace_dotted
from bench.runner.choose_rho import KEY_LENGTH, hash_policy
from bench.storage.components import hash_json
from methods import get_method, method_names
from methods.dps import DPS
from reports.load.later_settings import LATER_SETTINGS, fill_settings

OF_GUIDANCE = {name: value for name, value in LATER_SETTINGS.items() if name.startswith("guidance.")}
OTHERS: dict[str, Any] = {
    "guidance.clip": 2.0,
    "guidance.normalise": True,
    "guidance.schedule": "first:0.5",
    "guidance.stop_gradient": True,
}


def test_the_guidance_settings_that_came_later_are_all_but_rescale():
    assert set(OTHERS) == set(OF_GUIDANCE) == set(flatten(Config().guidance, "guidance")) - {"guidance.rescale"}


def test_the_values_filled_in_are_the_defaults():
    every = flatten(Config()) | flatten(get_method("swg")(), "swg") | flatten(get_method("swg-r")(), "swg-r")
    assert {name: every[name] for name in LATER_SETTINGS} == LATER_SETTINGS
    older = {name: value for name, value in every.items() if name not in LATER_SETTINGS}
    assert fill_settings(older) == every
    assert list(fill_settings({"sampler.clip": "none", "critic.width": 1})) == [
        "sampler.clip", "sampler.precision", "critic.width",
    ], "behind the others of the group, and none of other groups"  # fmt: skip


def test_every_setting_that_is_in_no_key_at_its_default_is_filled_in():
    parts = [("", Config()), *((name, get_method(name)()) for name in method_names())]
    added = [set(flatten(part, name)) - set(flatten_keyed(part, name)) for name, part in parts]
    assert set().union(*added) == set(LATER_SETTINGS)


@pytest.mark.parametrize("name", OTHERS)
def test_a_setting_is_in_the_key_where_it_is_not_the_default(name: str):
    default, other = Config(), replace_dotted(Config(), {name: OTHERS[name]})
    assert name not in flatten_keyed(default)
    assert flatten_keyed(other) == flatten_keyed(default) | {name: OTHERS[name]}


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
