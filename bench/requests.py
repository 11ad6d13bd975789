"""What a call of `run`, `tune_rho`, `tune` or `time` asks for, from its arguments."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bench.config.check_settings import check_arguments, check_bounds
from bench.config.comparison import Comparison, find_jobs
from bench.config.protocol import choose_seeds, find_protocol, refuse_fixed_scales, with_episodes
from bench.config.request import DetailsT, Request, RunDetails
from bench.config.sources import resolve_sources
from bench.config.typed import format_command, format_options
from bench.config.values import read_names, read_path, read_paths, read_settings
from bench.plugins import find_files, load_plugins
from bench.runner.device import prepare_device
from bench.runner.loggers import find_logger


def make_comparison(function: Callable[..., Any], given: Mapping[str, Any]) -> Comparison:
    """What a function compares, its plug-ins loaded; see `make_request`."""
    check_arguments(function, given)
    load_plugins(read_paths("plugin", given["plugin"]))
    return Comparison(
        suite=given["suite"],
        experiment=given.get("experiment"),
        tasks=read_names("tasks", given["tasks"]),
        methods=read_names("methods", given["methods"]),
        preset=given["preset"],
        terms=given["terms"],
        settings=name_precisions(given.get("precision"))
        | read_settings(given["settings"], function.__kwdefaults__ or ()),
        takes_experiments="experiment" in given,
    )


def name_precisions(precision: str | None) -> dict[str, Any]:
    """The settings that one precision for all training stands for, not sampling's; none where it is not given."""
    groups = ("critic", "denoiser", "guidance_net") if precision is not None else ()
    return {f"{group}.precision": precision for group in groups}


def make_request(
    function: Callable[..., Any], given: Mapping[str, Any], details: Callable[[], DetailsT]
) -> Request[DetailsT]:
    """What a function was asked to do.

    Args:
        function: one of `run`, `tune_rho`, `tune` and `time`.
        given: its arguments by name.
        details: makes what is particular to it.

    Raises:
        UserError: a name that does not exist, a value that cannot work, or data that are missing.
    """
    given = {name: value.item() if isinstance(value, np.generic) else value for name, value in given.items()}
    comparison = make_comparison(function, given)
    particular, protocol = details(), find_protocol(given.get("protocol"))
    check_bounds(particular)
    jobs = find_jobs(comparison)
    if protocol is not None:
        refuse_fixed_scales(protocol, given)
        least = protocol.episodes if isinstance(particular, RunDetails) else protocol.tuning_episodes
        jobs = tuple(with_episodes(job, protocol, least, comparison.settings) for job in jobs)
    plugins, methods = read_paths("plugin", given["plugin"]), [name for job in jobs for name in job.methods]
    artifacts = read_path("artifacts", given.get("artifacts", "artifacts"))
    return Request(
        jobs=jobs,
        seeds=choose_seeds(given.get("seeds", [0]), protocol if isinstance(particular, RunDetails) else None),
        preset=given["preset"],
        sources=resolve_sources(jobs, given["data"], artifacts) if "data" in given else {},
        device=prepare_device(given["device"], given["threads"]),
        results=read_path("results", given["results"]),
        artifacts=artifacts,
        details=particular,
        processes=given.get("processes"),
        threads=given["threads"] or 1,
        plugins=(*plugins, *find_files(methods, [job.task.suite for job in jobs])),
        experiment=given.get("experiment"),
        protocol=protocol,
        typed=format_options(function, given, comparison.settings),
        command=format_command(function, given, comparison.settings),
        logger=find_logger(given.get("logger", "none")),
    )
