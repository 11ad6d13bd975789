"""The Python interface: `run`, `tune_rho`, `tune`, `time`, `load_results` and `load_policy`.

`import bench` has the same names, and those of the modules beside this one. The command line calls these
functions; an option has the same name and meaning in both. A mistake is a `UserError`, which is one sentence. A
signal that asks to stop, SIGINT or SIGTERM, is a KeyboardInterrupt, once what has to be kept is.
"""

from typing import TYPE_CHECKING, Any, Literal

from bench.config.check_settings import check_arguments, check_value
from bench.config.protocol import choose_sampler, find_protocol, refuse_other_search
from bench.config.request import RunDetails, TimingDetails, TuningDetails
from bench.config.values import (
    FilePath,
    Names,
    Numbers,
    Paths,
    Ranges,
    Seeds,
    read_numbers,
    read_path,
    read_paths,
    read_ranges,
)
from bench.plugins import load_plugins
from bench.progress import ProgressConsole
from bench.requests import make_request
from bench.runner.device import prepare_device
from bench.runner.loggers import LoggerName
from foundation.bounds import Count, NonNegative
from foundation.errors import UserError
from foundation.stopping import handle_signals

if TYPE_CHECKING:
    import pandas as pd

    from bench.runner.policy import LoadedPolicy

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["fp32", "bf16"]


def run(  # noqa: PLR0913 (the options of a command)
    *,
    suite: str | None = None,
    tasks: Names = None,
    methods: Names = None,
    preset: str = "quick",
    terms: str = "controlled",
    protocol: str | None = None,
    seeds: Seeds | None = None,
    rho: Numbers = None,
    experiment: str | None = None,
    retry_failed: bool = False,
    data: str = "auto",
    results: FilePath = "results",
    artifacts: FilePath = "artifacts",
    device: Device = "auto",
    threads: Count | None = None,
    processes: Count | None = None,
    precision: Precision | None = None,
    logger: LoggerName = "none",
    plugin: Paths = (),
    progress: bool = True,
    **settings: Any,
) -> "pd.DataFrame":
    """Train what is missing and evaluate every method on every task; finished results are kept.

    Args:
        suite: task group, such as `maze2d`; see `python -m bench list suites`.
        tasks: names of its tasks; all of them if left out.
        methods: names of methods; cep, ddice, idql, swg, swg-r and unguided if left out.
        preset: training sizes: `smoke`, `quick`, `paper` or `official`.
        terms: `controlled` (one critic, network and sampler for all) or `as-published`.
        protocol: `fair` asks for 10 seeds, 50 episodes and 12 trials of `tune` for every method with something to
            tune.
        seeds: their number, a list, or a text as on the command line (`7,` is 7 alone, `7-9` a range); 3, or
            as many as the protocol has, if left out.
        rho: guidance scales for every method that has one; else tuned, published or default.
        experiment: cells of a published table, in the place of a suite.
        retry_failed: whether cells that failed before, which count as finished, are tried again.
        data: source of the data: `auto`, `local`, `minari`, `d4rl`, `d4rl:v0`, `file:PATH`.
        results, artifacts: folders of the results, and of data sets and trained components.
        device: of training and evaluation.
        threads: CPU threads of each process; 1 if left out.
        processes: how many components or methods are made at once; chosen by the plan if left out.
        precision: of the matrix products in training, `fp32` or `bf16`; sets that of critic, denoiser and
            guidance_net, not that of the sampler.
        logger: where learning curves are streamed to.
        plugin: Python files that register methods or suites.
        progress: print the plan and a line or a bar for each unit of work.
        **settings: any setting, by group, as `critic={"steps": 1000}, swg={"weight": "exponential"}`.

    Returns:
        One row for each cell of the comparison, as `load_results` gives them; `status` is `failed` where one did.

    Raises:
        UserError: a name that does not exist, or a value that cannot work.
    """
    from bench.runner.run import run as execute
    from reports.load.frames import load_frame

    scales = read_numbers("rho", rho, float)
    check_value("rho", scales, tuple[NonNegative, ...])
    request = make_request(run, locals(), lambda: RunDetails(scales, retry_failed))
    with handle_signals():
        entries = execute(request, ProgressConsole(quiet=not progress))
    return load_frame(request.results, [entry.path for entry in entries])


