"""A setting that cannot work is named before anything is generated or trained."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from bench.config.request import Job
from bench.config.spec import flatten, joined
from critics.losses import parse_value_loss
from critics.weights import parse_weight
from foundation.errors import UserError
from methods.diffusion.networks.build import NETWORKS
from methods.diffusion.sampler import CLIPS, visited_levels
from methods.diffusion.schedule import make_schedule
from methods.diffusion.solvers import SOLVERS
from suites.sources.local import INVERSE_TEMPERATURE_MAX
from training.initial import INITIAL
from training.networks import ACTIVATIONS

Rule = tuple[Callable[[float], bool], str]

WHOLE: Rule = (lambda value: value >= 1, "at least 1")
NOT_NEGATIVE: Rule = (lambda value: value >= 0, "0 or more")
POSITIVE: Rule = (lambda value: value > 0, "above 0")
RATE: Rule = (lambda value: 0 < value <= 1, "above 0 and at most 1")

RULES: dict[str, Rule] = {
    **dict.fromkeys(("steps", "batch_size", "decay_steps", "transitions", "episodes"), WHOLE),
    **dict.fromkeys(("width", "layers", "blocks", "expansion", "frequencies", "level_features", "levels"), WHOLE),
    **dict.fromkeys(("candidates", "noises", "support_actions", "support_states"), WHOLE),
    **dict.fromkeys(("seed", "weight_decay", "temperature"), NOT_NEGATIVE),
    **dict.fromkeys(("learning_rate", "inverse_temperature", "alpha", "sharpness", "maximum"), POSITIVE),
    **dict.fromkeys(("polyak", "ema"), RATE),
    "value_inverse_temperature": NOT_NEGATIVE,
    "ensemble": WHOLE,
    "expectile": (lambda value: 0 < value < 1, "between 0 and 1"),
    "discount": (lambda value: 0 <= value <= 1, "between 0 and 1"),
    "dropout": (lambda value: 0 <= value < 1, "0 or more and below 1"),
}


def check_settings(job: Job) -> None:
    """Every number in its range, every name known.

    Raises:
        UserError: names the first setting that cannot work and what it may be.
    """
    check_ranges(flatten(job.config))
    for name, method in job.methods.items():
        check_ranges(flatten(method, name))
    check_names(job)


def check_ranges(settings: Mapping[str, Any]) -> None:
    """Numbers, by the last word of their dotted name; None is always allowed where it is a default."""
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        holds, words = RULES.get(name.rpartition(".")[2], (math.isfinite, "a finite number"))
        if not (math.isfinite(value) and holds(value)):
            raise UserError(f"{name}={value} must be {words}.")


def check_names(job: Job) -> None:
    """Names of losses, weights, schedules, solvers and activations, and the numbers inside them.

    A method's weight function is its field `weight`.
    """
    config = job.config
    check_inverse_temperatures(config.evaluation.inverse_temperatures)
    for name, value, choices in (
        ("denoiser.activation", config.denoiser.activation, ACTIVATIONS),
        ("critic.initial", config.critic.initial, INITIAL),
        ("denoiser.initial", config.denoiser.initial, INITIAL),
        ("denoiser.network", config.denoiser.network, NETWORKS),
        ("sampler.solver", config.sampler.solver, SOLVERS),
        ("sampler.clip", config.sampler.clip, CLIPS),
    ):
        if value not in choices:
            raise UserError(f"unknown {name} {value!r}; choose one of {joined(choices)}.")
    understood("denoiser", lambda: make_schedule(config.denoiser.schedule, config.denoiser.levels))
    understood("sampler", lambda: visited_levels(config.denoiser.levels, config.sampler.steps))
    loss = understood("critic.value_loss", lambda: parse_value_loss(config.critic.value_loss))
    check_ranges(flatten(loss, "critic.value_loss"))
    for name, method in job.methods.items():
        text = getattr(method, "weight", None)
        if isinstance(text, str):
            weight = understood(f"{name}.weight", lambda text=text: parse_weight(text, config.critic.expectile))
            check_ranges(flatten(weight, f"{name}.weight"))


def check_inverse_temperatures(betas: tuple[float, ...] | None) -> None:
    """The β of the toy sets' evaluation: at least one, each once, among those that are trained on."""
    if betas is None:
        return
    if (
        not betas
        or len(set(betas)) < len(betas)
        or not all(0 <= beta <= INVERSE_TEMPERATURE_MAX for beta in betas)
    ):
        raise UserError(
            f"evaluation.inverse_temperatures={joined(betas) or 'nothing'} must be different numbers from 0 to "
            f"{INVERSE_TEMPERATURE_MAX:g}, such as 0 3 10 20."
        )


def understood(name: str, parse: Callable[[], Any]) -> Any:
    """What `parse` gives; its ValueError becomes one of ours that says which setting it is about."""
    try:
        return parse()
    except ValueError as error:
        raise UserError(f"{name}: {error}") from error
