"""The workshop makes the components that are missing and hands out the made ones, each loaded once."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from bench.progress import Screen
from bench.runner.plan import Node, own_fields
from bench.storage.components import ComponentStore
from training.component import Component, Computed, Data, Progress, Trained
from training.loop import compute, fit
from training.networks import parameter_count
from training.seeds import SeedStreams


@dataclass
class Workshop:
    """Makes and loads components of one task.

    Attributes:
        store: where they are kept.
        data: the task's transitions on the device.
        task: the task's name, for the screen.
        screen: shows progress.
    """

    store: ComponentStore
    data: Data
    task: str
    screen: Screen
    _loaded: dict[tuple[str, tuple[int, ...]], Any] = field(default_factory=dict)

    def make(self, node: Node, seeds: Sequence[int]) -> None:
        """Make whatever seeds of a component are missing, all of them in one loop."""
        with self.store.lock(node.label):
            missing = self.store.missing(node.label, seeds)
            if not missing:
                return
            started = time.monotonic()
            with self.screen.bar(f"{self.task} {node.component.kind}", len(missing)) as progress:
                module, losses = self._made(node, missing, progress)
            about = {
                "component": node.label,
                "settings": own_fields(node.component),
                "upstream": {name: other.label for name, other in node.upstream.items()},
                "parameters": parameter_count_before_freezing(node.component, missing),
                "seconds_per_seed": (time.monotonic() - started) / len(missing),
                "seeds_at_once": len(missing),
            }
            self.store.save(node.label, module, missing, about | ({"losses": losses} if losses else {}))
            checkpoint = self._checkpoint(node, missing)
            checkpoint.unlink(missing_ok=True)

    def parts(self, nodes: Mapping[str, Node], seeds: Sequence[int]) -> dict[str, Any]:
        """The made components by name, for exactly these seeds in this order."""
        return {name: self._load(node, tuple(seeds)) for name, node in nodes.items()}

    def seconds(self, nodes: Sequence[Node], seed: int) -> float:
        """Training seconds of one seed's share of these components."""
        return sum(self.store.about(node.label, seed)["seconds_per_seed"] for node in nodes if node.made)

    def forget(self) -> None:
        """Drop loaded components."""
        self._loaded.clear()

    def _made(self, node: Node, seeds: tuple[int, ...], progress: Progress) -> tuple[nn.Module, list[float]]:
        parts = self.parts(node.upstream, seeds)
        match node.component:
            case Trained() as component:
                checkpoint = self._checkpoint(node, seeds)
                return fit(component, self.data, parts, seeds, progress, checkpoint)
            case Computed() as component:
                return compute(component, self.data, parts, seeds, progress), []
        raise TypeError(f"component {node.label} is neither trained nor computed")

    def _checkpoint(self, node: Node, seeds: tuple[int, ...]):
        names = "-".join(map(str, seeds))
        return self.store.root / "components" / node.label / f"checkpoint-{names}.pt"

    def _load(self, node: Node, seeds: tuple[int, ...]) -> Any:
        key = (node.label, seeds)
        if key not in self._loaded:
            module = fresh(node.component, seeds, self.data)
            self._loaded[key] = self.store.load(node.label, module, seeds) if node.made else module
        return self._loaded[key]


def fresh(component: Component, seeds: Sequence[int], data: Data) -> Any:
    """An untrained module of the right shapes on the data's device."""
    return component.build(SeedStreams(seeds, f"{component.kind}/initial", data.rewards.device))


def parameter_count_before_freezing(component: Component, seeds: Sequence[int]) -> int:
    """Trained parameters of one seed; counted on a fresh module since made ones are frozen."""
    return parameter_count(component.build(SeedStreams(seeds[:1], "count")))
