"""Groups of a leaderboard's rows: what scores that stand together have in common, and their variants' labels."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.analysis.equal_terms import CONTROLLED, INVERSE_TEMPERATURES
from reports.load.schema import Cell, Result
from reports.load.variants import format_setting, label_variants, name_terms, strip_rho

POINTS = "normalised score"
NO_SCALE = "no ρ, not tuned"
SIMULATORS = ("mujoco", "gymnasium", "gymnasium-robotics")
_TRACKS = {"preset": "published", None: "unknown"}
_NOT_SHARED = ("evaluation.episodes", INVERSE_TEMPERATURES)
_LETTERS = 8


@dataclass(frozen=True, order=True)
class Group:
    """What all rows that stand together have in common.

    Attributes:
        suite: the task group.
        tasks: the task, or those that a score is the mean over.
        unit: what a score is: a normalised score, or a multiple of the noise floor at one β.
        source: label of the data, such as `local`.
        data: the data set; of several tasks, a hash of all of theirs.
        terms: `controlled` or `as published`.
        preset: of sizes and settings.
        shared: hash of the settings that controlled results have in common, of several tasks with different ones a
            hash of these; empty as published.
        track: how ρ, or a method's own settings, were chosen.
        versions: of the simulator.
    """

    suite: str
    tasks: tuple[str, ...]
    unit: str
    source: str
    data: str
    terms: str
    preset: str
    shared: str
    track: str
    versions: str

    @property
    def is_points(self) -> bool:
        """Whether a higher score is better."""
        return self.unit == POINTS


def name_multiple(beta: float) -> str:
    """The unit of a density's score at one β."""
    return f"multiple of the noise floor at β = {beta:g}"


def name_track(cell: Cell) -> str:
    """How ρ and the method's own settings were chosen: `tuned`, `published`, `default`, `given`, `exact`."""
    if cell.rho is None:
        return "tuned" if cell.tuning is not None else NO_SCALE
    track = _TRACKS.get(cell.rho_source, cell.rho_source or "unknown")
    has_knobs = cell.tuning is not None and bool(cell.tuning.knobs)
    return f"{track} ρ, other settings tuned" if has_knobs and track != "tuned" else track


def label_rows(cells: Sequence[Cell]) -> dict[Path, str]:
    """The variant of every result of a site by its path: the method, with the settings that set it apart.

    What was tuned, and the number of episodes, sets none apart. Those of other groups are labelled by themselves.

    Args:
        cells: the results of all runs, failed ones too.
    """
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        key = (cell.suite, cell.data.label, cell.terms, cell.preset, hash_shared(cell), name_track(cell))
        knobs = cell.tuning.knobs if cell.tuning is not None else ()
        chosen = {*_NOT_SHARED, *(f"{cell.method}.{knob}" for knob in knobs)}
        config = {name: value for name, value in cell.config.items() if name not in chosen}
        groups.setdefault(key, []).append(cell.model_copy(update={"config": config}))
    labels: dict[Path, str] = {}
    for group in groups.values():
        labels |= {path: strip_rho(label) for path, label in label_variants(group).items()}
    return labels


def describe_processor(result: Result) -> str:
    """The processor that a result was evaluated on, with the device where it is no CPU."""
    return result.machine.processor + ("" if result.machine.device == "cpu" else f" ({result.machine.device})")


def group_results(results: Sequence[Result], unit: str, track: str) -> Group:
    """Where the score of a variant stands.

    Args:
        results: one of each task that the score is of, see `find_difference`.
        unit: of the score.
        track: of all of them.
    """
    first = results[0]
    data = [describe_data_set(result) for result in results]
    shared = list(dict.fromkeys(map(hash_shared, results)))
    return Group(
        suite=first.suite,
        tasks=tuple(result.task for result in results),
        unit=unit,
        source=first.data.label,
        data=data[0] if len(data) == 1 else f"{len(data)} data sets, {_shorten_hash(data)}",
        terms=name_terms(first.terms),
        preset=first.preset,
        shared=shared[0] if len(shared) == 1 else _shorten_hash(shared),
        track=track,
        versions=describe_versions(first),
    )


def find_difference(groups: Sequence[Group]) -> str:
    """Why the scores of a variant's tasks have no mean here; empty where they have."""
    for name in ("source", "terms", "preset", "track", "versions"):
        values = sorted({getattr(group, name) for group in groups})
        if len(values) > 1:
            return f"its tasks differ in {name}: {' and '.join(values)}"
    return ""


def describe_versions(result: Result) -> str:
    """The versions of the simulator; of a density that it has none."""
    if result.densities:
        return "no simulator"
    return ", ".join(f"{name} {result.versions.get(name, 'unknown')}" for name in SIMULATORS)


def describe_data_set(result: Result) -> str:
    """The data set of a result by name, size and fingerprint; where each seed has its own, by name and size."""
    first = result.data
    size = f"{first.transitions:,} transitions"
    return f"{first.recipe}, {size}, " + ("one for each seed" if first.per_seed else first.fingerprint[:_LETTERS])


def hash_shared(cell: Cell) -> str:
    """Hash of the settings that a controlled result shares with those of other methods; empty as published."""
    if cell.terms != CONTROLLED:
        return ""
    settings = read_shared(cell)
    return _shorten_hash(f"{name}={settings[name]}" for name in sorted(settings))


def read_shared(cell: Cell) -> dict[str, str]:
    """The settings that are not the method's own, as text; the number of episodes and the β are none of them."""
    own = f"{cell.method}."
    names = (name for name in cell.config if not name.startswith(own) and name not in _NOT_SHARED)
    return {name: format_setting(cell.config[name]) for name in names}


@dataclass(frozen=True)
class SharedSettings:
    """The shared settings of controlled results, as far as others of the suite and preset have other ones.

    Attributes:
        suite, preset: theirs.
        hash: as in `Group`.
        values: setting to its value, `unset` where these results do not have it.
    """

    suite: str
    preset: str
    hash: str
    values: Mapping[str, str]


def list_shared(cells: Iterable[Cell]) -> list[SharedSettings]:
    """Every hash of shared settings where a suite and preset have several, with the settings that differ."""
    found: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for cell in cells:
        if cell.terms == CONTROLLED:
            found.setdefault((cell.suite, cell.preset), {})[hash_shared(cell)] = read_shared(cell)
    listed = []
    for (suite, preset), by_hash in sorted(found.items()):
        names = sorted({name for settings in by_hash.values() for name in settings})
        values = {name: [settings.get(name, "unset") for settings in by_hash.values()] for name in names}
        differing = [name for name in names if len(set(values[name])) > 1]
        if len(by_hash) > 1:
            listed += [
                SharedSettings(suite, preset, key, {name: settings.get(name, "unset") for name in differing})
                for key, settings in by_hash.items()
            ]
    return listed


def _shorten_hash(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_LETTERS]
