"""Networks that were trained elsewhere: which components of a plan are imported, and which cannot be.

A setting `denoiser.imported` or `critic.imported` names an import; its components are in the artifacts under keys
of their own, put there by `import-checkpoint`, and are never trained here.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bench.config.spec import Config, flatten, join_items
from bench.runner.nodes import Node, is_imported, sort_upstream_first
from foundation.errors import UserError
from training import Component, Trained

SETTINGS = ("denoiser.imported", "critic.imported")


def refuse_to_train(missing: Iterable[tuple[Node, Sequence[int]]]) -> None:
    """Refuse a plan in which a component is to be imported and is not there.

    Args:
        missing: the components that are not there, with the seeds that miss them.

    Raises:
        UserError: the first of them, and how to go on.
    """
    for node, seeds in missing:
        if is_imported(node.component):
            raise UserError(describe_absent(node, seeds))


def describe_absent(node: Node, seeds: Sequence[int]) -> str:
    """What to do about an imported component that is not there for these seeds."""
    assert isinstance(node.component, Trained)
    name, setting = node.component.imported, f"--{node.component.settings}.imported"
    which = f"seed{'s' if len(seeds) > 1 else ''} {join_items(seeds)}"
    return (
        f"{setting} {name}: there is no import of that name for {node.component.kind} of {which} ({node.label}) "
        "with these data and settings, and what is imported is never trained here; put it there by "
        f"`import-checkpoint --name {name}` with the same data, preset, terms and settings, or leave it out."
    )


def refuse_idle_imports(method: str, nodes: Iterable[Node], config: Config) -> None:
    """Refuse an import that a method's networks do not come from.

    Args:
        method: its name.
        nodes: its components.
        config: the shared settings.

    Raises:
        UserError: a component that is trained here though a setting of it names an import, or a setting that names
            one and no component of it comes from there.
    """
    settings = flatten(config)
    asked = [name for name in SETTINGS if settings[name] is not None]
    every = [node.component for node in sort_upstream_first(nodes)] if asked else []
    for component in every:
        found = sorted(set(list_imports(component)))
        if found and not is_imported(component):
            raise UserError(
                f"import {join_items(found)} is not for {method}, whose {component.kind} has a loss of its own; "
                f"leave out {' and '.join(f'--{name}' for name in asked)}, or leave {method} out."
            )
    groups = {each.settings for each in every if isinstance(each, Trained) and each.imported is not None}
    for setting in asked:
        group = setting.partition(".")[0]
        if group not in groups:
            raise UserError(
                f"--{setting} would change nothing for {method}, which has no {group} that can be imported; "
                "leave it out."
            )


def list_imports(value: Any) -> Iterator[str]:
    """The imports that a component's settings name, at any depth, without those of its upstream components."""
    for item in dataclasses.fields(value) if dataclasses.is_dataclass(value) else ():
        held = getattr(value, item.name)
        if item.name == "imported" and isinstance(held, str):
            yield held
        elif not isinstance(held, Component):
            yield from list_imports(held)
