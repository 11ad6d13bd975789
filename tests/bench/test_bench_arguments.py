"""The command line is parsed once, and says which settings were given, also where they are the default."""

import pytest
import tyro
from command_line import TOY, jobs_of, request_of

from bench.cli.arguments import parse
from bench.config.request import Request, RunDetails, TimingDetails, TuningDetails
from bench.config.spec import Config, flatten
from methods.core.registry import get_method, method_names

MOONS = ("run", "--suite", "toy", "--tasks", "moons")


def given(*flags):
    return parse([*MOONS, *flags]).given


@pytest.mark.parametrize(
    ("flags", "settings"),
    [
        ("", {}),
        ("--critic.steps 7", {"critic.steps": 7}),
        ("--critic.steps=7", {"critic.steps": 7}),
        ("--critic.batch-size 7 --critic.batch_size 9", {"critic.batch_size": 9}),
        ("--guidance_net.decay_steps None", {"guidance_net.decay_steps": None}),
        ("--guidance-net.decay-steps=None", {"guidance_net.decay_steps": None}),
        ("--data-set.seed 3 --data local", {"data_set.seed": 3}),
        ("--critic.value-layer-norm", {"critic.value_layer_norm": True}),
        ("--critic.no-value-layer-norm", {"critic.value_layer_norm": False}),
        ("--critic.no_value_layer_norm", {"critic.value_layer_norm": False}),
        ("--swg_r.candidates 3 --swg-r.no-shrunk-clip", {"swg-r.candidates": 3, "swg-r.shrunk_clip": False}),
        ("--evaluation.inverse-temperatures 3 10", {"evaluation.inverse_temperatures": (3.0, 10.0)}),
        ("--swg.weight=--critic.steps", {"swg.weight": "--critic.steps"}),
        ("--data=--critic.steps=7", {}),
        ("--results swg.weight --seeds=5", {}),
    ],
)
def test_a_setting_is_given_where_its_flag_is(flags, settings):
    assert given(*flags.split()) == settings


def test_every_setting_can_be_given_at_its_default():
    """The flags are written here as a user reads them in the help, one command line for each group of settings."""
    methods = {name: flatten(get_method(name)(), name) for name in method_names()}
    settings = flatten(Config()) | {name: value for own in methods.values() for name, value in own.items()}
    typed: dict[str, list[str]] = {}
    for name, value in settings.items():
        flag = "--" + name.replace("data.", "data-set.", 1).replace("_", "-")
        if isinstance(value, bool):
            head, _, last = flag.rpartition(".")
            words = [flag if value else f"{head}.no-{last}"]
        else:
            words = [flag, str(value)]
        typed.setdefault(name.partition(".")[0], []).extend(words)
    for group, words in typed.items():
        of_group = {name: v for name, v in settings.items() if name.partition(".")[0] == group}
        assert given(*words) == {name.replace("data.", "data_set.", 1): v for name, v in of_group.items()}


def test_what_is_given_overrides_every_task_and_nothing_else_does():
    jobs = jobs_of(["run", "--suite", "maze2d", "--critic.steps", "1000000", "--swg.weight", "linex:alpha=1"])
    untouched = jobs_of(["run", "--suite", "maze2d"])
    assert len(jobs) == len(untouched) > 1
    for job, other in zip(jobs, untouched, strict=True):
        assert other.config.critic.steps != 1_000_000
        assert flatten(job.config) == flatten(other.config) | {"critic.steps": 1_000_000}
        assert flatten(job.methods["swg"])["weight"] == "linex:alpha=1"
        assert {name: method for name, method in job.methods.items() if name != "swg"} == {
            name: method for name, method in other.methods.items() if name != "swg"
        }


def test_one_precision_is_that_of_every_network_in_training_and_one_of_them_may_be_given_apart():
    def found(*words: str) -> list[str]:
        (job,) = jobs_of([*MOONS, *words])
        assert job.config.sampler.precision == "fp32", "sampling has its own"
        return [config.precision for config in (job.config.critic, job.config.denoiser, job.config.guidance_net)]

    assert found() == ["fp32", "fp32", "fp32"]
    assert found("--precision", "bf16") == ["bf16", "bf16", "bf16"]
    assert found("--precision", "bf16", "--critic.precision", "fp32") == ["fp32", "bf16", "bf16"]
    assert found("--guidance-net.precision", "bf16") == ["fp32", "fp32", "bf16"]


@pytest.mark.parametrize(
    ("option", "has_products", "is_said"),
    [
        (("--precision", "bf16"), False, True),
        (("--sampler.precision", "bf16"), False, True),
        (("--sampler.precision", "bf16"), True, False),
        (("--precision", "fp32"), False, False),
    ],
)
def test_a_plan_says_where_bf16_is_the_slower_one(bench, fresh, monkeypatch, option, has_products, is_said):
    monkeypatch.setattr("bench.runner.precision.lacks_bf16_products", lambda device: not has_products)
    told = bench("plan", *TOY, "--methods", "unguided", *option, *fresh)
    assert told.code == 0
    assert ("bf16: not in this processor" in told.out) is is_said


@pytest.mark.parametrize("typed", ["shared", "controlled"])
def test_terms_have_two_names_and_one_is_stored(typed):
    assert {job.terms for job in jobs_of([*MOONS, "--terms", typed])} == {"shared"}
    published = {"shared": "own", "controlled": "as-published"}[typed]
    jobs = jobs_of([*MOONS, "--terms", published])
    assert {job.terms for job in jobs} == {"own"}
    assert all(len(job.methods) == 1 for job in jobs)


def test_tyro_is_called_once(monkeypatch):
    calls, cli = [], tyro.cli

    def counted(*options, **more):
        calls.append(more["args"])
        return cli(*options, **more)

    monkeypatch.setattr(tyro, "cli", counted)
    assert len(jobs_of(["run", "--suite", "locomotion", "--terms", "own"])) == 9 * 6
    assert len(calls) == 1


def test_three_commands_have_one_request():
    common = ("--suite", "toy", "--methods", "swg", "--device", "cpu", "--preset", "smoke", "--threads", "2")
    requests = [
        request_of(["run", *common, "--seeds", "1", "--rho", "1,5", "--processes", "2"]),
        request_of(["tune-rho", *common, "--grid", "2"]),
        request_of(["time", *common, "--batches", "1,2", "--calls", "3"]),
    ]
    assert {type(request) for request in requests} == {Request}
    assert {(request.preset, request.threads) for request in requests} == {("smoke", 2)}
    assert set(requests[0].sources.values()) == {"local"}
    assert [len(request.sources) for request in requests] == [6, 6, 0], "fresh weights are timed without data"
    assert [request.seeds for request in requests] == [(0,), (100, 101), (0,)]
    details = [RunDetails((1.0, 5.0)), TuningDetails("grid", 12, (2.0,)), TimingDetails((1, 2), 3)]
    assert [request.details for request in requests] == details
    assert [request.processes for request in requests] == [2, None, None]
    assert [len(request.jobs) for request in requests] == [6, 6, 6]
    assert requests[0].jobs == requests[1].jobs == requests[2].jobs
