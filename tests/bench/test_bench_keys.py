"""A component's key is the hash of all that makes it, its class among it; what JSON does not know is refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from bench.runner.nodes import make_node
from critics.weights import Dice, Linex
from methods import Component, MethodError, SeedStreams


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
