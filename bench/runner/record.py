"""Enters an evaluation into the ledger."""

import datetime
from collections.abc import Sequence
from typing import Any

from bench.config.request import Request
from bench.runner.blocks import REPORT, Evaluation
from bench.runner.choose_rho import hash_policy
from bench.runner.evaluate import Outcome
from bench.runner.plan import PlannedCell
from bench.storage.ledger import Ledger
from reports.load.schema import Data, LedgerEntry


def record_evaluation(
    request: Request[Any],
    planned: PlannedCell,
    data: Data,
    evaluations: Sequence[Evaluation],
    outcomes: Sequence[Outcome],
) -> None:
    """Enter an evaluation of one method at one ρ for some seeds; before its result is written or a trial told.

    Args:
        request: with the folders.
        planned: one of the cells that were evaluated together.
        data: that they were trained on.
        evaluations: what was evaluated, equal but for the seed.
        outcomes: one for each of them.

    Raises:
        UserError: a seed has been used meanwhile for the other of tuning and reporting; see `Ledger.record`.
    """
    cell, evaluation = planned.cell, evaluations[0]
    labels = {name: node.label for name, node in planned.models.items()}
    entry = LedgerEntry(
        previous="",
        kind="reported" if evaluation.purpose == REPORT else "tuning",
        suite=cell.task.suite,
        task=cell.task.name,
        method=cell.name,
        preset=cell.preset,
        terms=cell.terms,
        data=data.identity,
        policy=hash_policy(cell.method, cell.name, cell.config, labels),
        settings=cell.settings(),
        rho=None if cell.rho is None else evaluation.rho,
        seeds=tuple(each.seed for each in evaluations),
        first_episode=min(evaluation.episodes),
        episodes=len(evaluation.episodes),
        purpose=evaluation.purpose,
        scores=tuple(outcome.score for outcome in outcomes),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    Ledger(request.artifacts, request.results).record(entry)
