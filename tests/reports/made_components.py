"""Records of components by hand, with learning curves whose numbers a test knows."""

import json
from pathlib import Path
from typing import Any

from synthetic_results import FORMAT, MACHINE, ResultsFolder

from reports.analysis.components import Part
from reports.load.component_schema import ComponentRecord


def curve(*losses: float, **more: list[float]) -> dict[str, Any]:
    """A curve with a row every ten steps, of two seconds each."""
    steps = [10 * n for n in range(1, len(losses) + 1)]
    values = {"loss": list(losses), "learning_rate": [0.1] * len(losses), **more}
    return {"steps": steps, "seconds": [step / 5 for step in steps], "rows": len(losses), "values": values}


def component(label: str, seed: int, **changes: Any) -> dict[str, Any]:
    """The record of a critic that was trained with three seeds; `changes` replace its fields."""
    return {
        "format": FORMAT,
        "label": label,
        "kind": label.rpartition("-")[0],
        "seed": seed,
        "steps": 30,
        "made_with": [0, 1, 2],
        "settings": {"width": 64},
        "upstream": {},
        "parameters": 1234,
        "seconds_per_seed": 60.0,
        "peak_memory": {"of": "process", "mebibytes": 700.4, "before": 300.0},
        "machine": MACHINE,
        "created": "2026-11-21T03:00:00+00:00",
        "weights_sha256": "0" * 64,
        "curve": curve(4.0 + seed, 2.0 + seed, 1.0 + seed),
        "failure": None,
        **changes,
    }


def add_component(folder: ResultsFolder, label: str, seed: int, **changes: Any) -> Path:
    place = folder.path / "components" / label
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"seed-{seed}.json"
    file.write_text(json.dumps(component(label, seed, **changes)))
    return file


def part(seed: int, task: str = "t", variants: tuple[str, ...] = ("swg",), **changes: Any) -> Part:
    label = changes.pop("label", f"critic-{task}")
    text = json.dumps(component(label, seed, **changes))
    return Part(label, seed, task, variants, ComponentRecord.model_validate_json(text))
