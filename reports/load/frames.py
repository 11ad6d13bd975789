"""Results, choices of ρ and timings as tidy pandas frames."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from reports.load.base_schema import Schema
from reports.load.files import read_headers, read_result
from reports.load.schema import Evaluations, FailedResult, Machine, PlanEntry, Result
from reports.load.timing_schema import Milliseconds, Ratio, Shares, SweepPoint, Throughput, TimingRow
from reports.load.tuning_schema import Choice
from reports.load.variants import label_variants, name_terms

IDENTITY = ("suite", "task", "variant", "method", "seed", "rho", "preset", "terms", "status", "path")
"""The columns of a frame without rows."""


def load_frame(
    folder: Path,
    paths: Sequence[str] | None = None,
    *,
    by: Literal["cell", "episode"] = "cell",
    settings: bool = False,
) -> pd.DataFrame:
    """The results of a folder.

    Args:
        folder: of the results.
        paths: of the result files to keep, relative to the folder, in the order of the rows; None keeps all.
        by: one row for each `cell`, or for each `episode` of it (each β on a toy set).
        settings: whether each setting is a column, by its dotted name.

    Raises:
        ReportError: there are no results, or one is damaged.
    """
    wanted = list(read_headers(folder)) if paths is None else [folder / path for path in paths]
    rows = list_rows(folder, [read_result(path) for path in wanted], by=by, settings=settings)
    return make_frame(rows)


def make_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows of `list_rows` as a frame, which has columns without a row too."""
    return pd.DataFrame(rows, columns=None if rows else pd.Index(IDENTITY))


def list_rows(
    folder: Path,
    results: Sequence[Result | FailedResult],
    *,
    by: Literal["cell", "episode"] = "cell",
    settings: bool = False,
) -> list[dict[str, Any]]:
    """What a frame of results has in its rows, each with the columns that are its own; see `load_frame`."""
    labels = label_all_variants(results)
    return [
        {**cell, **row, **(result.config if settings else {})}
        for result in results
        for cell in [describe_cell(labels[result.path], result, folder)]
        for row in (list_episodes(result) if by == "episode" else [{}])
    ]


def label_all_variants(results: Sequence[Result | FailedResult]) -> dict[Path, str]:
    """The label of every result's method with its settings, told apart within a suite; a failed one's method."""
    done = [result for result in results if isinstance(result, Result)]
    labels = {result.path: result.method for result in results}
    for suite in {result.suite for result in done}:
        labels |= label_variants([result for result in done if result.suite == suite])
    return labels


def describe_cell(variant: str, result: Result | FailedResult, folder: Path | None = None) -> dict[str, Any]:
    """What identifies a result, its score, its data, and what it cost."""
    done = result if isinstance(result, Result) else None
    row = {
        "suite": result.suite,
        "task": result.task,
        "variant": variant,
        "method": result.method,
        "seed": result.seed,
        "rho": result.rho,
        "rho_source": result.rho_source,
        "preset": result.preset,
        "terms": name_terms(result.terms),
        "status": result.status,
        "metric": done.metric if done else None,
        "score": done.score if done else None,
        "episodes": len(done.episodes) if done else 0,
        "data_source": result.data.source,
        "data_name": result.data.name,
        "data_fingerprint": result.data.fingerprint,
        "train_seconds": result.seconds.train,
        "evaluate_seconds": result.seconds.evaluate,
        "tuning_episodes": result.tuning.episodes if result.tuning else None,
        "created": result.created,
    }
    if folder is not None:
        row["path"] = str(result.path.relative_to(folder))
    if done is not None:
        counts = {f"interventions_{n}": done.count_interventions(n) for n in sorted(done.interventions)}
        return {**row, "guided_rows": done.evaluations.guided_rows, **counts}
    assert isinstance(result, FailedResult)
    return {**row, "failed_step": result.failure.step, "failed_reason": result.failure.reason}


def list_episodes(result: Result | FailedResult) -> list[dict[str, Any]]:
    """The evaluation episodes of a result in their order, or its distances at each β; none of a failed one."""
    if isinstance(result, FailedResult):
        return []
    episodes = [
        {
            "episode": number,
            "reset_seed": episode.seed,
            "return": episode.episode_return,
            "length": episode.length,
            "normalized": episode.normalized,
            "success": episode.success,
        }
        for number, episode in enumerate(result.episodes)
    ]
    return episodes or [dict(density) for density in result.densities]


def make_choices_frame(choices: Iterable[Choice]) -> pd.DataFrame:
    """One row for each choice; `tried` are the scores by ρ, or by all values in words where knobs were tuned."""
    rows = [
        {
            "suite": choice.suite,
            "task": choice.task,
            "method": choice.method,
            "preset": choice.preset,
            "terms": name_terms(choice.terms),
            "data_source": choice.data.source,
            "rho": choice.rho,
            "knobs": dict(choice.knobs),
            "score": choice.score,
            "trials": choice.trials,
            "episodes": choice.episodes,
            "training_steps": choice.training_steps,
            "seconds": choice.seconds,
            "seeds": choice.seeds,
            "tried": {trial.describe() if trial.knobs else trial.rho: trial.score for trial in choice.tried},
        }
        for choice in choices
    ]
    return pd.DataFrame(rows)


def make_plan_frame(folder: Path, entries: Iterable[PlanEntry]) -> pd.DataFrame:
    """One row for each planned cell, with the path of its result in the folder and whether it is there."""
    names = ("suite", "task", "method", "rho", "seed", "path")
    rows = [
        {**{name: getattr(entry, name) for name in names}, "is_finished": (folder / entry.path).is_file()}
        for entry in entries
    ]
    return pd.DataFrame(rows)


def make_timing_frame(rows: Iterable[TimingRow]) -> pd.DataFrame:
    """One row for each measurement; milliseconds are of a call on the whole batch.

    Parts of what a row holds are columns such as `milliseconds_p5`; a median's has the plain name.
    """
    return pd.DataFrame([_flatten_timing(row) for row in rows])


_PARTS: Mapping[str, type[Schema]] = {
    "milliseconds": Milliseconds,
    "cpu_milliseconds": Milliseconds,
    "throughput": Throughput,
    "over_own_unguided": Ratio,
    "over_unguided_method": Ratio,
    "shares": Shares,
    "evaluations": Evaluations,
    "machine": Machine,
    "sweep": SweepPoint,
}


def _flatten_timing(row: TimingRow) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in dict(row).items():
        if name not in _PARTS:
            flat[name] = name_terms(value) if name == "terms" else value
            continue
        for part in _PARTS[name].model_fields:
            column = name if part == "median" else f"{name}_{part}"
            flat[column] = None if value is None else getattr(value, part)
    return flat
