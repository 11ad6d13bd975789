"""Knobs: which settings tuning may set, which of them need training, and what is left as the user gives it."""

import math
from dataclasses import dataclass
from typing import ClassVar

import pytest
from command_line import MAZE, TOY, jobs_of

from bench.config.request import Job
from bench.runner.data import make_setup
from bench.runner.knobs import find_knobs, list_tunable
from methods import Knob, MethodError, SlotMethod, get_method, method_names, register

ALL = ",".join(method_names())


def job_of(*words: str) -> Job:
    (job,) = jobs_of(["run", *MAZE, "--methods", ALL, *words])
    return job


def tunable(job: Job) -> dict[str, tuple[str, ...]]:
    setup = make_setup(job.task, job.config, (-1.0, -1.0), (1.0, 1.0))
    return {name: list_tunable(job, name, setup) for name in job.methods}


def test_what_needs_no_training_is_tunable_and_what_does_is_not():
    """By hand: a selection stands on made components, a weight or a β inside a loss makes others."""
    assert tunable(job_of()) == {
        "unguided": (),
        "idql": ("candidates", "select", "weight"),
        "swg": ("rho",),
        "swg-r": ("rho", "candidates"),
        "cep": ("rho",),
        "ddice": ("rho", "candidates"),
        "mse": ("rho",),
        "dps": ("rho",),
    }
    job = job_of()
    setup = make_setup(job.task, job.config, (-1.0, -1.0), (1.0, 1.0))
    every = {name: tuple(find_knobs(job, name, setup, training=True)) for name in job.methods}
    assert every == {name: tuple(get_method(name).knobs) for name in job.methods}
    assert every["cep"] == ("inverse_temperature",)
    assert every["swg"] == ("weight",)


def test_what_the_user_gives_or_all_methods_share_is_not_tuned():
    given = tunable(job_of("--idql.candidates", "8", "--swg-r.weight", "linex"))
    assert (given["idql"], given["swg-r"]) == (("select", "weight"), ("rho", "candidates"))
    equal = tunable(job_of("--equal.candidates", "4"))
    assert (equal["idql"], equal["swg-r"], equal["ddice"]) == (("select", "weight"), ("rho",), ("rho",))


def test_nothing_is_tunable_where_the_target_is_known():
    (job,) = jobs_of(["run", *TOY, "--methods", ALL])
    assert set(tunable(job).values()) == {()}


@pytest.mark.parametrize(
    "knob", [{}, {"low": 1}, {"low": 2, "high": 1}, {"low": 0, "high": 1, "log": True}, {"choices": ("a",)}]
)
def test_a_knob_that_is_neither_a_range_nor_choices_is_refused(knob: dict):
    with pytest.raises(MethodError):
        Knob(**knob)


def test_a_knob_is_one_of_the_methods_own_settings():
    def declare(name: str) -> None:
        @register("my-knobbed")
        @dataclass(frozen=True)
        class Knobbed(SlotMethod):
            title: ClassVar[str] = "Knobbed"
            paper: ClassVar[str] = "none"
            knobs: ClassVar = {name: Knob(1, 2)}
            size: int = 1

    for name in ("sizes", "critic.steps", "rho"):
        with pytest.raises(
            MethodError, match=f"has a knob '{name}', which is none of its settings; name one of size"
        ):
            declare(name)
    declare("size")


def test_the_mean_of_a_range_is_that_of_its_law():
    assert Knob(0.0, 4.0).mean == 2.0
    assert Knob(1.0, 10.0, log=True).mean == pytest.approx(9 / math.log(10))
    assert Knob(1, 64, log=True).mean == 15  # 63 / ln 64 = 15.1
    assert Knob(choices=("a", "b")).mean == "a"
