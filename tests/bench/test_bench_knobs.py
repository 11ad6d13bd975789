"""Knobs: which settings tuning may set, which of them need training, and what is left as the user gives it."""

import math
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
from command_line import MAZE, TOY, jobs_of

from bench.config.request import Job
from bench.runner.choose_rho import check_choice
from bench.runner.data import make_setup
from bench.runner.knobs import find_knobs, list_tunable, narrow_rho, needs_training
from foundation.errors import UserError
from methods import Knob, Method, MethodError, Rho, SlotMethod, get_method, method_names, register

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
        "aepo": ("rho",),
        "dql": ("candidates", "select"),
        "sfbc": ("candidates", "inverse_temperature"),
        **dict.fromkeys(("bc", "iql", "td3-bc", "cql"), ()),
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
    (job,) = jobs_of(["run", *MAZE, "--methods", "idql,swg-r,ddice", "--equal.candidates", "4"])
    equal = tunable(job)
    assert (equal["idql"], equal["swg-r"], equal["ddice"]) == (("select", "weight"), ("rho",), ("rho",))


def test_nothing_is_tunable_where_the_target_is_known():
    (job,) = jobs_of(["run", *TOY, "--methods", ALL])
    assert set(tunable(job).values()) == {()}


def test_a_narrower_range_is_that_of_every_method_and_nothing_else_of_it_changes():
    job = job_of("--swg-r.candidates", "8")
    setup = make_setup(job.task, job.config, (-1.0, -1.0), (1.0, 1.0))
    found = {name: find_knobs(job, name, setup, ranges={"candidates": (2.0, 16.0)}) for name in job.methods}
    narrow = Knob(2, 16, log=True)
    assert narrow.is_whole
    assert narrow.mean == 7  # 14 / ln 8 = 6.73
    assert {name: knobs["candidates"] for name, knobs in found.items() if "candidates" in knobs} == {
        "idql": narrow,
        "ddice": narrow,
        "sfbc": narrow,
        "dql": narrow,
    }
    assert found["idql"]["candidates"].is_whole
    assert found["idql"]["select"] == get_method("idql").knobs["select"]
    rho = Rho(default=2.0, grid=(1.0, 2.0), low=0.5, high=8.0, published=True)
    assert narrow_rho(rho, (1.0, 4.0)) == Rho(default=2.0, grid=(1.0, 2.0), low=1.0, high=4.0, published=True)
    assert narrow_rho(None, (1.0, 4.0)) is None


def test_whether_a_knob_needs_training_is_asked_of_the_range_that_is_searched():
    @dataclass(frozen=True)
    class Grown(Method):
        title: ClassVar[str] = "Grown"
        paper: ClassVar[str] = "none"
        size: int = 1

        def components(self, setup):
            return {"denoiser": setup.behaviour(), **({"critic": setup.critic()} if self.size > 4 else {})}

        def policy(self, models, setup):
            raise NotImplementedError

    job = job_of()
    setup = make_setup(job.task, job.config, (-1.0, -1.0), (1.0, 1.0))
    assert needs_training(Grown(), "size", Knob(1, 8), setup)
    assert not needs_training(Grown(), "size", Knob(1, 4), setup)


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


@pytest.mark.parametrize(
    "knobs", [{"candidates": 10**9}, {"candidates": "4"}, {"candidates": True}, {"depth": 1}, {}]
)
def test_a_choice_that_tuning_cannot_have_made_is_refused(tmp_path: Path, knobs: dict):
    choice = SimpleNamespace(method="idql", task="t", knobs=knobs, rho=None, names=tuple(knobs))
    with pytest.raises(UserError, match=r"tuned.json' has .* idql on t, which tuning does not choose"):
        check_choice(choice, tmp_path / "tuned.json")  # pyright: ignore[reportArgumentType]


def test_a_choice_that_tuning_makes_is_taken(tmp_path: Path):
    sound = SimpleNamespace(method="idql", task="t", knobs={"candidates": 4}, rho=None, names=("candidates",))
    check_choice(sound, tmp_path / "tuned.json")  # pyright: ignore[reportArgumentType]
