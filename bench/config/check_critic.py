"""Refuses settings of the shared critic that would change nothing: of its kind, and of a kind that it is not."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from bench.config.spec import Config, join_items
from critics.config import OF_KINDS
from foundation.errors import UserError
from methods.core.actor_critic import ActorCritic
from methods.core.diffusion_actor import DiffusionActorCritic
from methods.core.method import Method
from methods.core.setup import Setup
from suites.task import DensityTask, Task
from training import Component

KIND = "critic.kind"


def refuse_known_critic(task: Task, given: Iterable[str]) -> None:
    """Refuse a kind, and what only one kind has, where Q is known and no critic is trained.

    Args:
        task: of the comparison.
        given: names of the settings that the user or the experiment gives.

    Raises:
        UserError: the task is a density.
    """
    of_kinds = {KIND, *(f"critic.{name}" for names in OF_KINDS.values() for name in names)}
    named = [name for name in given if name in of_kinds]
    if isinstance(task, DensityTask) and named:
        raise UserError(
            f"{named[0]} is not for the toy sets, such as {task.name}, where Q is known and no critic is trained; "
            "leave it out."
        )


def refuse_idle_kind(compared: Iterable[tuple[Config, Mapping[str, Method], Iterable[str]]]) -> None:
    """Refuse a kind where every method trains a critic of its own, and settings of a kind that is nowhere taken.

    Args:
        compared: of each task the shared settings, the methods by name and the names of the given settings.

    Raises:
        UserError: it names the setting, the methods or the kind, and what to do.
    """
    cases = list(compared)
    named = [(config, methods) for config, methods, given in cases if KIND in given]
    alone = dict.fromkeys(name for _, methods in named for name in methods)
    if named and all(trains_own_critic(each, config) for config, methods in named for each in methods.values()):
        verb = "trains its own critic" if len(alone) == 1 else "train their own critics"
        raise UserError(
            f"{KIND}={named[0][0].critic.kind} would change nothing: {join_items(alone)} {verb}; leave it out, or "
            "add a method that uses the shared critic, such as idql."
        )
    kinds = {config.critic.kind for config, _, _ in cases}
    for kind, names in OF_KINDS.items():
        idle = [name for name in sorted(names) for _, _, given in cases if f"critic.{name}" in given]
        if idle and kind not in kinds:
            raise UserError(
                f"critic.{idle[0]} would change nothing: it is of {KIND}={kind}, and the critic is "
                f"{join_items(sorted(kinds))}; set --critic.kind {kind}, or leave it out."
            )


def trains_own_critic(method: Method, config: Config) -> bool:
    """Whether a method trains a critic with its policy, and has no part in the shared one."""
    setup = _small_setup(config)
    found = list(_walk(method.components(setup)))
    return setup.q_critic() not in found and any(isinstance(c, ActorCritic | DiffusionActorCritic) for c in found)


def _walk(components: Mapping[str, Component]) -> Iterator[Component]:
    for component in components.values():
        yield component
        yield from _walk(component.upstream())


def _small_setup(config: Config) -> Setup:
    """A task of one number each, with the critic that no method trains for itself."""
    return Setup(
        observation_dim=1,
        action_dim=1,
        action_low=(-1.0,),
        action_high=(1.0,),
        critic_config=replace(config.critic, kind="iql"),
        denoiser=config.denoiser,
        guidance_net_config=config.guidance_net,
        sampler=config.sampler,
        candidates=config.equal.candidates,
        guidance=config.guidance,
    )
