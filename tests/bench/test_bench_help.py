"""Help says what every option is for, lists hold everything there is, and neither needs data or a GPU."""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, get_args, get_type_hints

import pytest
import tyro
from command_line import jobs_of

from bench.cli.arguments import parse, settings_groups, with_settings
from bench.cli.data_options import DATA_COMMANDS
from bench.cli.examples import EXAMPLES
from bench.cli.hints import list_flags
from bench.cli.list import list_choices
from bench.cli.options import COMMANDS, PolicyOptions
from bench.config.presets import PRESETS
from bench.config.spec import Config, flatten
from critics.weights import WEIGHTS
from methods.core.registry import compared_names, get_method, method_names
from suites.registry import get_suite, suite_names

ROOT = Path(__file__).parents[2]
OPTIONS = {**COMMANDS, **{f"data {name}": options for name, options in DATA_COMMANDS.items()}}


@pytest.fixture(autouse=True)
def nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: pytest.fail("help asked for a GPU"))
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_, **__: os.terminal_size((100, 50)))
    yield
    assert list(tmp_path.iterdir()) == []


def test_the_first_help_names_every_command(bench):
    for arguments in ([], ["--help"], ["-h"], ["help"]):
        told = bench(*arguments)
        assert told.code == 0
        for command in (*COMMANDS, "data"):
            assert re.search(rf"^\W+{command} +\w", told.out, re.MULTILINE), command


def test_help_before_a_command_is_the_help_of_it(bench):
    assert bench("help", "clean") == bench("clean", "--help")
    assert bench("help", "data", "make") == bench("data", "make", "--help")


def test_the_help_of_data_names_every_command(bench):
    for arguments in (["data"], ["data", "--help"]):
        told = bench(*arguments)
        assert told.code == 0
        for command in DATA_COMMANDS:
            assert re.search(rf"^\W+{command} +\w", told.out, re.MULTILINE), command


@pytest.mark.parametrize("command", OPTIONS)
def test_help_has_examples_and_a_text_for_every_option(bench, command):
    told = bench(*command.split(), "--help-all")
    assert told.code == 0
    assert told.err == ""
    for example in EXAMPLES[command]:
        assert f"  python -m bench {example}\n" in told.out
    hints = get_type_hints(OPTIONS[command], include_extras=True)
    for field in dataclasses.fields(OPTIONS[command]):
        if tyro.conf.Positional not in get_args(Annotated[hints[field.name], "any"]):
            flag = f"--{field.name.replace('_', '-')}"
            assert described(told.out, flag), f"{flag} has no text"


@pytest.mark.parametrize("command", ["run", "time", "report", "render", "data make", "data check"])
def test_the_options_that_are_known_are_those_that_the_parser_shows(bench, command):
    options, words = OPTIONS[command], command.split()
    known = with_settings(options, settings_groups(options, words)) if command in ("run", "time") else options
    shown = re.findall(
        r"(?m)^\W*?(--[a-z][\w.-]*\w)(?:, (--\S+))? *(?:$|[A-Z{\[ ])", bench(*words, "--help-all").out
    )
    assert {flag for flags in shown for flag in flags if flag} == set(list_flags(known))