def tune_rho(  # noqa: PLR0913 (the options of a command)
    *,
    suite: str | None = None,
    tasks: Names = None,
    methods: Names = None,
    preset: str = "quick",
    terms: str = "controlled",
    protocol: str | None = None,
    seeds: Seeds = (100, 101),
    search: Literal["auto", "grid", "tpe"] = "auto",
    trials: Count = 12,
    grid: Numbers = None,
    data: str = "auto",
    results: FilePath = "results",
    artifacts: FilePath = "artifacts",
    device: Device = "auto",
    threads: Count | None = None,
    processes: Count | None = None,
    precision: Precision | None = None,
    logger: LoggerName = "none",
    plugin: Paths = (),
    progress: bool = True,
    **settings: Any,
) -> "pd.DataFrame":
    """Choose ρ per task and method with Optuna; `run` in the same results folder uses the choices.

    Args:
        suite, tasks, methods, preset, terms, data: see `run`.
        protocol: `fair` tunes with 12 trials of `tpe` and 20 episodes or more for each seed; it is refused for
            methods of which `tune` tunes more than ρ.
        seeds: training seeds for tuning only; they must not be seeds of reported results.
        search: `grid`, the method's own or `grid`'s scales; `tpe`, its continuous range with pruning; or `auto`,
            which is `grid`, with a protocol `tpe`.
        trials: of `tpe`; the grid tries each of its scales once.
        grid: scales of the grid; each method's own if left out.
        processes: how many methods and tasks are tuned at once; chosen by the plan if left out.
        results, artifacts, device, threads, precision, logger, plugin, progress, **settings: see `run`.

    Returns:
        One row for each choice of ρ: suite, task, method, preset, terms, rho, score, trials, episodes, seeds.

    Raises:
        UserError: a name that does not exist, or a value that cannot work.
    """
    from bench.runner.tune import tune as execute
    from reports.load.frames import make_choices_frame

    if grid is not None and search == "tpe":
        raise UserError("grid holds the scales of search grid; tpe searches each method's own range.")
    scales, held_to = read_numbers("grid", grid, float), find_protocol(protocol)
    if held_to is not None:
        refuse_other_search(held_to, search, scales, trials)
    sampler = choose_sampler(search, held_to)
    request = make_request(tune_rho, locals(), lambda: TuningDetails(sampler, int(trials), scales))
    with handle_signals():
        choices = execute(request, ProgressConsole(quiet=not progress))
    return make_choices_frame(choices)


def tune(  # noqa: PLR0913 (the options of a command)
    *,
    suite: str | None = None,
    tasks: Names = None,
    methods: Names = None,
    preset: str = "quick",
    terms: str = "controlled",
    protocol: str | None = None,
    seeds: Seeds = (100, 101),
    trials: Count = 12,
    ranges: Ranges = None,
    training: bool = False,
    data: str = "auto",
    results: FilePath = "results",
    artifacts: FilePath = "artifacts",
    device: Device = "auto",
    threads: Count | None = None,
    processes: Count | None = None,
    precision: Precision | None = None,
    logger: LoggerName = "none",
    plugin: Paths = (),
    progress: bool = True,
    **settings: Any,
) -> "pd.DataFrame":
    """Choose ρ and the settings that a method declares as knobs, with equally many trials for each method.

    A knob that `settings` give stays as it is. `run` in the same results folder uses the choices.

    Args:
        suite, tasks, methods, preset, terms, data: see `run`.
        protocol, seeds, processes: see `tune_rho`.
        trials: of Optuna's TPE with pruning, for every method with something to tune.
        ranges: narrower ranges of knobs, or of `rho`, for every method that has them, as `candidates=1:16` or
            `{"candidates": (1, 16)}`; what a method declares where it is left out.
        training: whether knobs that change what is trained are among them; each of their trials trains.
        results, artifacts, device, threads, precision, logger, plugin, progress, **settings: see `run`.

    Returns:
        One row for each choice, as of `tune_rho`, with knobs, training_steps and seconds.

    Raises:
        UserError: a name that does not exist, or a value that cannot work.
    """
    from bench.runner.tune import tune as execute
    from reports.load.frames import make_choices_frame

    held_to = find_protocol(protocol)
    if held_to is not None:
        refuse_other_search(held_to, "tpe", (), trials)
    narrowed = read_ranges(ranges)
    request = make_request(tune, locals(), lambda: TuningDetails("tpe", int(trials), (), True, training, narrowed))
    with handle_signals():
        choices = execute(request, ProgressConsole(quiet=not progress))
    return make_choices_frame(choices)


