"""Writes into a results folder how the components were made that its results stand on, for its report.

`components/LABEL/seed-N.json` is a file for each component and seed, so that two runs into one folder lose nothing
of each other. It is made of the component's description and learning curve, whenever that was trained.
"""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.runner.nodes import Node, collect_fields, is_imported, sort_upstream_first
from bench.runner.plan import PlannedCell
from bench.storage.components import ComponentStore
from bench.storage.curves import thin_curve
from foundation.errors import UserError
from reports.errors import ReportError
from reports.load.component_schema import ComponentRecord, LearningCurve
from reports.load.components import find_record
from reports.load.files import read_file, write_file
from reports.load.schema import FORMAT, Failure
from training import Trained


class _Known(BaseModel):
    """What tells whether a record is of the weights that are there now."""

    model_config = ConfigDict(strict=True)

    weights_sha256: str | None
    failure: Failure | None


def list_components(cells: Iterable[PlannedCell]) -> list[tuple[Node, int]]:
    """The components that cells stand on, upstream first, each once with each of its seeds."""
    found = {
        (node.label, planned.cell.seed): (node, planned.cell.seed)
        for planned in cells
        for node in sort_upstream_first(planned.models.values())
    }
    return list(found.values())


def record_components(
    made: Iterable[tuple[Node, int]], store: ComponentStore, results: Path, say: Callable[[str], None]
) -> None:
    """Write the record of each component and seed that has none yet, or one of other weights.

    A component that is not in the artifacts has no record. Of one whose description is damaged, or whose learning
    curve is, a line says so: results that are finished do not need either.

    Args:
        made: components that are trained or computed, each with a seed.
        store: where they are kept.
        results: the results folder.
        say: prints a line.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    for node, seed in made:
        place = find_record(results, node.label, seed)
        try:
            record = make_record(node, seed, store, say) if not _is_recorded(place, node, seed, store) else None
        except UserError as error:
            say(f"  the report will lack how {node.label} of seed {seed} was made: {error}")
            continue
        if record is not None:
            write_file(place, record)


def _is_recorded(place: Path, node: Node, seed: int, store: ComponentStore) -> bool:
    """Whether a record is there that says what the component's files say now."""
    if not place.exists():
        return False
    try:
        known = read_file(place, _Known)
    except ReportError:  # damaged, and made again
        return False
    if store.has(node.label, seed):
        return known.weights_sha256 == store.about(node.label, seed).get("sha256")
    failure = store.failure(node.label, seed)
    return failure is None or known.failure == failure


def make_record(
    node: Node, seed: int, store: ComponentStore, say: Callable[[str], None]
) -> ComponentRecord | None:
    """The record of one seed of a component; None where it was neither made nor failed.

    Args:
        node: the component.
        seed: of it.
        store: where it is kept.
        say: prints a line on a learning curve that is lost or damaged.

    Raises:
        UserError: a description that is damaged or another's.
    """
    failure = store.failure(node.label, seed)
    is_made = store.has(node.label, seed)
    if not is_made and failure is None:
        return None
    about = store.about(node.label, seed) if is_made else {}
    curve = _read_curve(node, seed, store, about.get("curve_sha256"), say)
    fields = {
        "format": FORMAT,
        "label": node.label,
        "kind": node.component.kind,
        "seed": seed,
        "steps": node.component.steps if isinstance(node.component, Trained) and _is_trained(node) else None,
        "made_with": about.get("made_with"),
        "settings": about.get("settings", collect_fields(node.component)),
        "upstream": {name: other.label for name, other in node.upstream.items()},
        "parameters": about.get("parameters"),
        "seconds_per_seed": about.get("seconds_per_seed"),
        "peak_memory": about.get("peak_memory"),
        "machine": about.get("machine"),
        "created": about.get("created"),
        "weights_sha256": about.get("sha256"),
        "curve": curve,
        "imported": about.get("imported"),
        "failure": failure,
    }
    try:
        return ComponentRecord.model_validate(fields, strict=False)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"])) or "its fields"
        raise UserError(
            f"the description of {str(store.file(node.label, seed))!r} is not as this version writes it ({place})."
        ) from error


def _is_trained(node: Node) -> bool:
    """Whether it is fitted here by gradient steps."""
    return isinstance(node.component, Trained) and not is_imported(node.component)


def _read_curve(
    node: Node, seed: int, store: ComponentStore, checksum: Any, say: Callable[[str], None]
) -> LearningCurve | None:
    """The thinned curve of what is trained; None, and a line, where its file is lost or damaged."""
    if not _is_trained(node):
        return None
    file = store.file(node.label, seed).with_suffix(".csv")
    try:
        content = file.read_bytes()
        if checksum is not None and hashlib.sha256(content).hexdigest() != checksum:
            raise ValueError("it is not as it was written, as its hash in the description says")
        return thin_curve(content.decode(errors="replace"))
    except FileNotFoundError:
        why = "it is gone"
    except ValueError as error:
        why = str(error)
    say(f"  the report will lack the learning curve {str(file)!r}: {why}")
    return None