@pytest.mark.parametrize("command", OPTIONS)
def test_the_short_help_fits_a_screen_and_imports_nothing_slow(command, monkeypatch):
    code = "import sys; from bench.cli.main import main\ntry: main(sys.argv[1:])\nfinally: print(*sys.modules)"
    words = [*command.split(), "--help"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    help_text, _, modules = done.stdout.rstrip().rpartition("\n")
    assert help_text.count("\n") < 45
    assert not {"torch", "pandas", "scipy", "matplotlib", "optuna", "gymnasium"} & set(modules.split())


@pytest.mark.parametrize("command", ["run", "tune-rho", "time"])
def test_the_short_help_leaves_out_what_the_long_one_has(bench, command):
    short, long = bench(command, "--help").out, bench(command, "--help-all").out
    assert "--help-all" in short
    for flag in ("--device", "--threads", "--critic.steps", "--swg.weight"):
        assert described(long, flag), flag
        assert not described(short, flag), flag
    for flag in ("--suite", "--methods", "--preset"):
        assert described(short, flag), flag


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
    text = bench("run", "--suite", "toy", "--help-all").out
    settings = list(flatten(Config())) + [
        key for name in method_names() for key in flatten(get_method(name)(), name)
    ]
    assert len(settings) > 40
    for setting in settings:
        flag = "--" + re.sub("^data\\.", "data-set.", setting).replace("_", "-")
        if isinstance((flatten(Config()) | {}).get(setting), bool):
            flag += ", --" + setting.replace("_", "-").replace(".", ".no-", 1)
        assert described(text, flag), f"{flag} has no text"


def test_further_methods_are_compared_when_they_are_named_and_only_then(bench):
    further = {"mse", "dps", "aepo", "sfbc", "dql"}
    actors = {"bc", "iql", "td3-bc", "cql"}
    assert set(method_names()) - set(compared_names()) == further | actors
    jobs = jobs_of(["run", "--suite", "toy", "--tasks", "moons"])
    assert set(jobs[0].methods) == set(compared_names()) >= {"cep", "ddice", "idql", "swg", "swg-r", "unguided"}
    jobs = jobs_of(["run", "--suite", "toy", "--tasks", "moons", "--methods", "mse,dps,aepo,sfbc,dql,cep"])
    assert set(jobs[0].methods) == further | {"cep"}
    # On the toy sets the critic's Q is βE already.
    temperatures = {getattr(method, "inverse_temperature", 1.0) for method in jobs[0].methods.values()}
    assert temperatures == {1.0}
    text = bench("run", "--suite", "toy", "--methods", "mse,dps", "--help-all").out
    for setting in ("mse.inverse-temperature", "mse.batch-size", "dps.inverse-temperature"):
        assert described(text, f"--{setting}"), setting
    listed = bench("list", "methods").out
    for name in method_names():
        default = "no" if name in further | actors else "yes"
        assert re.search(rf"^  {name} .* {default} ", listed, re.MULTILINE), name


def test_help_shows_the_defaults_of_the_preset_the_suite_and_the_terms(bench):
    for preset, steps in (("smoke", 100), ("paper", 1_000_000)):
        text = bench("run", "--suite", "maze2d", "--preset", preset, "--help-all").out
        assert re.search(rf"--critic.steps INT((?!--).)*\(default: {steps}\)", text, re.DOTALL)
    for terms, levels in (("controlled", 15), ("as-published", 1000)):
        words = ("--suite=maze2d", "--methods", "cep", "--preset", "paper", "--terms", terms)
        text = bench("run", *words, "--help-all").out
        assert re.search(rf"--denoiser.levels INT((?!--).)*\(default: {levels}\)", text, re.DOTALL)
    text = bench("run", "--suite", "antmaze", "--preset", "paper", "--help-all").out
    assert re.search(r"--critic.expectile FLOAT((?!--).)*\(default: 0.9\)", text, re.DOTALL)


@pytest.mark.parametrize("command", OPTIONS)
def test_every_example_parses(command, monkeypatch):
    monkeypatch.setattr("bench.plugins.load_plugin", lambda path: None)
    for example in EXAMPLES[command]:
        assert example.startswith(command)
        line = parse(example.replace(",mine", "").split())
        assert type(line.options) is OPTIONS[command]
        assert not isinstance(line.options, PolicyOptions) or jobs_of(example.replace(",mine", "").split())


def test_lists_hold_everything(bench):
    told = bench("list")
    assert told.code == 0
    for name in (*method_names(), *suite_names(), *PRESETS, *WEIGHTS):
        assert re.search(rf"^  {name} ", told.out, re.MULTILINE), name
    for suite in suite_names():
        for task in get_suite(suite).tasks:
            assert f" {task.name} " in told.out


def test_the_presets_are_listed_with_what_a_suite_adds(bench):
    rows = [line.split(maxsplit=2) for line in bench("list", "presets").out.splitlines()[2:]]
    assert ["paper", "antmaze", "denoiser.steps=3000000"] in rows
    (toy,) = [row[2] for row in rows if row[:2] == ["paper", "toy"]]
    assert {"denoiser.network=mlp", "denoiser.activation=gelu", "denoiser.ema=None"} <= set(toy.split(", "))


@pytest.mark.parametrize("what", ["methods", "suites", "tasks", "experiments", "presets", "weights"])
def test_each_list_prints_alone(bench, what):
    told = bench("list", what)
    assert told.out == list_choices(what) + "\n"
    assert told.out.startswith(what.capitalize())


def test_every_field_of_a_config_is_documented():
    for field in dataclasses.fields(Config):
        config = getattr(Config(), field.name)
        documented = "\n".join(cls.__doc__ or "" for cls in type(config).__mro__)
        for setting in dataclasses.fields(config):
            assert re.search(rf"^\s+{setting.name}: ", documented, re.MULTILINE), f"{field.name}.{setting.name}"
