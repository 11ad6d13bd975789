"""`--protocol`: gives a comparison the seeds and episodes that a protocol asks for, and refuses fewer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from bench.config.request import Job, resolve_episodes
from bench.config.spec import join_items
from bench.config.values import Seeds, read_seeds
from foundation.errors import UserError, unknown_name
from reports.analysis.protocol import PROTOCOLS, Protocol
from suites.task import ControlTask

SEEDS = 3
"""Training seeds where neither the user nor a protocol says how many."""


def find_protocol(name: str | None) -> Protocol | None:
    """The protocol of that name; None without one.

    Raises:
        UnknownName: no protocol has the name; near names are suggested.
    """
    if name is not None and name not in PROTOCOLS:
        raise unknown_name("protocol", str(name), PROTOCOLS)
    return None if name is None else PROTOCOLS[name]


def choose_seeds(given: Seeds | None, protocol: Protocol | None) -> tuple[int, ...]:
    """The training seeds: those given, else the protocol's number, else 3.

    Raises:
        UserError: seeds that do not parse, or fewer than the protocol's.
    """
    if given is None:
        return tuple(range(protocol.seeds if protocol is not None else SEEDS))
    seeds = read_seeds(given)
    if protocol is not None and len(seeds) < protocol.seeds:
        raise UserError(
            f"protocol {protocol.name} asks for {protocol.seeds} seeds or more, and {join_items(seeds)} are "
            f"{len(seeds)}; leave --seeds out for 0 to {protocol.seeds - 1}, or leave out --protocol."
        )
    return seeds


def with_episodes(job: Job, protocol: Protocol, least: int, settings: Mapping[str, Any]) -> Job:
    """The job with at least the protocol's episodes, on a task with a simulator.

    Args:
        job: one of the comparison's.
        protocol: of it.
        least: its episodes.
        settings: that the user gave, by dotted name.

    Raises:
        UserError: the user asks for fewer episodes.
    """
    if not isinstance(job.task, ControlTask):
        return job
    own, asked = resolve_episodes(job.task, job.config), settings.get("evaluation.episodes")
    if asked is not None and asked < least:
        raise UserError(
            f"protocol {protocol.name} asks for {least} episodes or more, not evaluation.episodes="
            f"{asked}; leave it out, or leave out --protocol."
        )
    evaluation = replace(job.config.evaluation, episodes=max(least, own))
    return replace(job, config=replace(job.config, evaluation=evaluation))


def refuse_fixed_scales(protocol: Protocol, given: Mapping[str, Any]) -> None:
    """Refuse what sets ρ otherwise than by tuning.

    Raises:
        UserError: `rho` or an experiment is given.
    """
    for name in ("rho", "experiment"):
        if given.get(name) is not None:
            raise UserError(
                f"protocol {protocol.name} compares tuned methods, and {name}={given[name]} names their scales; "
                "leave out one of the two."
            )


def choose_sampler(search: Literal["auto", "grid", "tpe"], protocol: Protocol | None) -> Literal["grid", "tpe"]:
    """How scales are proposed: as asked for, else `tpe` with a protocol and `grid` without one."""
    if search != "auto":
        return search
    return "grid" if protocol is None else "tpe"


def refuse_other_search(protocol: Protocol, search: str, grid: Sequence[float], trials: int) -> None:
    """Refuse a search that does not give every method the protocol's number of trials.

    Raises:
        UserError: a grid, or fewer trials.
    """
    if grid or search == "grid" or trials < protocol.trials:
        given = "search=grid" if search == "grid" else f"trials={trials}"
        given = f"grid={join_items(f'{rho:g}' for rho in grid)}" if grid else given
        raise UserError(
            f"protocol {protocol.name} tunes every method with {protocol.trials} trials of tpe or more, not with "
            f"{given}; leave it out, or leave out --protocol."
        )
