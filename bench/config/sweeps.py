"""Sweeps of `time`: one setting over several values, the others as in SWG's study of inference time or as given.

The study (arXiv 2505.18345, D.5; Figures 2 and 3, Table 10) has a perceptron, K = 15 and one observation: 1 to 7
hidden layers of width 2056, and widths 128 to 8192 of 4 hidden layers.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.config.check_settings import check_settings
from bench.config.request import Job
from bench.config.spec import Config, record_settings, replace_dotted
from bench.config.values import Names
from foundation.errors import UserError, unknown_name
from methods.core.method import Method

BATCHES = (1, 20, 256)  # of a call where nothing is given and no setting is swept
EARLY_HEAD = ("weight_head", "early")
_PERCEPTRON = {
    "denoiser.network": "mlp",
    "denoiser.levels": 15,
    "denoiser.frequencies": 64,
    "denoiser.level_features": 256,
    "denoiser.activation": "silu",
}


@dataclass(frozen=True)
class Sweep:
    """One setting that takes several values.

    Attributes:
        setting: its dotted name.
        values: what it takes.
        settings: what else is set where it is not given.
        methods: that are timed where none is named; None for all.
        batches: observations per call where none are given.
        beside: a field of methods and the value with which those that have it are timed once more, or None.
    """

    setting: str
    values: tuple[int, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    methods: str | None = None
    batches: tuple[int, ...] = (1,)
    beside: tuple[str, Any] | None = None


SWEEPS: Mapping[str, Sweep] = {
    "depth": Sweep(
        "denoiser.blocks", tuple(range(1, 8)), {**_PERCEPTRON, "denoiser.width": 2056}, "swg", beside=EARLY_HEAD
    ),
    "width": Sweep(
        "denoiser.width",
        (128, 256, 512, 1024, 2056, 4096, 8192),
        {**_PERCEPTRON, "denoiser.blocks": 4},
        "swg",
        beside=EARLY_HEAD,
    ),
    "K": Sweep("denoiser.levels", (5, 10, 15, 20, 30, 50)),
    "steps": Sweep("sampler.steps", (1, 2, 3, 5, 8, 10, 15)),
}


def find_sweep(name: str | None) -> Sweep | None:
    """The sweep of that name; None without one.

    Raises:
        UserError: an unknown name.
    """
    if name is not None and name not in SWEEPS:
        raise unknown_name("sweep", str(name), SWEEPS)
    return None if name is None else SWEEPS[name]


def choose_methods(given: Names, name: str | None) -> Names:
    """The methods that are given, or those of the sweep of that name."""
    sweep = find_sweep(name)
    return sweep.methods if given is None and sweep is not None else given


def choose_batches(given: tuple[int, ...], name: str | None) -> tuple[int, ...]:
    """The batches that are given, or those of the sweep of that name, or without one three."""
    sweep = find_sweep(name)
    return given or (BATCHES if sweep is None else sweep.batches)


def apply_sweep(jobs: Sequence[Job], name: str) -> dict[int, tuple[Job, ...]]:
    """The jobs at every value of a sweep; values are left out at which a job has more solver steps than levels.

    Args:
        jobs: as they are given, all on one task.
        name: of the sweep.

    Raises:
        UserError: a setting is given that the sweep varies, or cannot work with one of its values.
    """
    sweep = SWEEPS[name]
    if any(sweep.setting in job.given for job in jobs):
        raise UserError(f"--sweep {name} varies {sweep.setting}; leave one of the two out.")
    found = {value: tuple(_set_value(job, sweep, value) for job in jobs) for value in sweep.values}
    possible = {value: at for value, at in found.items() if all(map(_has_enough_levels, at))}
    for job in (job for at in possible.values() for job in at):
        check_settings(job.config, job.methods)
    return possible


def _set_value(job: Job, sweep: Sweep, value: int) -> Job:
    further = {name: known for name, known in sweep.settings.items() if name not in job.given}
    return dataclasses.replace(job, config=replace_dotted(job.config, {**further, sweep.setting: value}))


def _has_enough_levels(job: Job) -> bool:
    return (job.config.sampler.steps or 1) <= job.config.denoiser.levels


def list_versions(job: Job, sweep: Sweep | None) -> list[tuple[str, Method]]:
    """The methods of a job by name, those with the sweep's field beside once more with its value."""
    found: list[tuple[str, Method]] = []
    for name, method in job.methods.items():
        found.append((name, method))
        if sweep is None or sweep.beside is None:
            continue
        field_name, value = sweep.beside
        if hasattr(method, field_name) and f"{name}.{field_name}" not in job.given:
            found.append((name, dataclasses.replace(method, **{field_name: value})))  # pyright: ignore[reportArgumentType, reportCallIssue]
    return found


def list_acting_settings(name: str, method: Method, config: Config) -> dict[str, Any]:
    """The settings that a policy is built from, by dotted name: all but those of data sets and evaluation."""
    shared = {
        each: value
        for each, value in record_settings(config).items()
        if not each.startswith(("data.", "evaluation."))
    }
    return shared | record_settings(method, name)