def time(  # noqa: PLR0913 (the options of a command)
    *,
    suite: str | None = None,
    tasks: Names = None,
    methods: Names = None,
    preset: str = "quick",
    terms: str = "controlled",
    batches: Numbers = None,
    calls: int = 50,
    sweep: Literal["depth", "width", "K", "steps"] | None = None,
    results: FilePath = "results",
    device: Device = "auto",
    threads: Count | None = None,
    plugin: Paths = (),
    progress: bool = True,
    **settings: Any,
) -> "pd.DataFrame":
    """Measure what an action of every method takes on the first task's sizes, guided and unguided, in turns.

    Args:
        suite, tasks, preset, terms: see `run`.
        methods: as of `run`; `swg` alone if left out in a sweep of depth or width.
        batches: observations per call; 1, 20 and 256 if left out, in a sweep 1.
        calls: timed calls of each kind, at least 2, after the warm-up.
        sweep: a setting over its values: `depth` or `width` of the network as in SWG's study of inference time,
            `K`, the noise levels, or the solver's `steps`.
        results, device, threads, plugin, progress, **settings: see `run`.

    Returns:
        One row for each method, guided and unguided, batch and value of the sweep, with the fields of
        `timing.json`: milliseconds (median, 5th and 95th percentile, mean, standard deviation), ratios, shares.

    Raises:
        UserError: a name that does not exist, or a value that cannot work.
    """
    from bench.config.sweeps import choose_batches, choose_methods
    from bench.runner.timing import time_methods
    from reports.load.frames import make_timing_frame

    methods = choose_methods(methods, sweep)
    chosen = choose_batches(read_numbers("batches", batches, int), sweep)
    request = make_request(time, locals(), lambda: TimingDetails(chosen, int(calls), sweep))
    with handle_signals():
        rows = time_methods(request, ProgressConsole(quiet=not progress))
    return make_timing_frame(rows)


def load_results(
    folder: FilePath = "results", *, by: Literal["cell", "episode"] = "cell", settings: bool = False
) -> "pd.DataFrame":
    """The results of a folder as a tidy frame.

    Args:
        folder: of the results.
        by: `cell` for one row for each task, method with its settings, ρ and seed; `episode` for one row for each
            of its evaluation episodes, and on the toy sets for each β.
        settings: whether each setting is a column too, by its dotted name.

    Returns:
        The frame; failed cells are rows without a score, whose `status` is `failed`.

    Raises:
        UserError: there are no results, or one is damaged.
    """
    from reports.load.frames import load_frame

    check_arguments(load_results, locals())
    return load_frame(read_path("folder", folder), by=by, settings=settings)


def load_policy(  # noqa: PLR0913 (most are seldom used)
    folder: FilePath,
    task: str,
    method: str,
    seed: int,
    *,
    rho: float | None = None,
    variant: str | None = None,
    artifacts: FilePath = "artifacts",
    device: Device = "cpu",
    stream: str = "evaluation",
    plugin: Paths = (),
) -> "LoadedPolicy":
    """The trained policy behind a result.

    Args:
        folder: of the results.
        task, method, seed: of the result.
        rho: guidance scale, where there are results of several.
        variant: the method with the settings that set it apart, as the error about several results lists them.
        artifacts: folder of the trained components.
        device: where it computes.
        stream: name of the random numbers; another name draws others. With the default, called with one
            observation for each of the result's episodes, it acts as it did when the result was made.
        plugin: Python files that register the method or the suite.

    Returns:
        An object whose `act(observations)` gives actions, NumPy arrays both.

    Raises:
        UserError: there is no such result, there are several, or its components are gone or damaged.
    """
    from bench.runner.policy import find_result, load

    check_arguments(load_policy, locals())
    load_plugins(read_paths("plugin", plugin))
    result = find_result(read_path("folder", folder), task, method, int(seed), rho, variant)
    return load(result, read_path("artifacts", artifacts), prepare_device(device, None), stream)
