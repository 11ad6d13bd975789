"""Trains missing components, and loads trained ones, each once."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from bench.progress import ProgressConsole
from bench.runner.loggers import Logger, NoLogger
from bench.runner.nodes import Node, collect_fields
from bench.storage.checkpoint import Checkpoint
from bench.storage.components import ComponentStore
from training import Component, Computed, Data, Progress, SeedStreams, Trained, compute, fit, parameter_count
from training.checkpoint import build_untrained
from training.curve import Curve, Row


@dataclass
class ComponentBuilder:
    """Makes and loads the components of one data set.

    Attributes:
        store: where they are kept.
        data: the transitions on the device.
        where: the task, for the console.
        console: shows progress.
        logger: where learning curves are streamed to.
    """

    store: ComponentStore
    data: Data
    where: str
    console: ProgressConsole
    logger: Logger = field(default_factory=NoLogger)
    _loaded: dict[tuple[str, tuple[int, ...]], Any] = field(default_factory=dict)

    def make(self, node: Node, seeds: Sequence[int]) -> None:
        """Make whatever seeds of a component are missing, all of them in one loop."""
        with self.store.lock(node.label):
            missing = self.store.missing(node.label, seeds)
            if not missing:
                return
            started = time.monotonic()
            checkpoint = self.store.checkpoint(node.label, missing, self.console.say)
            with self.console.show_bar(f"{self.where} {node.component.kind}", len(missing)) as progress:
                module, losses, curve = self._train_or_compute(node, missing, progress, checkpoint)
            about = {
                "component": node.label,
                "settings": collect_fields(node.component),
                "upstream": {name: other.label for name, other in node.upstream.items()},
                "parameters": count_parameters(node.component, missing),
                "seconds_per_seed": (time.monotonic() - started) / len(missing),
            }
            self.store.save(node.label, module, missing, about | ({"losses": losses} if losses else {}), curve)
            checkpoint.remove()

    def models(self, nodes: Mapping[str, Node], seeds: Sequence[int]) -> dict[str, Any]:
        """The made components by name, for exactly these seeds in this order."""
        return {name: self._load(node, tuple(seeds)) for name, node in nodes.items()}

    def seconds(self, nodes: Sequence[Node], seed: int) -> float:
        """Training seconds of one seed's share of these components."""
        return sum(self.store.about(node.label, seed)["seconds_per_seed"] for node in nodes if node.made)

    def _train_or_compute(
        self, node: Node, seeds: tuple[int, ...], progress: Progress, checkpoint: Checkpoint
    ) -> tuple[nn.Module, list[float], Curve | None]:
        models = self.models(node.upstream, seeds)
        match node.component:
            case Trained() as component:

                def on_row(seed: int, row: Row) -> None:
                    values = {name: value for name, value in row.items() if name != "step"}
                    self.logger.log(f"{node.label}/seed-{seed}", int(row["step"]), values)

                fitted = fit(component, self.data, models, seeds, progress, checkpoint, on_row)
                for seed in seeds:
                    self.logger.finish(f"{node.label}/seed-{seed}")
                return fitted.module, fitted.losses, fitted.curve
            case Computed() as component:
                return compute(component, self.data, models, seeds, progress), [], None
        raise TypeError(f"component {node.label} is neither trained nor computed")

    def _load(self, node: Node, seeds: tuple[int, ...]) -> Any:
        key = (node.label, seeds)
        if key not in self._loaded:
            module = build_untrained(node.component, seeds, self.data)
            self._loaded[key] = self.store.load(node.label, module, seeds) if node.made else module
        return self._loaded[key]


def count_parameters(component: Component, seeds: Sequence[int]) -> int:
    """Trained parameters of one seed; counted on a fresh module, since made ones are frozen."""
    return parameter_count(component.build(SeedStreams(seeds[:1], "count")))
