"""Write the results of a folder in one form, for other programs, and nothing else."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from foundation.errors import unknown_name
from foundation.text import clean_line, clean_value
from reports.analysis.equal_terms import check_terms
from reports.analysis.recorded import refuse_copied_seeds, refuse_unlike_records
from reports.errors import ReportError
from reports.load.files import read_headers, read_result
from reports.load.frames import list_rows
from reports.load.headers import ResultHeader
from reports.load.ledger import LEDGER, read_ledger
from reports.load.schema import FailedResult, Result
from reports.load.scores import SuiteScores, check_filters, load_scores
from reports.output import write_files
from reports.render.parquet import export_parquet
from reports.render.rliable import export_rliable

Form = Literal["rliable", "parquet", "json"]
RESULTS = "results.json"


def write_export(
    results: Path,
    out: Path,
    form: Form,
    *,
    tasks: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
) -> list[Path]:
    """Writes the results in one form.

    Args:
        results: the folder `bench run` wrote.
        out: the folder for the files, made if it is not there.
        form: `rliable` for a matrix of scores of each variant, `parquet` for the frames of cells and episodes,
            `json` for both in one document.
        tasks, methods: names to keep; nothing given keeps all.

    Returns:
        The written files.

    Raises:
        ReportError: another form, unreadable results, a name that is not there, or an `out` that is a file; of
            `rliable` also what a report refuses, such as a missing result, and results without scores.
    """
    if form not in get_args(Form):
        raise unknown_name("form", str(form), get_args(Form))
    if form == "rliable":
        return write_files(out, export_rliable(_load_checked(results, tasks, methods)))
    headers = read_headers(results)
    check_filters(tasks, methods, [(header.task, header.method) for header in headers.values()])
    found = read_kept(headers, tasks, methods)
    if not found:
        raise ReportError(f"no results in {results} match the tasks and methods asked for together.")
    if form == "parquet":
        return write_files(out, export_parquet(results, found))
    return write_files(out, {RESULTS: export_json(results, found).encode()})


def _load_checked(
    results: Path, tasks: Sequence[str] | None, methods: Sequence[str] | None
) -> tuple[SuiteScores, ...]:
    """The complete scores of every suite, with what a report refuses refused."""
    suites, ledger = load_scores(results, tasks=tasks, methods=methods), read_ledger(results / LEDGER)
    for scores in suites:
        check_terms(scores)
        refuse_copied_seeds(scores.results())
        refuse_unlike_records(scores.results(), ledger)
    return suites


def read_kept(
    headers: Mapping[Path, ResultHeader], tasks: Sequence[str] | None, methods: Sequence[str] | None
) -> list[Result | FailedResult]:
    """The results of a folder that are asked for, by what was read of each."""
    return [
        read_result(path)
        for path, header in headers.items()
        if (tasks is None or header.task in tasks) and (methods is None or header.method in methods)
    ]


def export_json(folder: Path, results: Sequence[Result | FailedResult]) -> str:
    """`cells` and `episodes`, each a list of objects with their own columns; what is no finite number is null."""
    document = {
        "cells": [_clean_row(row) for row in list_rows(folder, results)],
        "episodes": [_clean_row(row) for row in list_rows(folder, results, by="episode")],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _clean_row(row: Mapping[str, Any]) -> dict[str, object]:
    return {
        clean_line(name): None if isinstance(value, float) and not math.isfinite(value) else clean_value(value)
        for name, value in row.items()
    }
