"""Trains missing components, and loads trained ones, each once."""

import contextlib
import datetime
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from bench.progress import ProgressConsole, format_label
from bench.runner.halving import MEMORY_ERRORS, MemoryGuard, halve_seeds, name_memory, release_memory
from bench.runner.imports import refuse_to_train
from bench.runner.loggers import Logger, NoLogger
from bench.runner.machine import describe_machine
from bench.runner.memory import measure_peak
from bench.runner.nodes import Node, collect_fields, is_imported, sort_upstream_first
from bench.storage.checkpoint import Checkpoint, Parts
from bench.storage.components import ComponentStore
from foundation import stopping
from foundation.errors import UserError
from foundation.exhausted import is_out_of_memory
from reports.load.component_schema import PeakMemory
from reports.load.schema import Failure
from training import Component, Computed, Data, Progress, SeedStreams, Trained, compute, fit, parameter_count
from training.checkpoint import build_untrained
from training.curve import Curve, Row
from training.loop import Fitted


@dataclass
class ComponentBuilder:
    """Makes and loads the components of one data set.

    Attributes:
        store: where they are kept.
        data: the transitions on the device.
        where: the task, for the console.
        console: shows progress.
        logger: where learning curves are streamed to.
        guard: what policies' calls are made in parts by, where memory runs out.
    """

    store: ComponentStore
    data: Data
    where: str
    console: ProgressConsole
    logger: Logger = field(default_factory=NoLogger)
    guard: MemoryGuard = field(init=False)
    _loaded: dict[tuple[str, tuple[int, ...]], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.guard = MemoryGuard(self.console.say)

    def make(self, node: Node, seeds: Sequence[int]) -> None:
        """Make whatever seeds of a component are missing, all of them in one loop where memory holds them.

        Raises:
            UserError: it is to be imported.
        """
        with self.store.lock(node.label, self.console.say):
            missing = self._drop_failed(node, self.store.missing(node.label, seeds))
            if not missing:
                return
            refuse_to_train([(node, missing)])
            # What was trained to the end is stored before a signal ends the work; its checkpoint may be old.
            with stopping.hold() if isinstance(node.component, Trained) else contextlib.nullcontext():
                self._make_together(node, missing)

    def _make_together(self, node: Node, seeds: tuple[int, ...]) -> None:
        """Make seeds in one loop, or half of them after the other where memory does not hold all."""
        try:
            self._train_and_keep(node, seeds)
            return
        except MEMORY_ERRORS as error:
            if len(seeds) == 1 or not is_out_of_memory(error):
                raise
            memory = name_memory(error)
        self._loaded.clear()
        release_memory()
        halves = halve_seeds(seeds)
        self.console.say(
            f"  {self.where}: {memory} does not hold the {format_label(node.component.kind, len(seeds))} at once: "
            f"{len(halves[0])} are made first, then {len(halves[1])}; a seed differs by rounding with the number "
            "made beside it, and its description says which (made_with)"
        )
        self.store.checkpoint(node.label, seeds, self.console.say).remove()
        for half in halves:
            self._make_together(node, half)

    def _train_and_keep(self, node: Node, seeds: tuple[int, ...]) -> None:
        """Make seeds in one loop and store them."""
        started, read_peak = time.monotonic(), measure_peak(self.data.actions.device)
        with self.console.show_bar(f"{self.where} {node.component.kind}", len(seeds)) as progress:
            fitted = self._train_or_compute(node, seeds, progress)
        about = {
            "settings": collect_fields(node.component),
            "upstream": {name: other.label for name, other in node.upstream.items()},
            "parameters": count_parameters(node.component, seeds),
            "seconds_per_seed": (time.monotonic() - started) / len(seeds),
            **describe_making(read_peak(), self.data.actions.device),
        }
        failures = describe_failures(node.component, fitted)
        self._tell(node, fitted, failures)
        about |= {"losses": fitted.losses} if fitted.losses else {}
        curve = fitted.curve if any(fitted.curve.rows) else None
        self.store.save(node.label, fitted.module, seeds, about, curve, failures)
        self._checkpoint(node, seeds).remove()
        self._parts(node, seeds).remove()

    def find_failure(self, nodes: Iterable[Node], seed: int) -> Failure | None:
        """Why the first of these components, upstream first, was not made for that seed; None where all were."""
        found = (self.store.failure(node.label, seed) for node in nodes if node.made)
        return next((failure for failure in found if failure is not None), None)

    def models(self, nodes: Mapping[str, Node], seeds: Sequence[int]) -> dict[str, Any]:
        """The made components by name, for exactly these seeds in this order.

        Raises:
            UserError: one of them failed, or its files are gone or damaged.
        """
        for seed in seeds:
            failure = self.find_failure(sort_upstream_first(nodes.values()), seed)
            if failure is not None:
                raise UserError(f"seed {seed} failed in {failure.step}: {failure.reason}.")
        return {name: self._load(node, tuple(seeds)) for name, node in nodes.items()}

    def seconds(self, nodes: Sequence[Node], seed: int) -> float:
        """Training seconds of one seed's share of these components; what was imported was not trained here."""
        there = [node for node in nodes if node.made and self.store.has(node.label, seed)]
        trained = [node for node in there if not is_imported(node.component)]
        return sum(self.store.about(node.label, seed)["seconds_per_seed"] for node in trained)

    def _drop_failed(self, node: Node, seeds: Sequence[int]) -> tuple[int, ...]:
        """The seeds whose upstream components are made; of the others it is written down that this failed too."""
        upstream = sort_upstream_first(node.upstream.values())
        failures = {seed: self.find_failure(upstream, seed) for seed in seeds}
        failed = {seed: failure for seed, failure in failures.items() if failure is not None}
        if failed:
            self.store.fail(node.label, failed)
        return tuple(seed for seed in seeds if seed not in failed)

    def _tell(self, node: Node, fitted: Fitted, failures: Mapping[int, Failure]) -> None:
        """Say which seeds failed and which have values that look wrong."""
        for seed, failure in failures.items():
            self.console.say(f"  {self.where}: seed {seed} failed in {failure.step}: {failure.reason}")
        for seed, values in fitted.doubts.items():
            remedy = node.component.remedy if isinstance(node.component, Trained) else ""
            self.console.say(
                f"  {self.where}: {node.component.kind} of seed {seed} looks wrong: {values}; {remedy}"
            )

    def _checkpoint(self, node: Node, seeds: tuple[int, ...]) -> Checkpoint:
        return self.store.checkpoint(node.label, seeds, self.console.say)

    def _parts(self, node: Node, seeds: tuple[int, ...]) -> Parts:
        return self.store.parts(node.label, seeds, self.console.say)

    def _train_or_compute(self, node: Node, seeds: tuple[int, ...], progress: Progress) -> Fitted:
        with stopping.release():  # support actions of many states take seconds to load
            models = self.models(node.upstream, seeds)
        match node.component:
            case Trained() as component:

                def on_row(seed: int, row: Row) -> None:
                    values = {name: value for name, value in row.items() if name != "step"}
                    self.logger.log(f"{node.label}/seed-{seed}", int(row["step"]), values)

                checkpoint = self._checkpoint(node, seeds)
                fitted = fit(component, self.data, models, seeds, progress, checkpoint, on_row)
                for seed in seeds:
                    self.logger.finish(f"{node.label}/seed-{seed}")
                return fitted
            case Computed() as component:
                module = compute(component, self.data, models, seeds, progress, self._parts(node, seeds))
                return Fitted(module, [], Curve(seeds, 0))
        raise TypeError(f"component {node.label} is neither trained nor computed")

    def _load(self, node: Node, seeds: tuple[int, ...]) -> Any:
        key = (node.label, seeds)
        if key not in self._loaded:
            module = build_untrained(node.component, seeds, self.data)
            self._loaded[key] = self.store.load(node.label, module, seeds) if node.made else module
        return self._loaded[key]


def describe_making(peak: PeakMemory | None, device: torch.device) -> dict[str, Any]:
    """What a description says of memory, processor and time; a peak that is not known is left out."""
    return {
        **({"peak_memory": peak.model_dump()} if peak is not None else {}),
        "machine": describe_machine(device).model_dump(),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def describe_failures(component: Component, fitted: Fitted) -> dict[int, Failure]:
    """The seeds that diverged, as the results of their cells have it."""
    steps = component.steps if isinstance(component, Trained) else 0
    return {
        seed: Failure(step=f"{component.kind}, step {each.step} of {steps}", reason=each.reason)
        for seed, each in fitted.diverged.items()
    }


def count_parameters(component: Component, seeds: Sequence[int]) -> int:
    """Trained parameters of one seed; counted on a fresh module, since made ones are frozen."""
    return parameter_count(component.build(SeedStreams(seeds[:1], "count")))
