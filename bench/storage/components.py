"""Trained components on disk, one file per seed, each with a description that holds its checksum.

`artifacts/components/KIND-KEY/seed-N.safetensors`, `.csv` with the learning curve of what is trained, and `.json`
with the SHA-256, which is written last: a seed that has one is done.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from safetensors.torch import load, save
from torch import nn

from bench.storage.checkpoint import Checkpoint
from foundation.errors import UserError
from foundation.files import write_atomically
from training.curve import Curve


def hash_json(value: Any) -> str:
    """SHA-256 of a JSON value, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


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
        return self.file(label, seed).with_suffix(".json").is_file()

    def missing(self, label: str, seeds: Sequence[int]) -> tuple[int, ...]:
        """The seeds that still have to be made."""
        return tuple(seed for seed in seeds if not self.has(label, seed))

    def checkpoint(self, label: str, seeds: Sequence[int], say: Callable[[str], None]) -> Checkpoint:
        """Where the state of an unfinished training of these seeds lies."""
        name = f"checkpoint-{hash_json(list(seeds))[:16]}.state"
        return Checkpoint(self.root / "components" / label / name, label, say)

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
            text = json.dumps({"sha256": checksum, "seed": seed, **about}, indent=1)
            write_atomically(file.with_suffix(".json"), f"{text}\n".encode())

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
        file = self.file(label, seed).with_suffix(".json")
        try:
            return json.loads(file.read_text())
        except ValueError as error:  # JSONDecodeError, or UnicodeDecodeError where bytes were changed
            raise UserError(f"{str(file)!r} is not JSON ({error}); delete it and run again.") from error

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
