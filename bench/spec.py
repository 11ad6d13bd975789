"""What a run is: a task, a method with its settings, the shared settings, a guidance scale and a seed.

Settings come in layers, each over the one before: the papers' defaults in the dataclasses, the preset, the
suite's fields for that preset, the task's fields, and the command line.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bench.errors import UserError
from critics.critic import CriticConfig
from methods.diffusion.denoiser import DenoiserConfig
from methods.diffusion.sampler import SamplerConfig
from methods.guidance_net import GuidanceNetConfig
from methods.method import Method
from suites.task import Suite, Task

T = TypeVar("T")
MOST_SEEDS = 1000  # all of them train in one loop


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """The data set.

    Attributes:
        transitions: size of data sets made here; other sources have their own size.
        seed: of data sets made here.
    """

    transitions: int = 1_000_000
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """Evaluation after the last training step.

    Attributes:
        episodes: for each seed (samples for each β on the toy sets); None takes the task's own number.
    """

    episodes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that the methods of a comparison share."""

    data: DataConfig = field(default_factory=DataConfig)
    critic: CriticConfig = field(default_factory=CriticConfig)
    denoiser: DenoiserConfig = field(default_factory=DenoiserConfig)
    guidance_net: GuidanceNetConfig = field(default_factory=GuidanceNetConfig)
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)


PRESETS: dict[str, dict[str, Any]] = {
    # Real, only small: seconds, to see that everything is in place.
    "smoke": {
        "data.transitions": 10_000,
        "critic.steps": 100,
        "critic.width": 64,
        "denoiser.steps": 100,
        "denoiser.width": 32,
        "denoiser.batch_size": 128,
        "denoiser.levels": 5,
        "denoiser.dropout": 0.0,
        "denoiser.ema": 0.01,
        "denoiser.decay_steps": None,
        "guidance_net.steps": 100,
        "guidance_net.width": 32,
        "guidance_net.layers": 2,
        "cep.batch_size": 32,
        "ddice.batch_size": 32,
        "cep.support_states": 256,
        "cep.support_actions": 4,
        "ddice.noises": 4,
        "idql.candidates": 8,
        "swg-r.candidates": 8,
        "evaluation.episodes": 2,
    },
    # Minutes on two cores: small networks and few steps, the order of methods already shows.
    "quick": {
        "data.transitions": 100_000,
        "critic.steps": 10_000,
        "critic.width": 128,
        "critic.learning_rate": 1e-3,
        # Values travel one target update per backup: 0.005 x 10k steps are 50 backups, too few at γ = 0.99.
        "critic.polyak": 0.02,
        "denoiser.steps": 5_000,
        "denoiser.width": 128,
        "denoiser.expansion": 2,
        "denoiser.level_features": 64,
        "denoiser.batch_size": 256,
        "denoiser.levels": 10,
        "denoiser.dropout": 0.0,
        "denoiser.ema": 0.005,
        "denoiser.learning_rate": 1e-3,
        "denoiser.decay_steps": 5_000,
        "guidance_net.steps": 3_000,
        "guidance_net.width": 128,
        "guidance_net.learning_rate": 1e-3,
        "guidance_net.decay_steps": 3_000,
        "cep.batch_size": 64,
        "ddice.batch_size": 128,
        "cep.support_states": 4_096,
        "cep.support_actions": 8,
        "ddice.noises": 4,
        "idql.candidates": 16,
        "swg-r.candidates": 16,
        "evaluation.episodes": 10,
    },
    # The papers' sizes are the dataclasses' defaults.
    "paper": {},
}


@dataclass(frozen=True)
class Cell:
    """One entry of a comparison, and the unit that is resumed.

    Attributes:
        task, seed: where and which training seed.
        name, method: the method's registered name and its settings.
        config: the shared settings on this task.
        rho, rho_source: guidance scale and where it came from; None for a method without one.
        preset, source: preset's name and data source as asked for.
    """

    task: Task
    name: str
    method: Method
    config: Config
    rho: float | None
    rho_source: str | None
    seed: int
    preset: str
    source: str

    def settings(self) -> dict[str, Any]:
        """Every setting by its dotted name: the shared ones and this method's own."""
        return flatten(self.config) | flatten(self.method, self.name)


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """A nested dataclass as dotted names → values."""
    flat: dict[str, Any] = {}
    for item in dataclasses.fields(config):
        name = f"{prefix}.{item.name}" if prefix else item.name
        value = getattr(config, item.name)
        flat |= flatten(value, name) if dataclasses.is_dataclass(value) else {name: value}
    return flat


def replace_dotted(config: T, settings: Mapping[str, Any]) -> T:
    """`config` with the fields of these dotted names set; a name that does not exist is a UserError."""
    for name, value in settings.items():
        config = _replace(config, name.split("."), value, name)
    return config


def _replace(config: Any, path: list[str], value: Any, name: str) -> Any:
    fields = {item.name for item in dataclasses.fields(config)}
    if path[0] not in fields:
        raise UserError(f"unknown setting {name!r}; here stand {', '.join(sorted(fields))}.")
    if len(path) > 1:
        value = _replace(getattr(config, path[0]), path[1:], value, name)
    return dataclasses.replace(config, **{path[0]: value})


def layered(
    preset: str, suite: Suite, task: Task, methods: Mapping[str, type[Method]]
) -> tuple[Config, dict[str, Method]]:
    """The settings of one task before the command line: defaults, preset, suite, task.

    Args:
        preset: a name in `PRESETS`.
        suite, task: whose fields apply.
        methods: the compared methods by name; fields of other methods are passed over.

    Returns:
        The shared config, and each method with its own fields set.
    """
    if preset not in PRESETS:
        raise UserError(f"unknown preset {preset!r}; choose one of {', '.join(PRESETS)}.")
    config = Config()
    made = {name: cls() for name, cls in methods.items()}
    shared_names = {item.name for item in dataclasses.fields(Config)}
    for layer in (PRESETS[preset], suite.settings.get(preset, {}), task.settings):
        for name, value in layer.items():
            head, _, rest = name.partition(".")
            if head in made:
                made[head] = replace_dotted(made[head], {rest: value})
            elif head in shared_names:
                config = replace_dotted(config, {name: value})
    return config, made


def parse_seeds(text: str) -> tuple[int, ...]:
    """`5` → 0..4; `0,3,7` → those; a count is at most 1000.

    Raises:
        UserError: anything else.
    """
    message = f"seeds {text!r} do not parse; give a count such as 5, or a list such as 0,3,7."
    try:
        numbers = [int(item) for item in text.split(",")]
    except ValueError:
        raise UserError(message) from None
    if "," not in text:
        if not 1 <= numbers[0] <= MOST_SEEDS:
            raise UserError(message)
        return tuple(range(numbers[0]))
    if min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise UserError(f"seeds {text!r} must be different numbers from 0 up.")
    return tuple(numbers)


def names_in(text: str) -> tuple[str, ...]:
    """`swg,cep` → its names, in order, without repeats."""
    return tuple(dict.fromkeys(filter(None, (item.strip() for item in text.split(",")))))


def joined(items: Iterable[object]) -> str:
    """Items with commas between them."""
    return ", ".join(str(item) for item in items)
