"""A mistake is one sentence that names the value and the remedy, before anything is made."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import MAZE, TOY

from suites.registry import get_suite

ROOT = Path(__file__).parents[2]

MISTAKES = {
    "--suite mazed2": ("unknown suite 'mazed2'", "did you mean maze2d"),
    "--tasks maze2d-umase": ("'maze2d-umase'", "did you mean maze2d-umaze"),
    "--methods dql --dql.critic q-learning --denoiser.steps 1000 --dql.target-start 1000": (
        "dql.target_start=1000 is not below denoiser.steps=1000",
        "set --dql.target-start to fewer",
    ),
    "--methods cql --cql.warm-up-steps 100 --critic.steps 100": (
        "cql.warm_up_steps=100 is not below critic.steps=100",
        "set --cql.warm-up-steps to fewer, or to None",
    ),
    "--tasks ,": ("tasks ','", "leave it out"),
    "--methods sgw": ("unknown method 'sgw'", "did you mean swg"),
    "--methods ,": ("methods ','", "leave it out"),
    "--preset quik": ("unknown preset 'quik'", "did you mean quick", "smoke, quick, paper"),
    "--tasks hopper-medium-v2": ("'hopper-medium-v2' is one of suite locomotion", "--suite locomotion"),
    "--swg.rho 5": ("--swg.rho: ρ is no setting of a method", "--rho 1,5,10"),
    "--mine.scale 5": ("--mine.scale: there is no method and no group of settings 'mine'", "--plugin"),
    "--sgw.weight linex": ("'sgw'; did you mean swg", "--plugin"),
    "--data-set.transitions 5": ("data_set.transitions=5", "at least 100"),
    "--seeds a": ("seeds 'a'", "0,3,7", "one seed with a comma, as in `7,`"),
    "--seeds 0": ("seeds '0'", "0,3,7"),
    "--seeds 0,0": ("seeds '0,0'", "different"),
    "--seeds -1": ("seeds '-1'", "0,3,7"),
    "--seeds 1,-1": ("seeds '1,-1'", "7-9"),
    "--seeds 9-7": ("seeds '9-7'", "7-9"),
    "--seeds 1000000000000": ("seeds '1000000000000'", "0,3,7"),
    "--rho x": ("rho 'x'", "1,5,10"),
    "--rho -1": ("rho=-1.0", "at least 0"),
    "--rho nan": ("rho=nan", "at least 0"),
    "--threads 0": ("threads=0", "at least 1"),
    "--results " + "x" * 300: ("results 'xxx", "has a name of more than 255 bytes"),
    "--threads 100000": ("threads=100000", "at most 4,096"),
    "--critic.width 9223372036854775808": ("critic.width=9223372036854775808", "more than 64 bits"),
    "--data minari": ("'minari'", "auto, d4rl, local"),
    "--data d4rl": ("maze2d-umaze-v1 (d4rl)", "of task maze2d-umaze"),
    "--plugin nowhere.py": ("'nowhere.py' is not a file",),
    "--critic.steps 0": ("critic.steps=0", "at least 1"),
    "--critic.steps -1": ("critic.steps=-1", "at least 1"),
    "--critic.batch-size -3": ("critic.batch_size=-3", "at least 1"),
    "--critic.expectile 1.5": ("critic.expectile=1.5", "above 0 and below 1"),
    "--critic.learning-rate nan": ("critic.learning_rate=nan", "above 0"),
    "--critic.value-loss foo": ("critic.value_loss", "'foo'", "expectile, quantile, linex, dice"),
    "--critic.value-loss dice:alpha=0": ("critic.value_loss.alpha=0.0", "above 0"),
    "--denoiser.width 0": ("denoiser.width=0", "at least 1"),
    "--denoiser.levels 0": ("denoiser.levels=0", "at least 1"),
    "--denoiser.first-level 2": ("denoiser.first_level=2", "at most 1"),
    "--denoiser.first-level 0 --denoiser.network u-shaped": ("denoiser.first_level=0", "u-shaped", "k/K"),
    "--swg.weigh-by both": ("'both'", "target, trained"),
    "--denoiser.dropout 1": ("denoiser.dropout=1.0", "below 1"),
    "--guidance-net.layers 0": ("guidance_net.layers=0", "at least 1"),
    "--sampler.steps 99": ("sampler.steps=99", "denoiser.levels=5"),
    "--sampler.temperature -1": ("sampler.temperature=-1.0", "at least 0"),
    "--evaluation.episodes 0": ("evaluation.episodes=0", "at least 1"),
    "--data-set.transitions 0": ("data_set.transitions=0", "at least 100"),
    "--idql.candidates 0": ("idql.candidates=0", "at least 1"),
    "--swg.weight foo": ("swg.weight", "'foo'", "smooth-expectile"),
    "--swg.weight exponential:x=1": ("swg.weight", "'x'", "inverse_temperature, maximum"),
    "--swg.weight exponential:maximum=x": ("swg.weight", "'x' is not a number"),
    "--swg.weight dice:alpha=-1": ("swg.weight.alpha=-1.0", "above 0"),
    "--swg.weight hard-expectile:expectile=2": ("swg.weight.expectile=2.0", "above 0 and below 1"),
    "--swg.weight hard-expectile --methods cep": ("swg.weight is a setting of swg", "add it to --methods"),
    "--device gpu": ("unknown value of --device 'gpu'", "choose one of auto, cpu, cuda"),
    "--device=": ("unknown value of --device ''", "choose one of auto, cpu, cuda"),
    "--threads x": ("--threads 'x' must be a whole number",),
    "--critic.steps x": ("--critic.steps 'x' must be a whole number",),
    "--critic.learning-rate x": ("--critic.learning-rate 'x' must be a number",),
    "--critic.steps": ("--critic.steps takes a value and got none",),
    "--methods swg cep": ("--methods takes one value and got 2, 'swg' and 'cep'", "as in swg,cep"),
    "--critic.steps 5 6": ("--critic.steps takes one value and got 2, '5' and '6'",),
    "--idql.select bset": ("unknown value of --idql.select 'bset'", "did you mean best", "best, draw"),
    "--denoiser.schedule foo": ("--denoiser.schedule 'foo'", "vp, cosine"),
    "--denoiser.activation foo": ("--denoiser.activation 'foo'", "silu, relu, mish, gelu"),
    "--critic.initial foo": ("--critic.initial 'foo'", "uniform, xavier, lecun"),
    "--denoiser.initial foo": ("--denoiser.initial 'foo'", "uniform, xavier, lecun"),
    "--sampler.solver foo": ("--sampler.solver 'foo'", "ddpm, ddpm-large, ddim"),
    "--wat 3": (
        "run has no option --wat",
        "choose one of --suite, --tasks, --methods",
        "`python -m bench run --help",
    ),
    "--critic.stpes 3": ("run has no option --critic.stpes", "did you mean --critic.steps"),
    "--critic.stpes=3": ("run has no option --critic.stpes", "did you mean --critic.steps"),
    "--candidates 4": (
        "--candidates; did you mean --equal.candidates or --ddice.candidates or --dql.candidates or",
    ),
    "-suite toy": ("run has no option -suite; did you mean --suite",),
    "--retry-failed yes": ("--retry-failed takes no value and got 'yes'",),
    "--evaluation.inverse-temperatures 1 x": ("--evaluation.inverse-temperatures 'x' must be a number",),
}


@pytest.mark.parametrize("given", MISTAKES)
def test_a_mistake_is_named_and_leaves_nothing(bench, fresh, tmp_path, given):
    said = bench("run", *MAZE, *fresh, *given.split()).mistake
    for words in MISTAKES[given]:
        assert words in said
    assert not list(tmp_path.rglob("*.safetensors"))
    assert not (tmp_path / "results" / "runs").exists()
    assert not (tmp_path / "artifacts" / "data" / "local").exists(), "data were generated first"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("run", "--suite is missing; choose one of adroit-pen, antmaze"),
        ("tune-rho --suite maze2d --trials 0", "trials=0 must be at least 1"),
        ("tune --suite maze2d --ranges candidates=1-16", "ranges 'candidates=1-16' do not parse; give names and"),
        ("tune --suite maze2d --ranges candidates=", "do not parse"),
        ("tune --suite maze2d --ranges =1:16", "do not parse"),
        ("tune --suite maze2d --ranges ,", "do not parse"),
        ("tune --suite maze2d --ranges candidates=16:1", "ranges candidates=16:1 must rise"),
        ("tune --suite maze2d --ranges candidates=1:nan", "ranges candidates=1:nan must rise"),
        ("tune --suite maze2d --ranges a-b=1:2,a_b=1:3", "have a_b twice"),
        ("data make antmaze", "cannot be made here; with a connection, `python -m bench data fetch antmaze` gets"),
        ("data fetch maze2d-umaze --data local", "--data local is not downloaded; for maze2d-umaze choose d4rl"),
        ("doctor --suite maze3d", "unknown suite 'maze3d'"),
        ("time --suite maze2d --calls 1", "calls=1 must be at least 2"),
        ("tune-rho --suite maze2d --search tpe --grid 1", "grid holds the scales of search grid"),
        ("tune-rho --suite maze2d --grid x", "grid 'x' does not parse"),
        ("time --suite maze2d --batches 1.5", "batches '1.5' does not parse"),
        ("time --suite maze2d --batches 0", "batches=0 must be at least 1"),
        ("list --plugin nowhere.py", "'nowhere.py' is not a file"),
        (
            "rnu",
            "unknown command 'rnu'; did you mean run? choose one of run, plan, tune-rho, tune, report, watch, "
            "time, render, merge, publish, import-checkpoint, clean, check-method, check-suite, doctor, list, "
            "data.",
        ),
        ("data wat", "unknown command of data 'wat'; choose one of list, fetch, make, import, info, check."),
        ("run --suite", "--suite takes a value and got none: give it as in `--suite NAME`."),
        (
            "tune-rho --suite maze2d --search foo",
            "unknown value of --search 'foo'; choose one of auto, grid, tpe.",
        ),
        ("list weigths", "unknown value of WHAT 'weigths'; did you mean weights? choose one of all, methods"),
        ("report --export csv", "unknown value of --export 'csv'; choose one of rliable, parquet, json."),
        ("report --compare A", "--compare takes 2 values and got 1: give it as in `--compare A B`."),
        ("report --compare A B C", "--compare takes 2 values and got 3, 'A' and 'B' and 'C': leave out what is"),
        ("report --margin x", "--margin 'x' must be a number."),
        ("time --suite maze2d --calls 2.5", "--calls '2.5' must be a whole number."),
        ("merge a b --to", "--to takes a value and got none"),
        ("publish results", "publish lacks --to: give both, as in `python -m bench publish results --to site`"),
        ("publish --to site", "publish lacks the results folder: give both"),
        ("publish", "publish lacks the results folder and --to: give both, as in"),
        (
            "publish results --to site --note -x",
            "publish has no option -x; choose one of --to, --name, --note, --check; if it is the value of --note, "
            "write --note=-x; `python -m bench publish --help` lists",
        ),
        ("report --out --prnt", "did you mean --print? if it is the value of --out, write --out=--prnt;"),
        ("report --margin -x", "report has no option -x; choose one of --results, --out"),
        ("publish nowhere --to site --note=-x", "there is no results folder at 'nowhere'"),
        ("publish nowhere --to site", "there is no results folder at 'nowhere'"),
        ("publish --check site --note x", "--check checks a site and adds nothing"),
        ("publish --check nowhere", "'nowhere' is no site of contributed runs"),
        ("report --results nowhere", "there is no results folder at nowhere"),
        (
            "run --suit toy",
            "run has no option --suit; did you mean --suite? `python -m bench run --help-all` lists",
        ),
        (
            "report --rho 3",
            "report has no option --rho; run, plan, render have it; choose one of --results, --out",
        ),
        ("report --print=no", "--print takes no value and got 'no'"),
        ("report extra", "report takes no word without an option, and got 'extra': leave it out."),
        ("run toy", "and got 'toy': put its option before it, as in `--suite NAME`, or leave it out."),
        (
            "merge a --to c b",
            "merge takes FOLDER... in one place: put 'b' behind 'a', before all options or after",
        ),
        ("report -- -x", "report takes no word without an option, and got '-x'"),
        ("list method idql more", "list takes WHAT and NAME and no other word without an option, and got 'more'"),
        ("render maze2d-umaze --fps 20", "render lacks METHOD and SEED: add what is missing, as in `python -m"),
        ("render maze2d-umaze --fps 20 swg zero", "SEED 'zero' must be a whole number"),
        ("merge a b", "merge lacks --to PATH: add what is missing, as in `python -m bench merge results-a"),
        ("check-method", "check-method lacks FILE: add what is missing"),
        ("data import nowhere.hdf5", "data import lacks --task TASK: add what is missing"),
        ("data make maze2d --size 3", "data make has no option --size; choose one of --artifacts, --plugin"),
    ],
)
def test_every_command_says_what_is_wrong(bench, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert words in bench(*arguments.split()).mistake
    assert list(tmp_path.iterdir()) == []


def test_a_knob_of_a_method_that_is_not_compared_is_named(bench, fresh):
    tune = ("tune", "--suite", "maze2d", "--methods", "cep", "--ranges", "candidates=1:4")
    sentence = bench(*tune, *fresh).mistake
    words = "ranges candidates is a knob of ddice, dql, idql, sfbc, swg-r, which are not compared; add one to"
    assert words in sentence


@pytest.mark.parametrize("suite", ["antmaze", "kitchen", "adroit-pen"])
def test_a_suite_without_data_names_what_is_missing(bench, fresh, tmp_path, monkeypatch, suite):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    sentence = bench("run", "--suite", suite, *fresh).mistake
    assert get_suite(suite).tasks[0].name in sentence
    assert f"data fetch {suite}" in sentence


def test_a_gpu_that_is_not_there_is_named(bench, fresh, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert "device cuda is not available" in bench("run", *TOY, *fresh, "--device", "cuda").mistake


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("import nothing_of_that_name", "fails to import: ModuleNotFoundError"),
        ("this is no python", "fails to import: SyntaxError"),
        ("x = 1", "registers no method"),
    ],
)
def test_a_plug_in_that_does_not_work_is_named(bench, fresh, tmp_path, content, words):
    plugin = tmp_path / "mine.py"
    plugin.write_text(content)
    assert words in bench("run", *TOY, *fresh, "--plugin", plugin).mistake


def test_a_process_exits_with_2_and_says_only_the_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "bench", "run", "--suite", "mazed2", "--results", str(tmp_path / "r")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: unknown suite 'mazed2'")
    assert done.stderr.count("\n") == 1


def test_an_interruption_says_how_to_go_on(bench, fresh, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.runner.run.plan_task", stopped)
    told = bench("run", *TOY, *fresh)
    assert told.code == 130
    assert "what is finished is kept" in told.err


@pytest.mark.parametrize(
    "words",
    [
        ("report", "--results"),
        ("data", "list", "--artifacts"),
        ("data", "check"),
        ("list", "--plugin"),
        ("check-method",),
    ],
)
def test_a_name_that_is_too_long_for_a_file_is_one_sentence(bench, words):
    sentence = bench(*words, "x" * 300).mistake
    assert re.search(r"'?xxx.* is too long for the name of a file|has a name of more than 255 bytes", sentence)
    assert len(sentence) < 200
