"""Enters an evaluation into the ledger."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.config.request import Request
from bench.runner.blocks import REPORT, Evaluation
from bench.runner.choose_rho import hash_policy
from bench.runner.evaluate import Outcome
from bench.runner.plan import PlannedCell
from bench.runner.unfinished import Unfinished
from bench.storage.ledger import Ledger
from reports.load.schema import Data
from reports.load.tuning_schema import LedgerEntry


@dataclass(frozen=True)
class Evaluated:
    """An evaluation of one seed with what it gave.

    Attributes:
        evaluation, outcome: both.
        seconds: that it took.
    """

    evaluation: Evaluation
    outcome: Outcome
    seconds: float


def share_seconds(
    evaluations: Sequence[Evaluation], outcomes: Sequence[Outcome], seconds: float
) -> list[Evaluated]:
    """Evaluations that were made together, each with its seconds.

    Args:
        evaluations, outcomes: of each.
        seconds: that they took now, which are shared by their actions; what was done before is added.
    """
    done = [each.done if each.done is not None else Unfinished() for each in evaluations]
    actions = [outcome.actions - each.known for each, outcome in zip(done, outcomes, strict=True)]
    shares = [made / sum(actions) if sum(actions) else 1 / len(actions) for made in actions]
    return [
        Evaluated(evaluation, outcome, each.seconds + seconds * share)
        for evaluation, outcome, each, share in zip(evaluations, outcomes, done, shares, strict=True)
    ]


def record_evaluation(
    request: Request[Any],
    planned: PlannedCell,
    data: Data,
    evaluated: Sequence[Evaluated],
    trial: tuple[str, int] | None = None,
) -> None:
    """Enter an evaluation of one method at one ρ for some seeds; before its result is written or a trial told.

    Args:
        request: with the folders.
        planned: one of the cells that were evaluated together.
        data: that they were trained on.
        evaluated: what was evaluated, equal but for the seed, each with its outcome and seconds.
        trial: of tuning, the study's name and the trial's number.

    Raises:
        UserError: a seed has been used meanwhile for the other of tuning and reporting; see `Ledger.record`.
    """
    cell, evaluation = planned.cell, evaluated[0].evaluation
    entry = LedgerEntry(
        previous="",
        kind="reported" if evaluation.purpose == REPORT else "tuning",
        suite=cell.task.suite,
        task=cell.task.name,
        method=cell.name,
        preset=cell.preset,
        terms=cell.terms,
        data=data.identity,
        policy=hash_policy(cell.method, cell.name, cell.config, planned.components),
        settings=cell.settings(),
        rho=None if cell.rho is None else evaluation.rho,
        seeds=tuple(each.evaluation.seed for each in evaluated),
        first_episode=min(evaluation.episodes),
        episodes=len(evaluation.episodes),
        purpose=evaluation.purpose,
        study=trial[0] if trial is not None else None,
        trial=trial[1] if trial is not None else None,
        values=tuple(each.outcome.scores for each in evaluated),
        seconds=sum(each.seconds for each in evaluated),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    Ledger(request.artifacts, request.results).record(entry)
