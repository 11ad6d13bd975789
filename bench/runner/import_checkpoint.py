"""Puts networks that were trained by the authors' code into the artifacts, as the components that a run asks for.

Their key has the name of the import, so that it is never that of a component trained here; their description has
the files' hashes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.config.request import Job
from bench.config.spec import flatten
from bench.runner.component_builder import count_parameters, describe_making
from bench.runner.data import LoadedData, make_setup
from bench.runner.nodes import Node, collect_fields, make_node
from bench.storage.arrays import read_arrays
from bench.storage.components import ComponentStore
from critics.flax_paths import FIRST_LAYER, find_q_module, name_q, name_v
from critics.iql import IQL
from foundation.errors import UserError
from methods.core.setup import Setup
from methods.diffusion.denoiser import DenoiserObjective, NetworkDenoiser
from methods.diffusion.networks.flax_paths import WEIGHT_BLOCK, measure_denoiser, name_denoiser
from training import Component, SeedStreams, Step
from training.flax_tree import TreeError, drop_root, read_tree
from training.networks import FLAX_EPSILON

ROWS = 1024
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Layout:
    """Whose code wrote the parameters.

    Attributes:
        method: whose components they become, where none is named.
        kind: of the denoiser.
    """

    method: str
    kind: str

    @property
    def has_weight(self) -> bool:
        """Whether the denoiser predicts SWG's weight too."""
        return self.kind == "joint"


LAYOUTS: Mapping[str, Layout] = {"swg-jax": Layout("swg", "joint"), "idql": Layout("idql", "behaviour")}
FIXED: Mapping[str, Mapping[str, Any]] = {
    "denoiser": {
        "denoiser.network": "residual",
        "denoiser.activation": "silu",
        "denoiser.first_level": 0,
        "denoiser.layer_norm_epsilon": FLAX_EPSILON,
    },
    "critic": {"critic.value_hidden_norm": False, "critic.value_layer_norm_epsilon": FLAX_EPSILON},
}
"""What the authors' networks have and their arrays do not tell, by the group that is imported."""


@dataclass(frozen=True)
class Source:
    """The files of an import.

    Attributes:
        name: of the import.
        layout: a name in `LAYOUTS`.
        method: whose denoiser it becomes.
        denoiser: the noise network, or None.
        critic, value: twin Q and V, or None for both.
    """

    name: str
    layout: str
    method: str
    denoiser: Path | None
    critic: Path | None
    value: Path | None


@dataclass(frozen=True)
class Read:
    """A component that was read.

    Attributes:
        node: with its key.
        module: of one seed, filled.
        hashes: SHA-256 of each file, by what it holds.
    """

    node: Node
    module: nn.Module
    hashes: Mapping[str, str]


@dataclass(frozen=True)
class Imported:
    """A component that was imported.

    Attributes:
        label: KIND-KEY.
        file: of its weights.
        is_new: whether it was not there before.
        said: what it does on the data, in words.
    """

    label: str
    file: Path
    is_new: bool
    said: str


def import_components(
    source: Source, job: Job, loaded: LoadedData, seed: int, store: ComponentStore, say: Callable[[str], None]
) -> list[Imported]:
    """Read the files, check them against the task and the settings, and store the components.

    Args:
        source: what is imported.
        job: the task and its settings, which name the import.
        loaded: its data.
        seed: that the components are to have.
        store: where they are put.
        say: prints a line about a long wait for another process.

    Raises:
        UserError: an array that lacks, is one too many, or of another type, shape or task; a value that is not
            finite; settings that the networks do not have; other weights of the same name and seed.
    """
    setup = make_setup(job.task, job.config, loaded.about.action_low, loaded.about.action_high)
    components: dict[str, Component] = {}
    if source.denoiser is not None:
        components["denoiser"] = find_denoiser(job.methods[source.method].components(setup), source)
    if source.critic is not None:
        components["critic"] = find_critic(setup, job, source)
    read: dict[str, Read] = {}
    for part, component in components.items():
        refuse_other_settings(job, part)
        module = component.build(SeedStreams([seed], "import"))
        tensors, hashes = read_part(source, component, module)
        module.load_state_dict({name: tensor[None] for name, tensor in tensors.items()})
        node = make_node(component, loaded.key, {})
        read[part] = Read(node, module.eval().requires_grad_(False), hashes)
    critic = read["critic"].module if "critic" in read else None
    made = []
    for each in read.values():
        said = describe_values(each.node.component, each.module, loaded, critic)
        file, is_new = keep(source, each, seed, store, say)
        made.append(Imported(each.node.label, file, is_new, said))
    return made


