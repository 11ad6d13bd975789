"""A small finished comparison of a toy set, whose files parts of the study edit."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from bench.storage.manifest import record_experiment
from reports.load.plans import read_plans
from reports.load.schema import ExperimentEntry

from . import compare
from .scenes import MAKE, RUN_TOY, TIMED, TUNE, describe_report, do, places


@dataclass(frozen=True)
class Finished:
    """The comparison.

    Attributes:
        folder: with results and artifacts.
        report: what its report is.
    """

    folder: Path
    report: compare.Described

    def line(self, command: str, folder: Path) -> tuple[object, ...]:
        """The command line of `run`, `report` or `tune-rho` for a copy."""
        words = {"run": RUN_TOY, "report": ("report",), "tune-rho": TUNE}[command]
        return (*words, *(places(folder)[:2] if command == "report" else places(folder)))


def enter_experiment(results: Path) -> None:
    """Note the cells of the newest plan as those of a published table."""
    made = {"experiment": "swg-table8", "table": "SWG Table 8", "row": "rho=1"}
    cells = [ExperimentEntry.model_validate({**dict(cell), **made}) for cell in read_plans(results).newest]
    record_experiment(cells, results)


def prepare_finished(scratch: Path) -> Finished:
    """Tune on a maze, run a toy set, time, and report."""
    folder = scratch / "finished"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    both = places(folder)
    do((*MAKE, *both[2:]), scratch)
    do((*TUNE, *both), scratch)
    do((*RUN_TOY, *both), scratch)
    do((*TIMED, *both[:2]), scratch)
    enter_experiment(folder / "results")
    do(("report", *both[:2]), scratch)
    return Finished(folder, describe_report(folder))
