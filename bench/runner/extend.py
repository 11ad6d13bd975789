"""Episodes are added to a finished result: those it has are kept and only the rest are rolled.

An episode depends on its seed and number alone (see `bench.runner.blocks`), on one processor and one set of
package versions bit for bit, so a result of 60 episodes is the same whether 10 of them were there before or not.
"""

from dataclasses import replace
from pathlib import Path

import torch

from bench.config.request import resolve_episodes
from bench.runner.blocks import REPORT, reset_seed
from bench.runner.counting import add_counts
from bench.runner.evaluate import Outcome
from bench.runner.machine import describe_machine
from bench.runner.plan import PlannedCell, label_cell
from bench.runner.result import read_versions
from bench.runner.trajectories import read_kept
from bench.storage.results import ResultStore
from reports.errors import ReportError
from reports.load.files import read_finished
from reports.load.schema import Episode, Result
from suites.task import ControlTask


def find_earlier(planned: PlannedCell, results: ResultStore, device: torch.device) -> Result | None:
    """The longest result of this cell with fewer episodes and all else equal; None if there is none."""
    cell = planned.cell
    if not isinstance(cell.task, ControlTask):
        return None
    wanted, found = resolve_episodes(cell.task, cell.config), list[Result]()
    for path in results.files(cell.task.name, cell.name, cell.seed):
        result = _read_whole(path)
        if (
            result is not None
            and len(result.episodes) < wanted
            and _is_same_but_for_episodes(result, path.parent.name, planned, device)
        ):
            found.append(result)
    return max(found, key=lambda result: len(result.episodes), default=None)


def _read_whole(path: Path) -> Result | None:
    """A result; None for a failed one, and for a damaged one, which has no episodes to keep."""
    try:
        result = read_finished(path)
    except ReportError:
        return None
    return result if isinstance(result, Result) else None


def _is_same_but_for_episodes(result: Result, label: str, planned: PlannedCell, device: torch.device) -> bool:
    """Whether the label is this cell's at that number of episodes, and the episodes would be computed as here."""
    cell = planned.cell
    evaluation = replace(cell.config.evaluation, episodes=result.config.get("evaluation.episodes"))
    shorter = replace(planned, cell=replace(cell, config=replace(cell.config, evaluation=evaluation)))
    return (
        label_cell(shorter) == label
        and result.versions == read_versions()
        and result.machine == describe_machine(device)
        and [episode.seed for episode in result.episodes]
        == [reset_seed(result.task, result.seed, number, REPORT) for number in range(len(result.episodes))]
    )


def join(earlier: Result, added: Outcome) -> Outcome:
    """The episodes, trajectories and counts of both, those of the earlier result first."""
    episodes: tuple[Episode, ...] = (*earlier.episodes, *added.episodes)
    scores = tuple(episode.normalized for episode in episodes)
    spent = earlier.evaluations.model_dump(exclude={"candidates"}, exclude_none=True)
    counts = add_counts([{"interventions": earlier.interventions, "evaluations": spent}, added.counts])
    trajectories = {**read_kept(earlier), **added.trajectories}
    return Outcome(scores, episodes=episodes, trajectories=trajectories, counts=counts)
