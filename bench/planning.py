"""The Python interface of `plan`: shows a comparison before it is run, and freezes it as a preregistration."""

from typing import TYPE_CHECKING, Any, Literal

from bench.api import Device
from bench.config.check_settings import check_value
from bench.config.request import RunDetails
from bench.config.spec import join_items
from bench.config.values import FilePath, Names, Numbers, Paths, Seeds, read_names, read_numbers, read_path
from bench.progress import ProgressConsole
from bench.requests import make_request
from bench.runner.loggers import LoggerName
from foundation.bounds import Count, NonNegative
from foundation.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


def plan(  # noqa: PLR0913 (the options of a command)
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
    precision: Literal["fp32", "bf16"] | None = None,
    logger: LoggerName = "none",
    plugin: Paths = (),
    freeze: FilePath | None = None,
    primary: Names = None,
    progress: bool = True,
    **settings: Any,
) -> "pd.DataFrame":
    """What `run` with the same options would do; nothing is trained or evaluated, but missing data are made.

    Args:
        suite, tasks, methods, preset, terms, protocol, seeds, rho, experiment, retry_failed, data: see `run`.
        results, artifacts, device, threads, processes, precision, logger, plugin, progress, **settings: see `run`.
        freeze: file for the frozen plan, of which the results folder gets a copy: methods with their settings,
            rule for ρ, seeds, episodes, data and the primary comparison, with a hash. `report` names what the
            results have otherwise.
        primary: the two methods whose difference is the primary comparison of the frozen plan.

    Returns:
        One row for each planned cell: suite, task, method, rho, seed, path of its result, is_finished.

    Raises:
        UserError: a name that does not exist, a value that cannot work, a plan of which something was evaluated,
            or another frozen plan in the file or the folder.
    """
    from bench.runner.freeze import Freezing
    from bench.runner.freeze import plan as execute
    from bench.storage.results import ResultStore
    from reports.load.frames import make_plan_frame

    scales = read_numbers("rho", rho, float)
    check_value("rho", scales, tuple[NonNegative, ...])
    request = make_request(plan, locals(), lambda: RunDetails(scales, retry_failed))
    pair = read_primary(primary)
    if pair is not None and freeze is None:
        raise UserError("primary names the main comparison of a frozen plan; name a file for it with freeze too.")
    freezing = Freezing(read_path("freeze", freeze), pair) if freeze is not None else None
    plans = execute(request, freezing, ProgressConsole(quiet=not progress))
    store = ResultStore(request.results)
    return make_plan_frame(request.results, [cell.entry(store) for each in plans for cell in each.cells])


def read_primary(value: Names) -> tuple[str, str] | None:
    """The two methods of a primary comparison.

    Raises:
        UserError: not two different names.
    """
    names = read_names("primary", value)
    if names is None:
        return None
    if len(names) != 2:
        raise UserError(f"primary {join_items(names)!r} must be two different methods, as in swg,cep.")
    return names[0], names[1]
