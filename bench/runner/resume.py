"""Where an evaluation keeps what is done of it, and what of it was done before a run was stopped or killed."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from bench.config.request import Request
from bench.progress import ProgressConsole
from bench.runner.blocks import REPORT, Evaluation
from bench.runner.machine import describe_machine
from bench.runner.nodes import KEY_LENGTH
from bench.runner.plan import PlannedCell, label_cell
from bench.runner.result import read_versions
from bench.runner.unfinished import Unfinished
from bench.storage.components import hash_json
from bench.storage.results import ResultStore
from bench.storage.unfinished import UNFINISHED, UnfinishedError, UnfinishedFile


def resume_evaluation(
    planned: PlannedCell,
    episodes: range,
    purpose: str,
    request: Request[Any],
    console: ProgressConsole,
) -> Unfinished:
    """What is done of the evaluation of a cell; what cannot be gone on from is said, and forgotten.

    Args:
        planned: the cell.
        episodes, purpose: see `Evaluation`.
        request: with the folders, and the device: what another kind of device computed has other digits.
        console: for what is said.
    """
    file = locate(planned, purpose, ResultStore(request.results), request.device)
    where = f"{planned.cell.task.name} {planned.cell.name} seed {planned.cell.seed}"
    try:
        done = Unfinished.read(file, episodes)
    except UnfinishedError as error:
        console.say(f"  {where}: {str(file.path)!r} {error}; the evaluation begins at its start")
        file.remove()
        return Unfinished(file)
    if len(done):
        what = "finished episodes" if done.episodes else "blocks of samples"
        console.say(f"  {where}: goes on after {len(done)} {what}")
    return done


@contextlib.contextmanager
def keep_unfinished(evaluations: Sequence[Evaluation]) -> Iterator[None]:
    """Where the block ends early, keep what is done of the evaluations that are not forgotten by then.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    try:
        yield
    finally:
        for evaluation in evaluations:
            if evaluation.done is not None:
                evaluation.done.save()


def forget(evaluation: Evaluation) -> None:
    """Remove what is kept of an evaluation whose result is written."""
    if evaluation.done is not None:
        evaluation.done.remove()


def locate(planned: PlannedCell, purpose: str, results: ResultStore, device: torch.device) -> UnfinishedFile:
    """Where a cell keeps what is done of it: beside its result, or in the folder of the tuning."""
    cell = planned.cell
    of = {
        "cell": label_cell(planned),
        "seed": cell.seed,
        "rho": cell.rho,
        "purpose": purpose,
        "versions": read_versions(),
        "machine": describe_machine(device).model_dump(),
    }
    of = json.loads(json.dumps(of))  # as a file gives it back
    if purpose == REPORT:
        return UnfinishedFile(planned.file(results).with_name(f"{UNFINISHED}seed-{cell.seed}.state"), of)
    return UnfinishedFile(results.root / "tuning" / f"{UNFINISHED}{hash_json(of)[:KEY_LENGTH]}.state", of)
