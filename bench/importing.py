"""The Python interface of `import-checkpoint`: networks that the authors' code trained, to be evaluated here."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench.config.check_settings import check_value
from bench.config.comparison import Comparison, find_jobs
from bench.config.request import Job
from bench.config.sources import resolve_sources
from bench.config.values import FilePath, Names, Paths, read_names, read_path
from bench.progress import ProgressConsole
from bench.requests import make_comparison
from foundation.errors import UserError, unknown_name
from foundation.names import ImportName
from foundation.stopping import handle_signals

if TYPE_CHECKING:
    import pandas as pd

    from bench.runner.import_checkpoint import Source

_ANY_SEED = range(2**63)


def import_checkpoint(  # noqa: PLR0913 (the options of a command)
    layout: Literal["swg-jax", "idql"],
    *,
    name: str,
    suite: str | None = None,
    tasks: Names = None,
    methods: Names = None,
    denoiser_file: FilePath | None = None,
    critic_file: FilePath | None = None,
    value_file: FilePath | None = None,
    seed: int = 0,
    preset: str = "official",
    terms: str = "as-published",
    data: str = "auto",
    artifacts: FilePath = "artifacts",
    plugin: Paths = (),
    progress: bool = True,
    **settings: Any,
) -> "pd.DataFrame":
    """Put networks that the authors' code trained into the artifacts, as components that `run` evaluates.

    `run` takes them where `denoiser.imported` or `critic.imported` is the name, with the same task, data, preset,
    terms and settings. They have keys of their own, and what they were trained on is not known here.

    Args:
        layout: whose code: `swg-jax` or `idql`.
        name: of the import, the same for all its seeds.
        suite, tasks: the task that they were trained on.
        methods: the one whose denoiser it becomes; `swg` or `idql`, as the layout says, if left out.
        denoiser_file: the noise network's parameters, an `.npz` with the paths of flax's tree as names.
        critic_file: the same of twin Q; its target networks, which the authors' code saves and evaluates with.
        value_file: the same of V; a critic's two files come together.
        seed: that they have in `run`.
        preset, terms, data, artifacts, plugin, **settings: as of `run`.
        progress: print what was imported.

    Returns:
        One row for each component: its label, seed, path, whether it is new, and what it does on the data.

    Raises:
        UserError: a file that is no such network or not of this task, or other weights of that name and seed.
    """
    given = dict(locals())
    import pandas as pd

    from bench.runner.data import load_data
    from bench.runner.import_checkpoint import import_components
    from bench.storage.components import ComponentStore

    source = read_source(given)
    asked = {f"{part}.imported": name for part in ("denoiser", "critic") if given[f"{part}_file"] is not None}
    comparison = make_comparison(import_checkpoint, given | {"methods": (source.method,)})
    job = find_job(dataclasses.replace(comparison, settings={**comparison.settings, **asked}))
    place, console = read_path("artifacts", artifacts), ProgressConsole(quiet=not progress)
    where = resolve_sources([job], data, place)[job.task.name]
    with handle_signals():
        with console.show_bar(f"{job.task.name} data") as told:
            loaded = load_data(job.task, job.config, where, place, seed, told)
        made = import_components(source, job, loaded, seed, ComponentStore(place), console.say)
    for each in made:
        state = "imported" if each.is_new else "already there"
        console.say(f"{each.label}, seed {seed}: {state}; {each.said}")
    flags = " ".join(["--preset", preset, "--terms", terms, *(f"--{setting} {name}" for setting in asked)])
    console.say(f"Evaluate by `run` with the same task, data and settings, and {flags}")
    return pd.DataFrame(
        {"component": e.label, "seed": seed, "path": str(e.file), "is_new": e.is_new, "said": e.said} for e in made
    )


def read_source(given: Mapping[str, Any]) -> "Source":
    """What is imported, of the arguments of `import_checkpoint`.

    Raises:
        UserError: an argument that cannot be, or lacks.
    """
    from bench.runner.import_checkpoint import LAYOUTS, Source

    layout, seed = given["layout"], given["seed"]
    if layout not in LAYOUTS:
        raise unknown_name("layout", str(layout), LAYOUTS)
    check_value("name", given["name"], ImportName)
    names = read_names("methods", given["methods"]) or (LAYOUTS[layout].method,)
    if len(names) != 1:
        raise UserError(f"an import is of one method, and {', '.join(names)} are named; name one with --methods.")
    if seed not in _ANY_SEED:
        raise UserError(f"seed {seed} must be a whole number from 0 on.")
    files = [read_file(key, given[key]) for key in ("denoiser_file", "critic_file", "value_file")]
    refuse_lacking(*files)
    return Source(given["name"], layout, names[0], *files)


def find_job(comparison: Comparison) -> Job:
    """The one task that is named, with its settings.

    Raises:
        UserError: there are several.
    """
    jobs = find_jobs(comparison)
    if len(jobs) != 1:
        raise UserError(f"an import is of one task, and {len(jobs)} are named; name one with --tasks.")
    return jobs[0]


def read_file(name: str, given: FilePath | None) -> Path | None:
    """The path of an option that may be left out."""
    return None if given is None else read_path(name, given)


def refuse_lacking(denoiser: Path | None, critic: Path | None, value: Path | None) -> None:
    """Refuse an import of nothing, and half a critic.

    Raises:
        UserError: what lacks.
    """
    if (critic is None) != (value is None):
        has, lacks = ("--critic-file", "--value-file")[:: 1 if value is None else -1]
        raise UserError(f"{has} comes with {lacks}: a critic is twin Q and V; add {lacks}, or leave out {has}.")
    if denoiser is None and critic is None:
        raise UserError("nothing is named to import; name --denoiser-file, or --critic-file and --value-file.")
