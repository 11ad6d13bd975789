"""Components and results on disk: written beside their place, moved there in one step, their presence means done.

artifacts/components/<kind>-<key>/seed-<n>.safetensors, .csv (learning curve), and .json with its SHA-256, last
results/runs/<task>/<method>-<key>/seed-<n>.json, with .npz samples on the toy sets, written before it
"""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from safetensors.torch import load, save
from torch import nn

from foundation.errors import UserError
from foundation.files import unfinished, write_atomically
from training.curve import Curve

FORMAT = 1
NEEDED_BYTES = 200 * 2**20


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically."""
    write_atomically(path, (json.dumps(value, indent=1, allow_nan=True) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read a JSON file; one that does not parse is a UserError that names it."""
    try:
        return json.loads(path.read_text())
    except ValueError as error:  # JSONDecodeError, or UnicodeDecodeError where bytes were changed
        raise UserError(f"{str(path)!r} is not JSON ({error}); delete it and run again.") from error


@dataclass(frozen=True)
class ComponentStore:
    """Trained components, one file per seed.

    Attributes:
        root: the artifacts folder.
    """

    root: Path

    def file(self, label: str, seed: int) -> Path:
        """Where that seed's weights lie; label is `<kind>-<key>`."""
        return self.root / "components" / label / f"seed-{seed}.safetensors"

    def has(self, label: str, seed: int) -> bool:
        """Whether that seed is finished."""
        return self.file(label, seed).with_suffix(".json").is_file()

    def missing(self, label: str, seeds: Sequence[int]) -> tuple[int, ...]:
        """The seeds that still have to be made."""
        return tuple(seed for seed in seeds if not self.has(label, seed))

    def checkpoint(self, label: str, seeds: Sequence[int]) -> Path:
        """Where the state of an unfinished training of these seeds lies."""
        return self.root / "components" / label / f"checkpoint-{'-'.join(map(str, seeds))}.pt"

    def save(
        self,
        label: str,
        module: nn.Module,
        seeds: Sequence[int],
        about: Mapping[str, Any],
        curve: Curve | None = None,
    ) -> None:
        """Split the module along the seed axis and write every seed, its learning curve and its description last.

        Args:
            label: `<kind>-<key>`.
            module: with the seed axis first.
            seeds: in the order of that axis.
            about: what the description holds.
            curve: of the training, kept as `seed-<n>.csv`; None for what is not trained.
        """
        state = module.state_dict()
        for row, seed in enumerate(seeds):
            content = save({name: tensor[row].contiguous().cpu() for name, tensor in state.items()})
            file = self.file(label, seed)
            write_atomically(file, content)
            if curve is not None:
                write_atomically(file.with_suffix(".csv"), curve.to_csv(row).encode())
            checksum = hashlib.sha256(content).hexdigest()
            write_json(file.with_suffix(".json"), {"sha256": checksum, "seed": seed, **about})

    def load(self, label: str, module: nn.Module, seeds: Sequence[int]) -> nn.Module:
        """Fill the module from the files of `seeds`, in that order.

        Raises:
            UserError: a file that is gone or does not match its checksum.
        """
        states = [self._read(label, seed) for seed in seeds]
        stacked = {name: torch.stack([state[name] for state in states]) for name in states[0]}
        module.load_state_dict(stacked)
        return module.requires_grad_(False).eval()

    def about(self, label: str, seed: int) -> dict[str, Any]:
        """What was written beside the weights: spec, seconds, last losses."""
        return read_json(self.file(label, seed).with_suffix(".json"))

    def _read(self, label: str, seed: int) -> dict[str, torch.Tensor]:
        file = self.file(label, seed)
        content = file.read_bytes() if file.is_file() else b""
        if hashlib.sha256(content).hexdigest() != self.about(label, seed).get("sha256"):
            raise UserError(f"component {str(file)!r} is damaged; delete its folder and run again to retrain it.")
        return load(content)

    @contextlib.contextmanager
    def lock(self, label: str) -> Iterator[None]:
        """Held while a component is made, so that processes sharing the folder do not make it twice."""
        path = self.root / "components" / label
        path.mkdir(parents=True, exist_ok=True)
        with FileLock(path / ".lock"):
            yield


@dataclass(frozen=True)
class ResultStore:
    """Result files of one folder.

    Attributes:
        root: the results folder.
    """

    root: Path

    def prepare(self) -> None:
        """Make the folder, or check that it is of this version.

        Raises:
            UserError: a folder of another version, or not a results folder at all.
        """
        marker = self.root / "FORMAT"
        if marker.is_file():
            found = marker.read_text().strip()
            if found != str(FORMAT):
                raise UserError(
                    f"results folder {str(self.root)!r} has format {found}, this version writes {FORMAT}; "
                    "give another folder with --results."
                )
            return
        if self.root.exists() and not (self.root.is_dir() and all(map(unfinished, self.root.iterdir()))):
            raise UserError(
                f"{str(self.root)!r} is not a results folder; give an empty or new one with --results."
            )
        write_atomically(marker, f"{FORMAT}\n".encode())

    def file(self, task: str, label: str, seed: int) -> Path:
        """Where a cell's result lies; label is `<method>-<key>`."""
        return self.root / "runs" / task / label / f"seed-{seed}.json"

    def seeds(self, task: str) -> set[int]:
        """The seeds that have a result of any method on that task."""
        found = (self.root / "runs" / task).glob("*/seed-*.json")
        return {int(path.stem.removeprefix("seed-")) for path in found}


def check_space(folder: Path) -> None:
    """A UserError if `folder` cannot be a folder, or its disk has less than 200 MiB free."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise UserError(f"{str(folder)!r} cannot be a folder, {str(existing)!r} is a file; choose another folder.")
    free = shutil.disk_usage(existing).free
    if free < NEEDED_BYTES:
        raise UserError(
            f"only {free / 2**20:.0f} MiB are free for {str(folder)!r}, a run needs {NEEDED_BYTES // 2**20}; "
            "free some space, or choose other folders with --results and --artifacts."
        )
