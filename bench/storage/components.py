"""Trained components on disk, one file per seed, each with a description that holds its checksum.

`artifacts/components/KIND-KEY/seed-N.safetensors`, `.csv` with the learning curve of what is trained, and `.json`
with the SHA-256: a seed that has one is done. The descriptions of all seeds of a training are published in one
step, after all weights. `seed-N.failed.json` says at which step a seed failed, and why; the next run tries again.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from bench.storage.checkpoint import Checkpoint, Parts
from bench.storage.publishing import finish_publishing, publish
from foundation.errors import UserError
from foundation.files import write_atomically
from foundation.locks import hold_lock
from foundation.program import say_aside
from reports.load.schema import Failure
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

    def folder(self, label: str) -> Path:
        """Where a component lies; label is `<kind>-<key>`."""
        return self.root / "components" / label

    def file(self, label: str, seed: int) -> Path:
        """Where that seed's weights lie."""
        return self.folder(label) / f"seed-{seed}.safetensors"

    def has(self, label: str, seed: int) -> bool:
        """Whether that seed is made.

        Raises:
            UserError: something that is no file stands in the place of its description.
        """
        finish_publishing(self.folder(label))
        description = self.file(label, seed).with_suffix(".json")
        if description.is_dir():
            raise UserError(f"{str(description)!r} is a folder in the place of a file; move it away.")
        return description.is_file()

    def missing(self, label: str, seeds: Sequence[int]) -> tuple[int, ...]:
        """The seeds that still have to be made."""
        return tuple(seed for seed in seeds if not self.has(label, seed))

    def checkpoint(self, label: str, seeds: Sequence[int], say: Callable[[str], None]) -> Checkpoint:
        """Where the state of an unfinished training of these seeds lies."""
        name = f"checkpoint-{hash_json(list(seeds))[:16]}.state"
        return Checkpoint(self.folder(label) / name, label, say)

    def parts(self, label: str, seeds: Sequence[int], say: Callable[[str], None]) -> Parts:
        """Where what is done of an unfinished computation for these seeds lies."""
        return Parts(self.folder(label) / f"checkpoint-{hash_json(list(seeds))[:16]}.part", label, say)

    def save(
        self,
        label: str,
        module: nn.Module,
        seeds: Sequence[int],
        about: Mapping[str, Any],
        curve: Curve | None = None,
        failures: Mapping[int, Failure] | None = None,
    ) -> None:
        """Split the module along the seed axis, write every seed, then publish all descriptions in one step.

        Args:
            label: `<kind>-<key>`.
            module: with the seed axis first.
            seeds: in the order of that axis; those that they were made with are in each description.
            about: what the description holds.
            curve: of the training, kept as `seed-<n>.csv`; None for what is not trained.
            failures: of the seeds that have failed, which are not stored.
        """
        failed = failures or {}
        state, texts = module.state_dict(), dict[str, str]()
        for row, seed in enumerate(seeds):
            file, of_curve = self.file(label, seed), dict[str, str]()
            if curve is not None:
                text = curve.to_csv(row).encode()
                write_atomically(file.with_suffix(".csv"), text)
                of_curve = {"curve_sha256": hashlib.sha256(text).hexdigest()}
            if seed in failed:
                continue
            content = save({name: tensor[row].contiguous().cpu() for name, tensor in state.items()})
            write_atomically(file, content)
            checksum = hashlib.sha256(content).hexdigest()
            whole = {**about, **of_curve, "sha256": checksum, "component": label, "seed": seed}
            whole["made_with"] = list(seeds)
            texts[file.with_suffix(".json").name] = describe(whole)
        texts |= {self._failed(label, seed).name: f.model_dump_json() + "\n" for seed, f in failed.items()}
        publish(self.folder(label), texts)
        for seed in seeds:
            if seed not in failed:
                self._failed(label, seed).unlink(missing_ok=True)

    def fail(self, label: str, failures: Mapping[int, Failure]) -> None:
        """Write down why seeds cannot be made."""
        publish(
            self.folder(label),
            {self._failed(label, seed).name: f.model_dump_json() + "\n" for seed, f in failures.items()},
        )

    def load(self, label: str, module: nn.Module, seeds: Sequence[int]) -> nn.Module:
        """Fill the module from the files of `seeds`, in that order.

        Raises:
            UserError: a file that is gone, is another's, or is not as it was when it was made.
        """
        states = [self._read(label, seed) for seed in seeds]
        shapes = {name: tensor.shape[1:] for name, tensor in module.state_dict().items()}
        for seed, state in zip(seeds, states, strict=True):
            if {name: tensor.shape for name, tensor in state.items()} != shapes:
                raise self._refuse(label, seed, "has not the tensors of this component")
        module.load_state_dict({name: torch.stack([state[name] for state in states]) for name in shapes})
        return module.requires_grad_(False).eval()

    def about(self, label: str, seed: int) -> dict[str, Any]:
        """What was written beside the weights: spec, seconds, last losses, the seeds that were made with it.

        Raises:
            UserError: it is gone, damaged, or another's.
        """
        if not self.has(label, seed):
            raise self._refuse(label, seed, "has no description")
        file = self.file(label, seed).with_suffix(".json")
        try:
            about = json.loads(file.read_text())
        except (ValueError, RecursionError) as error:  # of JSON, or of UTF-8 where bytes were changed
            raise UserError(f"{str(file)!r} is not JSON ({error}); delete it and run again.") from error
        if not isinstance(about, dict):
            raise self._refuse(label, seed, "has a description that is no JSON object")
        if (about.get("component", label), about.get("seed")) != (label, seed):
            whose = f"seed {about.get('seed')} of {about.get('component', label)}"
            raise self._refuse(label, seed, f"has the description of {whose}")
        stated = about.pop("description_sha256", None)  # version 0.2.0 wrote none, nor `made_with`
        is_of_today = stated is not None or "made_with" in about
        if is_of_today and stated != hash_json(about):
            raise self._refuse(label, seed, "has a description that was changed, as its hash says")
        return about

    def upstream(self, label: str) -> tuple[str, ...]:
        """The labels of the components that one was trained with; none where no seed of it is made.

        Raises:
            UserError: see `about`.
        """
        for file in sorted(self.folder(label).glob("seed-*.safetensors")):
            seed = file.stem.removeprefix("seed-")
            if seed.isdecimal() and self.has(label, int(seed)):
                return tuple(self.about(label, int(seed)).get("upstream", {}).values())
        return ()

    def failure(self, label: str, seed: int) -> Failure | None:
        """Why a seed was not made when it was last tried; None where it was made, or never tried.

        Raises:
            UserError: the file that says so is damaged.
        """
        file = self._failed(label, seed)
        if self.has(label, seed) or not file.is_file():
            return None
        try:
            return Failure.model_validate_json(file.read_bytes())
        except ValueError as error:
            raise UserError(f"{str(file)!r} is damaged; delete it and run again.") from error

    def _failed(self, label: str, seed: int) -> Path:
        return self.folder(label) / f"seed-{seed}.failed.json"

    def _read(self, label: str, seed: int) -> dict[str, torch.Tensor]:
        file = self.file(label, seed)
        content = file.read_bytes() if file.is_file() else b""
        if hashlib.sha256(content).hexdigest() != self.about(label, seed).get("sha256"):
            raise self._refuse(label, seed, "is damaged" if content else "is gone")
        try:
            return load(content)
        except (ValueError, SafetensorError) as error:
            raise self._refuse(label, seed, "is no safetensors file") from error

    def _refuse(self, label: str, seed: int, why: str) -> UserError:
        file = self.file(label, seed)
        return UserError(
            f"component {str(file)!r} {why}; delete it with the .json beside it and run again to make it again."
        )

    @contextlib.contextmanager
    def lock(self, label: str, say: Callable[[str], None] = say_aside) -> Iterator[None]:
        """Held while a component is made, so that processes sharing the folder do not make it twice.

        Args:
            label: `<kind>-<key>`.
            say: prints a sentence about a long wait.
        """
        with hold_lock(self.folder(label) / ".lock", f"component {label}", say):
            yield


def describe(about: Mapping[str, Any]) -> str:
    """The text of a description, with the hash of what it says."""
    content = json.loads(json.dumps(about))
    return json.dumps({**content, "description_sha256": hash_json(content)}, indent=1) + "\n"
