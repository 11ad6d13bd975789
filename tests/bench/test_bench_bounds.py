"""A setting is held to what stands beside its field, and only to that."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Interval

from bench.config.check_settings import check_bounds, check_settings
from bench.config.spec import Config, flatten, replace_dotted
from critics.weights import WeightSetting, parse_weight
from foundation.bounds import Count, Parsed, Positive, Share
from foundation.errors import UserError
from methods.core.registry import get_method, method_names


@dataclass(frozen=True)
class Inner:
    rate: Annotated[float, Interval(gt=0, le=1)] = 1.0


@dataclass(frozen=True)
class Sample:
    steps: Count = 1
    maybe: Count | None = None
    around: Annotated[Annotated[int, Ge(2)] | None, "a note"] = None
    share: Share = 0.0
    free: float = -1.0
    flag: bool = False
    name: Literal["first", "second"] = "first"
    mixed: Literal["auto"] | Count = "auto"
    weight: WeightSetting = "linex"
    several: tuple[Positive, ...] | None = None
    other: Annotated[str | None, Parsed(parse_weight)] = None
    pair: tuple[int, Positive] = (0, 1.0)
    inner: Inner = field(default_factory=Inner)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"steps": 0}, "own.steps=0 must be at least 1."),
        ({"steps": None}, "own.steps=None must be a whole number and at least 1."),
        ({"steps": 1.5}, "own.steps=1.5 must be a whole number and at least 1."),
        ({"steps": True}, "own.steps=True must be a whole number and at least 1."),
        ({"maybe": 0}, "own.maybe=0 must be at least 1."),
        ({"around": 1}, "own.around=1 must be at least 2."),
        ({"share": 1}, "own.share=1 must be at least 0 and below 1."),
        ({"share": math.nan}, "own.share=nan must be a finite number and at least 0 and below 1."),
        ({"free": math.inf}, "own.free=inf must be a finite number."),
        ({"free": "x"}, "own.free='x' must be a finite number."),
        ({"flag": 1}, "own.flag=1 must be yes or no."),
        ({"name": "frist"}, "unknown own.name 'frist'; did you mean first? choose one of first, second."),
        ({"mixed": 0}, "own.mixed=0 must be at least 1, or auto."),
        (
            {"weight": "x"},
            "own.weight: unknown weight 'x'; "
            "choose one of hard-expectile, smooth-expectile, quantile, exponential, linex, dice.",
        ),
        ({"weight": "linex:alpha=0"}, "own.weight.alpha=0.0 must be above 0."),
        ({"several": (1.0, 0.0)}, "own.several=0.0 must be above 0."),
        ({"other": "linex:maximum=0"}, "own.other.maximum=0.0 must be above 0."),
        ({"pair": (1, -1)}, "own.pair=-1 must be above 0."),
        ({"inner": Inner(rate=2.0)}, "own.inner.rate=2.0 must be above 0 and at most 1."),
    ],
)
def test_what_cannot_be_is_one_sentence(changed, sentence):
    with pytest.raises(UserError) as told:
        check_bounds(dataclasses.replace(Sample(), **changed), "own")
    assert str(told.value) == sentence


@pytest.mark.parametrize(
    "changed",
    [{"maybe": 1}, {"around": 2}, {"share": 0}, {"free": 3}, {"mixed": 5}, {"several": ()}, {"several": (1, 2.5)}],
)
def test_what_can_be_passes(changed):
    check_bounds(dataclasses.replace(Sample(), **changed))


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("sampler.steps", 16, "sampler.steps=16 must be at most denoiser.levels=15."),
        ("evaluation.inverse_temperatures", (), "inverse_temperatures=nothing must be different numbers"),
        ("evaluation.inverse_temperatures", (3.0, 3.0), "inverse_temperatures=3.0, 3.0 must be different"),
        ("evaluation.inverse_temperatures", (21.0,), "from 0 to 20"),
    ],
)
def test_settings_that_depend_on_others_are_held_to_them(setting, value, words):
    check_settings(replace_dotted(Config(), {"sampler.steps": 15}), {})
    with pytest.raises(UserError, match=words.replace(".", r"\.")):
        check_settings(replace_dotted(Config(), {setting: value}), {})


@pytest.mark.parametrize("name", ["shared", *method_names()])
def test_every_number_has_a_bound(name):
    """None of them may be negative."""
    settings = Config() if name == "shared" else get_method(name)()
    numbers = {
        key: value
        for key, value in flatten(settings).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    assert numbers or name in ("unguided", "swg", "bc")
    for setting, value in numbers.items():
        with pytest.raises(UserError, match=setting.replace(".", r"\.")):
            check_bounds(replace_dotted(settings, {setting: type(value)(-1)}))
