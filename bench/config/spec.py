"""What a run is: a task, a method with its settings, the shared settings, a guidance scale and a seed.

The defaults of the dataclasses are the papers' own; `bench.config.precedence` says what overrides them.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from annotated_types import Ge

from critics.config import CriticSettings
from foundation.bounds import Count, Positive
from foundation.errors import unknown_name
from foundation.keys import UNLESS_DEFAULT, keyed_fields
from methods.core.guidance_net import GuidanceNetConfig
from methods.core.method import Method
from methods.diffusion.denoiser import DenoiserConfig
from methods.diffusion.guidance import GuidanceConfig
from methods.diffusion.sampler import SamplerConfig
from reports.load.schema import TuningCost
from suites.task import Task
from suites.transforms import ReturnRange

T = TypeVar("T")

RhoChoice: TypeAlias = tuple[float | None, str | None]
"""ρ, and where it came from."""
SettingChoice: TypeAlias = tuple[Any, str]
"""The value of a setting, and where it comes from: `tuned`, `published` or `default`."""
PER_SEED = "per-seed"
LEAST_ROWS = 100
"""Transitions below which nothing is learned from a data set: an episode of the shortest tasks."""


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """The data set.

    Attributes:
        transitions: size of data sets made here, 100 or more; other sources have their own size.
        seed: of data sets made here; `per-seed` makes one for each training seed, with that seed.
        return_range: on tasks that scale rewards by their range of returns (locomotion), how far the best and the
            worst episode's returns then lie apart: 1000 in IQL's code and SWG's, 1 as SWG's paper reads.
    """

    transitions: Annotated[int, Ge(LEAST_ROWS)] = 1_000_000
    seed: Annotated[int, Ge(0)] | Literal["per-seed"] = 0
    return_range: Positive = field(default=ReturnRange().width, metadata=UNLESS_DEFAULT)

    @property
    def is_per_seed(self) -> bool:
        """Whether each training seed has a data set of its own."""
        return self.seed == PER_SEED

    def choose_seed(self, training_seed: int) -> int:
        """The seed of the data that a training seed learns from."""
        return self.seed if isinstance(self.seed, int) else training_seed


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """Evaluation after the last training step.

    Attributes:
        episodes: for each seed (samples for each β on the toy sets); None takes the task's own number.
        inverse_temperatures: the β at which the toy sets are scored and drawn, different numbers from 0 to 20;
            None takes the task's own.
    """

    episodes: Count | None = None
    inverse_temperatures: tuple[float, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class EqualConfig:
    """What every method is given alike, over its own settings.

    Attributes:
        candidates: that each action is selected from: a method that takes its first draw then takes the best by
            the shared critic's Q; None leaves each method its own number.
    """

    candidates: Count | None = None


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that the methods of a comparison share; as published, each method has its own."""

    data: DataConfig = field(default_factory=DataConfig)
    critic: CriticSettings = field(default_factory=CriticSettings)
    denoiser: DenoiserConfig = field(default_factory=DenoiserConfig)
    guidance_net: GuidanceNetConfig = field(default_factory=GuidanceNetConfig)
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    guidance: GuidanceConfig = field(default_factory=GuidanceConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    equal: EqualConfig = field(default_factory=EqualConfig)


@dataclass(frozen=True)
class Cell:
    """One entry of a comparison, and the unit that is resumed.

    Attributes:
        task, seed: where and which training seed.
        name, method: the method's registered name and its settings.
        config: the shared settings on this task.
        rho, rho_source: guidance scale and where it came from; None for a method without one.
        preset: its name.
        terms: `shared` or `own`, see `bench.config.precedence`.
        declared_rho: the scale where none is given, and where it comes from.
        declared_settings: of each given setting by its dotted name the value that is taken where it is not given;
            None for one that is tuned together with others.
        tuning: what tuning spent and chose, where ρ or the method's settings are tuned.
        tunable: what tuning without training may set here, `rho` among it.
        row: of the published table that it is compared with, in an experiment that has one and whose settings no
            flag has changed.
    """

    task: Task
    name: str
    method: Method
    config: Config
    rho: float | None
    rho_source: str | None
    seed: int
    preset: str
    terms: str
    declared_rho: RhoChoice = (None, None)
    declared_settings: Mapping[str, SettingChoice | None] = field(default_factory=dict)
    tuning: TuningCost | None = None
    tunable: tuple[str, ...] = ()
    row: str | None = None

    def settings(self) -> dict[str, Any]:
        """Every setting by its dotted name: the shared ones and this method's own."""
        return flatten(self.config) | flatten(self.method, self.name)

    def key_settings(self) -> dict[str, Any]:
        """Those of the settings that are part of the key of its result."""
        return flatten_keyed(self.config) | flatten_keyed(self.method, self.name)


def flatten(
    config: Any, prefix: str = "", fields: Callable[[Any], Iterable[Any]] = dataclasses.fields
) -> dict[str, Any]:
    """A nested dataclass as dotted names → values.

    Args:
        config: the dataclass.
        prefix: its own dotted name.
        fields: of a dataclass's instance those that count.
    """
    flat: dict[str, Any] = {}
    for item in fields(config):
        name = f"{prefix}.{item.name}" if prefix else item.name
        value = getattr(config, item.name)
        flat |= flatten(value, name, fields) if dataclasses.is_dataclass(value) else {name: value}
    return flat


def flatten_keyed(config: Any, prefix: str = "") -> dict[str, Any]:
    """`flatten` without what is in no key."""
    return flatten(config, prefix, keyed_fields)


def replace_dotted(config: T, settings: Mapping[str, Any]) -> T:
    """`config` with the fields of these dotted names set; a name that does not exist is a UserError."""
    for name, value in settings.items():
        config = _replace(config, name.split("."), value, name)
    return config


def _replace(config: Any, path: list[str], value: Any, name: str) -> Any:
    fields = {item.name for item in dataclasses.fields(config)}
    if path[0] not in fields:
        prefix = name.removesuffix(".".join(path))
        raise unknown_name("setting", name, sorted(prefix + field for field in fields))
    if len(path) > 1:
        value = _replace(getattr(config, path[0]), path[1:], value, name)
    return dataclasses.replace(config, **{path[0]: value})


def join_items(items: Iterable[object]) -> str:
    """Items with commas between them."""
    return ", ".join(str(item) for item in items)