def find_denoiser(components: Mapping[str, Component], source: Source) -> Component:
    """The component that the denoiser becomes.

    Raises:
        UserError: the method has none of that kind.
    """
    found, kind = components.get("denoiser"), LAYOUTS[source.layout].kind
    if found is None or found.kind != kind:
        other = "no denoiser" if found is None else f"one of kind {found.kind}"
        raise UserError(
            f"layout {source.layout} is of a denoiser of kind {kind}, and {source.method} has {other}; leave "
            f"--methods out for {LAYOUTS[source.layout].method}."
        )
    return found


def find_critic(setup: Setup, job: Job, source: Source) -> Component:
    """The component that the critic becomes.

    Raises:
        UserError: Q is known on the task.
    """
    found = setup.critic()
    if not isinstance(found, IQL):
        raise UserError(
            f"task {job.task.name} has a known Q, in whose place none of {source.layout} can be imported; leave "
            "--critic-file and --value-file out, or name another task."
        )
    return found


def refuse_other_settings(job: Job, part: str) -> None:
    """Refuse settings that the authors' networks do not have.

    Raises:
        UserError: the first of them, and what it has to be.
    """
    settings = flatten(job.config)
    for name, value in FIXED[part].items():
        if settings[name] != value:
            raise UserError(
                f"{name}={settings[name]} does not fit the networks of the authors' code, which have {value}: "
                "take --preset official --terms as-published, the defaults here, and leave out what sets it."
            )


def read_part(source: Source, component: Component, module: nn.Module) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a component by their names, and the SHA-256 of each file by what it holds.

    Raises:
        UserError: see `import_components`.
    """
    shapes = {name: tuple(tensor.shape[1:]) for name, tensor in module.state_dict().items()}
    if isinstance(component, IQL):
        return read_critic(source, component, shapes)
    assert isinstance(component, DenoiserObjective)
    assert isinstance(module, NetworkDenoiser)
    return read_denoiser(source, component, module, shapes)


def read_denoiser(
    source: Source, component: DenoiserObjective, module: NetworkDenoiser, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a denoiser, once its sizes are those of the task."""
    assert source.denoiser is not None
    has_weight, blocks = LAYOUTS[source.layout].has_weight, component.backbone.config.blocks
    if has_weight and module.network.auxiliary_block != WEIGHT_BLOCK:
        raise UserError(
            f"swg.weight_head and denoiser.blocks={blocks} read the weight after block "
            f"{module.network.auxiliary_block}, and SWG-JAX after block {WEIGHT_BLOCK}, counted from 0; take "
            "--swg.weight-head middle with 3 blocks."
        )
    arrays, digest = read_arrays(source.denoiser)
    arrays = drop_root(arrays)
    found = measure_denoiser({path: array.shape for path, array in arrays.items()}, has_weight)
    task = (component.backbone.observation_dim, component.backbone.action_dim)
    if found is not None and found != task:
        raise UserError(
            f"file {str(source.denoiser)!r} is of {found[0]} observations and {found[1]} actions, and this task "
            f"has {task[0]} and {task[1]}; name the task that the network was trained on with --tasks."
        )
    names = name_denoiser(blocks, has_weight)
    return convert(source.denoiser, source, arrays, names, shapes), {"denoiser": digest}


