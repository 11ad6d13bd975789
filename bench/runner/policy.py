"""The trained policy behind a result, rebuilt from its settings and its components' files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.config.spec import Config, replace_dotted
from bench.config.values import convert_value, find_hint
from bench.runner.blocks import Evaluation, act_in_block, count_rows
from bench.runner.data import make_setup
from bench.runner.nodes import Node, make_node
from bench.storage.components import ComponentStore
from foundation.errors import UserError
from methods.core.method import Method
from methods.core.policy import Policy
from methods.core.registry import get_method
from methods.diffusion.keyed_noise import KeyedNoise
from reports.load.files import read_headers, read_result
from reports.load.schema import Result
from reports.load.variants import label_variants
from suites.registry import get_tasks
from suites.sources.transitions import make_data_key
from suites.task import Task
from training import Component, Computed, SeedStreams, Trained
from training.seeds import name_streams


@dataclass
class LoadedPolicy:
    """A trained policy of one seed.

    Attributes:
        result: what it was evaluated to.
        policy: the method's.
        evaluation: names the random numbers of its actions.
    """

    result: Result
    policy: Policy
    evaluation: Evaluation
    _noises: list[KeyedNoise] = field(default_factory=list)

    @torch.no_grad()
    def act(self, observations: np.ndarray) -> np.ndarray:
        """Actions for observations, computed and drawn as in evaluation.

        Each call is the next step: the noise of the first observation is that of episode 0, of the second that of
        episode 1, and so on.

        Args:
            observations: (n, observation_dim), or (observation_dim,) for one.

        Returns:
            (n, action_dim) or (action_dim,), float32.

        Raises:
            UserError: observations of another shape, or with values that are not finite.
        """
        size, task = self.observation_dim, self.task.name
        try:
            numbers = np.asarray(observations)
        except ValueError:  # rows of different lengths
            numbers = np.array("ragged")
        is_real = numbers.dtype.kind in "biuf"
        if not is_real:
            raise UserError(f"observations for task {task} must be an array of real numbers.")
        with np.errstate(over="ignore"):
            given = numbers.astype(np.float32)
        if given.ndim not in (1, 2) or given.shape[-1] != size:
            raise UserError(
                f"observations of shape {given.shape} do not fit task {task}: give shape ({size},) or (n, {size})."
            )
        if not np.isfinite(given).all():
            raise UserError(f"observations for task {task} must be finite in single precision.")
        parts = torch.from_numpy(np.atleast_2d(given)).to(self.evaluation.device).split(self._rows)
        found = torch.cat([self._act_in_block(place, part) for place, part in enumerate(parts)]).cpu().numpy()
        for noise in self._noises:
            noise.advance()
        return found[0] if given.ndim == 1 else found

    def _act_in_block(self, place: int, observations: torch.Tensor) -> torch.Tensor:
        """Actions for at most as many observations as a block has rows, those of the block in that place."""
        if place == len(self._noises):
            first = place * self._rows
            self._noises.append(self.evaluation.noise(self.task, range(first, first + self._rows)))
        count = len(observations)
        block = observations.new_zeros(self._rows, self.observation_dim)
        block[:count] = observations
        filled = torch.arange(self._rows, device=block.device) < count
        return act_in_block(self.policy, block, filled, self.evaluation.rho, self._noises[place])[:count]

    @cached_property
    def task(self) -> Task:
        """What it acts in."""
        (task,) = get_tasks(self.result.suite, [self.result.task])
        return task

    @cached_property
    def _rows(self) -> int:
        return count_rows(self.policy, self.task, self.evaluation.device)

    @property
    def observation_dim(self) -> int:
        """Numbers in one observation."""
        return self.task.observation_dim


def find_result(
    folder: Path, task: str, method: str, seed: int, rho: float | None, variant: str | None = None
) -> Result:
    """The one result of a task, a method and a seed, and of a ρ and a variant where they are given.

    Raises:
        UserError: there is none, or there are several; the sentence says which there are.
    """
    headers = read_headers(folder)
    read = [read_result(path) for path, h in headers.items() if (h.task, h.method) == (task, method)]
    done = [result for result in read if isinstance(result, Result)]
    if not done:
        there = ", ".join(sorted({f"{header.task} {header.method}" for header in headers.values()}))
        raise UserError(f"{str(folder)!r} has no result of {method} on {task}; there are: {there}.")
    labels = label_variants(done)
    found = [
        result
        for result in done
        if result.seed == seed and rho in (None, result.rho) and variant in (None, labels[result.path])
    ]
    if len(found) != 1:
        chosen = found or done
        chosen = sorted(chosen, key=lambda r: (labels[r.path], r.rho or 0.0, r.seed))
        there = ", ".join(f"{labels[r.path]} ρ={r.rho} seed {r.seed}" for r in chosen)
        many = "several results" if found else "no result"
        asked = f"seed {seed}" + ("" if rho is None else f", ρ={rho:g}")
        asked += "" if variant is None else f", variant {variant!r}"
        remedy = "name one by rho or variant" if found else "choose one"
        raise UserError(f"{str(folder)!r} has {many} of {method} on {task} for {asked}: {there}; {remedy}.")
    return found[0]


def load(result: Result, artifacts: Path, device: torch.device, stream: str) -> LoadedPolicy:
    """The policy of a result.

    Raises:
        UserError: its components are gone, damaged, or made by another version of the method.
    """
    (task,) = get_tasks(result.suite, [result.task])
    config, method = read_config(result)
    setup = make_setup(task, config, result.data.action_low, result.data.action_high)
    store, seeds = ComponentStore(artifacts), (result.seed,)
    models: dict[str, Any] = {}
    data_key = make_data_key(result.data.fingerprint, result.data.reward_transform)
    known: dict[Component, Node] = {}
    for name, component in method.components(setup).items():
        purpose = name_streams(data_key, component.kind, "initial")
        module = component.build(SeedStreams(seeds, purpose, device))
        if isinstance(component, Trained | Computed):
            label = result.components.get(name, "")
            check_component(make_node(component, data_key, known), label, result, store)
            module = store.load(label, module, seeds)
        models[name] = module
    policy = method.policy(models, setup)
    evaluation = Evaluation(result.seed, result.rho or 0.0, range(0), (), device, stream)
    return LoadedPolicy(result, policy, evaluation)


def read_config(result: Result) -> tuple[Config, Method]:
    """The shared settings and the method that a result was made with.

    Raises:
        UserError: the method is unknown, or lacks one of the settings.
    """
    cls = get_method(result.method)
    prefix = f"{result.method}."
    own = {name.removeprefix(prefix): v for name, v in result.config.items() if name.startswith(prefix)}
    shared = {name: value for name, value in result.config.items() if not name.startswith(prefix)}
    return set_fields(Config(), shared), set_fields(cls(), own)


def set_fields(config: Any, settings: Mapping[str, Any]) -> Any:
    """The dataclass with JSON's values set, each in its field's type."""
    hints = {name: find_hint(type(config), name.split(".")) for name in settings}
    return replace_dotted(config, {name: convert_value(value, hints[name]) for name, value in settings.items()})


def check_component(node: Node, label: str, result: Result, store: ComponentStore) -> None:
    """Refuse a component that is not there, or that other code or settings than today's made."""
    if not label or not store.has(label, result.seed):
        kind = label or node.component.kind
        raise UserError(
            f"component {kind!r} of {result.method} on {result.task}, seed {result.seed}, is not in "
            f"{str(store.root)!r}; name the folder it was trained into with artifacts=..., or run again."
        )
    if node.label != label:
        raise UserError(
            f"component {label} of {result.method} on {result.task} was made by other code or settings than "
            f"today's, which would make {node.label}; run again, or use the version that made it."
        )
