"""Help says what every option is for, lists hold everything there is, and neither needs data or a GPU."""

import dataclasses
import os
import re
import shutil

import pytest

from bench.cli.arguments import flags, parse, parse_jobs
from bench.cli.list import listing
from bench.cli.options import EXAMPLES, Common, ListOptions, ReportOptions, RunOptions, TimeOptions, TuneOptions
from bench.config.presets import PRESETS
from bench.config.spec import Config, flatten
from critics.weights import WEIGHTS
from methods.core.registry import compared_names, get_method, method_names
from suites.registry import get_suite, suite_names

OPTIONS = {
    "run": RunOptions,
    "tune-rho": TuneOptions,
    "time": TimeOptions,
    "report": ReportOptions,
    "list": ListOptions,
}


@pytest.fixture(autouse=True)
def nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: pytest.fail("help asked for a GPU"))
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_: os.terminal_size((100, 50)))
    yield
    assert list(tmp_path.iterdir()) == []


def test_the_first_help_names_every_command(bench):
    for arguments in ([], ["--help"], ["-h"], ["help"]):
        told = bench(*arguments)
        assert told.code == 0
        for command in OPTIONS:
            assert re.search(rf"^  {command} ", told.out, re.MULTILINE)


@pytest.mark.parametrize("command", OPTIONS)
def test_help_has_examples_and_a_text_for_every_option(bench, command):
    told = bench(command, "--help")
    assert told.code == 0
    assert told.err == ""
    for example in EXAMPLES[command]:
        assert f"  python -m bench {example}\n" in told.out
    for name in (flag for flag in flags(OPTIONS[command]) if flag not in ("--what", "--name")):
        assert described(told.out, name), f"{name} has no text"


def described(text: str, flag: str) -> bool:
    """Whether the help holds words between the flag's name and its default."""
    found = re.search(rf"^\W*{flag}[ ,][^\n]*?\s{{2,}}(\S[^\n]*)$", text, re.MULTILINE) or re.search(
        rf"^\W*{flag}[ ,][^\n]*\n[^\w(]*(\S[^\n]*)$", text, re.MULTILINE
    )
    return found is not None and not found[1].startswith(("(default", "--"))


def test_a_flag_without_a_text_is_seen():
    assert described("│ --x INT   how far. (default: 1) │\n", "--x")
    assert described("│ --long.x INT │\n│      how far. │\n", "--long.x")
    assert not described("│ --x INT   (default: 1) │\n", "--x")
    assert not described("│ --long.x INT │\n│      (default: 1) │\n", "--long.x")


def test_help_of_run_describes_every_setting(bench):
    text = bench("run", "--suite", "toy", "--help").out
    settings = list(flatten(Config())) + [
        key for name in compared_names() for key in flatten(get_method(name)(), name)
    ]
    assert len(settings) > 40
    assert not any(f"--{name}." in text for name in set(method_names()) - set(compared_names()))
    for setting in settings:
        flag = "--" + re.sub("^data\\.", "data-set.", setting).replace("_", "-")
        if isinstance((flatten(Config()) | {}).get(setting), bool):
            flag += ", --" + setting.replace("_", "-").replace(".", ".no-", 1)
        assert described(text, flag), f"{flag} has no text"


def test_biased_baselines_are_compared_when_they_are_named_and_only_then(bench):
    biased = {"mse", "dps"}
    assert set(method_names()) - set(compared_names()) == biased
    _, jobs = parse_jobs(RunOptions, "run", ["--suite", "toy", "--tasks", "moons"])
    assert set(jobs[0].methods) == set(compared_names()) >= {"cep", "ddice", "idql", "swg", "swg-r", "unguided"}
    _, jobs = parse_jobs(RunOptions, "run", ["--suite", "toy", "--tasks", "moons", "--methods", "mse,dps,cep"])
    assert set(jobs[0].methods) == biased | {"cep"}
    # On the toy sets the critic's Q is βE already.
    assert {getattr(method, "inverse_temperature", None) for method in jobs[0].methods.values()} == {1.0}
    text = bench("run", "--suite", "toy", "--methods", "mse,dps", "--help").out
    for setting in ("mse.inverse-temperature", "mse.batch-size", "dps.inverse-temperature"):
        assert described(text, f"--{setting}"), setting
    listed = bench("list", "methods").out
    for name in method_names():
        assert re.search(rf"^  {name} .* {'no' if name in biased else 'yes'} ", listed, re.MULTILINE), name


def test_help_shows_the_presets_own_defaults(bench):
    for preset, steps in (("smoke", 100), ("paper", 1_000_000)):
        text = bench("run", "--suite", "maze2d", "--preset", preset, "--help").out
        assert re.search(rf"--critic.steps INT\s.*\(default: {steps}\)", text)


@pytest.mark.parametrize("command", OPTIONS)
def test_every_example_parses(command, monkeypatch):
    monkeypatch.setattr("bench.cli.arguments.load_plugin", lambda path: None)
    for example in EXAMPLES[command]:
        name, *arguments = example.replace(",mine", "").split()
        assert name == command
        options = OPTIONS[command]
        if issubclass(options, Common):
            parsed, jobs = parse_jobs(options, command, arguments)
            assert jobs
        else:
            parsed = parse(options, command, arguments)
        assert isinstance(parsed, options)


def test_lists_hold_everything(bench):
    told = bench("list")
    assert told.code == 0
    for name in (*method_names(), *suite_names(), *PRESETS, *WEIGHTS):
        assert re.search(rf"^  {name} ", told.out, re.MULTILINE), name
    for suite in suite_names():
        for task in get_suite(suite).tasks:
            assert f" {task.name} " in told.out


@pytest.mark.parametrize("what", ["methods", "suites", "tasks", "experiments", "presets", "weights"])
def test_each_list_prints_alone(bench, what):
    told = bench("list", what)
    assert told.out == listing(what) + "\n"
    assert told.out.startswith(what.capitalize())


def test_every_field_of_a_config_is_documented():
    for field in dataclasses.fields(Config):
        config = getattr(Config(), field.name)
        documented = "\n".join(cls.__doc__ or "" for cls in type(config).__mro__)
        for setting in dataclasses.fields(config):
            assert re.search(rf"^\s+{setting.name}: ", documented, re.MULTILINE), f"{field.name}.{setting.name}"