def read_critic(
    source: Source, component: IQL, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of twin Q and V; the file of Q gives the target networks, and those that were trained too."""
    assert source.critic is not None
    assert source.value is not None
    layers, has_norm = component.config.layers, component.config.value_layer_norm
    q, of_q = read_arrays(source.critic)
    v, of_v = read_arrays(source.value)
    q, v = drop_root(q), drop_root(v)
    refuse_other_sizes(source.critic, q, source.value, v, component)
    module = find_q_module(q)
    names = name_q(layers, "target_q", module) | name_q(layers, "twin_q", module)
    tensors = convert(source.critic, source, q, names, shapes)
    tensors |= convert(source.value, source, v, name_v(layers, has_norm), shapes)
    return tensors, {"critic": of_q, "value": of_v}


def refuse_other_sizes(
    of_q: Path, q: Mapping[str, np.ndarray], of_v: Path, v: Mapping[str, np.ndarray], component: IQL
) -> None:
    """Refuse Q and V of a task of other sizes.

    Raises:
        UserError: the file, its sizes and those of the task.
    """
    observations, pair = component.observation_dim, component.observation_dim + component.action_dim
    for file, arrays, path, inputs, what in (
        (of_q, q, f"{find_q_module(q)}/{FIRST_LAYER}", pair, "observations and actions together"),
        (of_v, v, FIRST_LAYER, observations, "observations"),
    ):
        shape = arrays[path].shape if path in arrays else ()
        if len(shape) > 1 and shape[-2] != inputs:
            raise UserError(
                f"file {str(file)!r} is of {shape[-2]} {what}, and this task has {inputs}; name the task that the "
                "network was trained on with --tasks."
            )


def convert(
    file: Path,
    source: Source,
    arrays: Mapping[str, np.ndarray],
    paths: Mapping[str, str],
    shapes: Mapping[str, tuple[int, ...]],
) -> dict[str, Tensor]:
    """`read_tree` of a file.

    Raises:
        UserError: the file, and what is wrong with it.
    """
    try:
        return read_tree(arrays, paths, shapes)
    except TreeError as error:
        sentence = f"file {str(file)!r} {error}; docs/import.md describes layout {source.layout}."
        raise UserError(sentence) from error


def keep(
    source: Source, read: Read, seed: int, store: ComponentStore, say: Callable[[str], None]
) -> tuple[Path, bool]:
    """Store a component, unless it is there from the same files; returns its file, and whether it is new.

    Raises:
        UserError: it is there from others.
    """
    label, component = read.node.label, read.node.component
    origin = {"name": source.name, "layout": source.layout, "files": dict(read.hashes)}
    file = store.file(label, seed)
    with store.lock(label, say):
        if store.has(label, seed):
            if store.about(label, seed).get("imported") != origin:
                raise UserError(
                    f"import {source.name} of seed {seed} is there from other files ({str(file)!r}); choose "
                    "another --name or --seed, or remove that file, the .json beside it and the results of it."
                )
            return file, False
        about = {
            "settings": collect_fields(component),
            "upstream": {},
            "parameters": count_parameters(component, [seed]),
            **describe_making(None, _CPU),
            "imported": origin,
        }
        store.save(label, read.module, [seed], about)
    return file, True


@torch.no_grad()
def describe_values(component: Component, module: nn.Module, loaded: LoadedData, critic: nn.Module | None) -> str:
    """What the network says of rows of the data, by which one sees data or settings that do not fit.

    Args:
        component: what it is.
        module: of one seed.
        loaded: the data.
        critic: that was imported with it, which gives the weights; without one they are taken for one half.
    """
    index = torch.linspace(0, len(loaded.data) - 1, min(ROWS, len(loaded.data))).long()
    some = loaded.data.select(index)
    step = Step(some, {} if critic is None else {"critic": critic}, SeedStreams([0], "import"))
    if isinstance(component, IQL):
        (found,) = component.diagnose(module, step)  # pyright: ignore[reportArgumentType]
        return found.text
    assert isinstance(module, NetworkDenoiser)
    error = torch.stack(list(measure_errors(component, module, step))).mean().item()
    verdict = ", more than of a network that learned such data" if error >= 1 else ""
    return f"mean squared error of the noise in actions of the data {error:.2f}{verdict} (1 is that of saying 0)"


def measure_errors(component: Component, module: NetworkDenoiser, step: Step) -> Iterator[Tensor]:
    """Squared error of the noise predicted for the actions, mean over rows and channels, at each level."""
    data, streams = step.data, step.noise
    z = data.actions[None]
    if module.channels > z.shape[-1]:
        weight = torch.full(z.shape[:2], 0.5)
        if step.models and isinstance(component, DenoiserObjective):
            weight = component.precompute(step)["weight"]
        z = torch.cat([z, weight[..., None]], -1)
    for level in range(len(module.schedule)):
        noise = streams.normal(*z.shape[1:])
        levels = torch.full(z.shape[:2], level)
        noisy = module.schedule.add_noise(z, levels, noise)
        wrong = module.predict_noise(noisy, level, data.observations[None]) - noise
        yield wrong[..., : data.actions.shape[-1]].square().mean()
