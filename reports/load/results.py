"""A result file is checked once, when it is read: nothing after this module meets a missing field."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.errors import ReportError
from reports.load.records import Record, read_record

FORMAT = "1"
HIGHER_IS_BETTER = "normalized_score"
LOWER_IS_BETTER = "sliced_wasserstein"


@dataclass(frozen=True)
class Density:
    """Distance of a method's samples to the exact target at one β, and of two target samples (the floor)."""

    inverse_temperature: float
    distance: float
    floor: float
    samples: int


@dataclass(frozen=True)
class Data:
    """What a task was learned from."""

    source: str
    name: str
    fingerprint: str
    transitions: int


@dataclass(frozen=True)
class Tuning:
    """What choosing ρ spent on this task and method."""

    episodes: int
    trials: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """One result file: a task, a method with its settings, and a seed.

    Attributes:
        metric: `normalized_score` (higher is better) or `sliced_wasserstein` (lower is better).
        score: in the metric's unit; normalised scores are in D4RL's percent.
        episodes: evaluation episodes behind the score (0 for a density).
        config: the full spec, flat and dotted.
        train_seconds, evaluate_seconds: wall seconds.
        samples_file: the file of sample points, or None.
    """

    path: Path
    suite: str
    task: str
    method: str
    title: str
    seed: int
    rho: float | None
    rho_source: str | None
    preset: str
    terms: str
    metric: str
    score: float
    episodes: int
    densities: tuple[Density, ...]
    samples_file: Path | None
    data: Data
    config: Mapping[str, Any]
    tuning: Tuning | None
    repairs: Mapping[str, int]
    train_seconds: float
    evaluate_seconds: float
    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    created: str


def _density(record: Record) -> Density:
    return Density(
        record.number("inverse_temperature"),
        record.number("distance"),
        record.number("floor"),
        record.integer("samples"),
    )


def data_of(record: Record) -> Data:
    """The `data` of a result, or of a choice of ρ."""
    return Data(
        record.text("source"), record.text("name"), record.text("fingerprint"), record.integer("transitions")
    )


def _tuning(record: Record) -> Tuning | None:
    # A method without a guidance scale was never tuned, and older writers leave the field out.
    if record.values.get("tuning") is None:
        return None
    inner = record.within("tuning")
    return Tuning(inner.integer("episodes"), inner.integer("trials"))


def _samples_file(record: Record) -> Path | None:
    name = record.values.get("samples_file")
    return None if name is None else record.path.parent / record.text("samples_file")


def result_of(record: Record) -> Result:
    """One result file's record as a `Result`.

    Raises:
        ReportError: another format, or a field that is missing, of another type or not finite.
    """
    if record.integer("format") != int(FORMAT):
        raise record.error(f"has format {record.values['format']!r}, this version reads {FORMAT}")
    metric = record.text("metric")
    if metric not in (HIGHER_IS_BETTER, LOWER_IS_BETTER):
        raise record.error(f"has the metric {metric!r}, not {HIGHER_IS_BETTER} or {LOWER_IS_BETTER}")
    control = metric == HIGHER_IS_BETTER
    if not record.each("episodes" if control else "densities"):
        raise record.error("rests on no episodes" if control else "rests on no densities")
    repairs, seconds = record.within("repairs"), record.within("seconds")
    versions = record.within("versions")
    return Result(
        path=record.path,
        suite=record.text("suite"),
        task=record.text("task"),
        method=record.text("method"),
        title=record.text("title"),
        seed=record.integer("seed"),
        rho=record.optional_number("rho"),
        rho_source=record.optional_text("rho_source"),
        preset=record.text("preset"),
        terms=record.text("terms"),
        metric=metric,
        score=record.number("score"),
        episodes=len(record.each("episodes")) if control else 0,
        densities=() if control else tuple(_density(inner) for inner in record.each("densities")),
        samples_file=_samples_file(record),
        data=data_of(record.within("data")),
        config=record.mapping("config"),
        tuning=_tuning(record),
        repairs={name: repairs.integer(name) for name in repairs.values},
        train_seconds=seconds.number("train"),
        evaluate_seconds=seconds.number("evaluate"),
        versions={name: versions.text(name) for name in versions.values},
        machine=record.mapping("machine"),
        created=record.text("created"),
    )


def read_records(results: Path) -> tuple[Record, ...]:
    """Every result file under a results folder, in the order of their paths, its fields still unchecked.

    Raises:
        ReportError: no such folder, a folder of another version, no results in it, or a file that is not JSON.
    """
    if not results.is_dir():
        raise ReportError(
            f"there is no results folder at {results}: run `python -m bench run` first, or name the folder "
            f"with `--results`."
        )
    stamp = results / "FORMAT"
    found = stamp.read_text(encoding="utf-8").strip() if stamp.is_file() else None
    if found != FORMAT:
        said = "has no FORMAT file" if found is None else f"has format {found!r}"
        raise ReportError(
            f"results folder from another version: {results} {said}, this version reads {FORMAT}; name another "
            f"folder with `--results`, or run `python -m bench run` into a new one."
        )
    read = tuple(read_record(path) for path in sorted((results / "runs").glob("*/*/seed-*.json")))
    if not read:
        raise ReportError(f"the results folder {results} holds no results: run `python -m bench run` first.")
    return read
