"""A component's key is the hash of all that makes it, its class among it; what JSON does not know is refused."""

import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field, make_dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from bench.config.spec import Cell, Config, flatten, record_settings, replace_dotted
from bench.runner.data import make_setup
from bench.runner.nodes import make_node
from bench.runner.policy import read_config
from critics.weights import Dice, Linex
from foundation.added import ADDED
from methods import Component, MethodError, SeedStreams, get_method
from reports.load.schema import Result
from suites.registry import get_suite, get_tasks


@dataclass(frozen=True)
class Plain(Component):
    """Nothing to make; one field of any kind."""

    kind: ClassVar[str] = "plain"
    value: Any

    def build(self, streams: SeedStreams) -> nn.Module:
        return nn.Module()


@dataclass(frozen=True)
class Same(Plain):
    """Another class of the same kind, version and fields."""


@dataclass(frozen=True)
class Nested:
    """A dataclass around another."""

    inner: Any


def label(component: Component, fingerprint: str = "data") -> str:
    return make_node(component, fingerprint, {}).label


def test_another_class_is_another_key():
    assert label(Plain(1)) == label(Plain(1))
    assert label(Plain(1)) != label(Same(1))


def test_equal_fields_of_other_types_are_another_key_at_any_depth():
    alike = Linex(alpha=1.0, maximum=80.0), Dice(alpha=1.0, maximum=80.0)
    assert len({label(Plain(weight)) for weight in alike}) == 2
    assert len({label(Plain(Nested(weight))) for weight in alike}) == 2
    assert len({label(Plain((Nested(weight),))) for weight in alike}) == 2


def test_numbers_that_are_equal_in_print_only_are_other_keys():
    assert label(Plain(0.1 + 0.2)) != label(Plain(0.3))
    assert label(Plain((1, 2))) != label(Plain((2, 1)))


@pytest.mark.parametrize("value", [torch.arange(3.0), lambda x: x, SeedStreams([0], "x")])
def test_what_json_does_not_know_is_refused_before_anything_is_made(value: Tensor | Callable[[Any], Any]):
    with pytest.raises(MethodError, match=r"component field plain\.value\.inner holds a .*, which has no place"):
        label(Plain(Nested(value)))


def with_an_added_field(cls: type) -> Any:
    """The class as a later version of the code has it: of the same name, with one more field."""
    more = make_dataclass(
        cls.__name__, [("more", int, field(default=1, metadata=ADDED))], bases=(cls,), frozen=True
    )
    more.__module__, more.__qualname__ = cls.__module__, cls.__qualname__
    return more


def test_a_field_that_was_added_is_in_the_key_where_it_differs_from_its_default():
    later = with_an_added_field(Plain)
    assert label(later(1)) == label(Plain(1))
    assert label(later(1, 2)) != label(Plain(1))
    nested = with_an_added_field(Nested)
    assert label(Plain(Nested(0))) == label(Plain(nested(0))) == label(Plain(nested(0, 1)))
    assert label(Plain((nested(0, 2),))) != label(Plain((Nested(0),)))


def test_added_settings_are_recorded_where_they_differ_from_their_default():
    config, swg = Config(), get_method("swg")()
    added = {"denoiser.first_level": 0, "denoiser.layer_norm_epsilon": 1e-6, "swg.weigh_by": "trained"}
    assert not set(added) & set(record_settings(config) | record_settings(swg, "swg"))
    assert set(added) <= set(flatten(config) | flatten(swg, "swg"))
    (moons,) = get_tasks(get_suite("toy"), ("moons",))
    other = replace(config, denoiser=replace(config.denoiser, first_level=0, layer_norm_epsilon=1e-6))
    trained = replace_dotted(swg, {"weigh_by": "trained"})
    changed = Cell(moons, "swg", trained, other, 1.0, "exact", 0, "paper", "own").settings()
    assert changed == record_settings(config) | record_settings(swg, "swg") | added


def test_the_components_of_the_kept_results_have_their_keys(pytestconfig):
    """What `make bench` wrote is still what its settings give, so that nobody trains those components again.

    It fails where a component has another version of its code: keep results of that version then.
    """
    (umaze,) = get_tasks(get_suite("maze2d"), ("maze2d-umaze",))
    with tarfile.open(pytestconfig.rootpath / "studies" / "kept" / "bench.tar.xz") as kept:
        members = [member for member in kept if member.name.startswith("runs/") and "/seed-0.json" in member.name]
        texts = [file.read() for member in members if (file := kept.extractfile(member)) is not None]
    results = [Result.model_validate_json(text) for text in texts]
    assert {result.method for result in results} >= {"unguided", "idql", "cep", "ddice", "swg", "swg-r"}
    for result in results:
        config, method = read_config(result)
        components = method.components(make_setup(umaze, config, result.data.action_low, result.data.action_high))
        labels = {name: label(component, result.data.fingerprint) for name, component in components.items()}
        assert labels == dict(result.components), result.method
