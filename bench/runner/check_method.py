"""Conformance: what the harness asks of every method, checked on a task on which everything trains in seconds.

Each check raises `Fault` with one sentence. The task has random transitions with 3 observations and 2 actions; all
components are really trained, for a few steps.
"""

import dataclasses
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
from torch import Tensor, nn

from bench.config.check_settings import check_bounds, split_hint
from bench.runner.plan import Node, node_of, ordered
from bench.storage.components import ComponentStore
from critics.iql import CriticConfig
from critics.weights import WEIGHTS
from foundation.bounds import Parsed
from foundation.errors import UserError
from methods.core.guidance_net import GuidanceNetConfig
from methods.core.method import Method, MethodError, SlotMethod
from methods.core.policy import Policy, make_policy
from methods.core.setup import Setup
from methods.diffusion.denoiser import DenoiserConfig
from methods.diffusion.noise import StreamNoise
from methods.diffusion.sampler import SamplerConfig
from training import Component, Computed, Data, SeedStreams, Step, Trained, compute, fit

OBSERVATIONS, ACTIONS, TRANSITIONS, ROWS = 3, 2, 48, 6
SEEDS = (0, 1, 2)
LOW, HIGH = (-0.9, -0.8), (0.7, 0.9)
SMALL = {"support_states": 12}
"""Settings of the methods here whose default is too large for the task, by their name."""


class Fault(Exception):
    """What a method does that the harness cannot work with, in one sentence."""


@dataclass
class Subject:
    """A method on the small task.

    Attributes:
        name, method: as registered, with its settings.
        setup, data: of the task.
    """

    name: str
    method: Method
    setup: Setup = field(default_factory=lambda: small_setup())
    data: Data = field(default_factory=lambda: small_data())
    _made: dict[tuple[Component, tuple[int, ...]], Any] = field(default_factory=dict)

    @property
    def rho(self) -> float:
        """The default scale; 0 for a method without one."""
        return self.method.rho.default if self.method.rho is not None else 0.0

    def models(self, seeds: Sequence[int] = SEEDS) -> dict[str, Any]:
        """The method's made components, each once for these seeds."""
        return {name: self.make(c, tuple(seeds)) for name, c in self.method.components(self.setup).items()}

    def make(self, component: Component, seeds: tuple[int, ...]) -> Any:
        """A component after its real training, its upstream made first."""
        key = (component, seeds)
        if key not in self._made:
            models = {name: self.make(other, seeds) for name, other in component.upstream().items()}
            match component:
                case Trained():
                    self._made[key] = fit(component, self.data, models, seeds, ignore).module
                case Computed():
                    self._made[key] = compute(component, self.data, models, seeds, ignore)
                case _:
                    self._made[key] = component.build(SeedStreams(seeds, f"{component.kind}/initial"))
        return self._made[key]

    def policy(self, seeds: Sequence[int] = SEEDS) -> Policy:
        """A fresh policy of the made components."""
        return self.method.policy(self.models(seeds), self.setup)

    def nodes(self) -> dict[str, Node]:
        """The method's components with their keys."""
        components = self.method.components(self.setup)
        return {name: node_of(component, "data", {}) for name, component in components.items()}


def ignore(done: int, total: int) -> None:
    """Progress that nobody watches."""


def small_data() -> Data:
    """Random transitions inside the action range."""
    numbers = torch.Generator().manual_seed(5)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=numbers)

    low, high = torch.tensor(LOW), torch.tensor(HIGH)
    return Data(
        observations=uniform(TRANSITIONS, OBSERVATIONS),
        actions=low + (high - low) * uniform(TRANSITIONS, ACTIONS),
        rewards=uniform(TRANSITIONS),
        next_observations=uniform(TRANSITIONS, OBSERVATIONS),
        terminals=(uniform(TRANSITIONS) < 0.2).float(),
    )


def small_setup() -> Setup:
    """Networks of width 8, 4 noise levels, 2 steps of training."""
    return Setup(
        observation_dim=OBSERVATIONS,
        action_dim=ACTIONS,
        action_low=LOW,
        action_high=HIGH,
        critic_config=CriticConfig(steps=2, width=8, batch_size=8, value_layer_norm=True),
        denoiser=DenoiserConfig(
            width=8, blocks=2, frequencies=4, level_features=8, levels=4, steps=2, batch_size=8, decay_steps=10
        ),
        guidance_net_config=GuidanceNetConfig(width=8, layers=2, steps=2),
        sampler=SamplerConfig(),
    )


def act(policy: Policy, seeds: Sequence[int], rho: float | Tensor, observations: Tensor | None = None) -> Tensor:
    """Actions at observations and with noise that are the same for a seed whatever its company."""
    if observations is None:
        observations = SeedStreams(seeds, "observations").normal(ROWS, OBSERVATIONS)
    scales = rho if isinstance(rho, Tensor) else torch.full((len(seeds), ROWS), rho)
    with torch.no_grad():
        return policy.act(observations, scales, StreamNoise(SeedStreams(seeds, "evaluation"), ROWS))


def check_declaration(subject: Subject) -> None:
    """Title, paper, frozen settings within their bounds, and a range of ρ that holds its default and grid."""
    cls = type(subject.method)
    if not (cls.title and cls.paper):
        raise Fault("says no title or no paper; set both as class attributes.")
    if not (dataclasses.is_dataclass(cls) and is_frozen(cls)):
        raise Fault("is no frozen dataclass; decorate it with @dataclass(frozen=True).")
    hash(subject.method)
    try:
        check_bounds(subject.method, subject.name)
    except UserError as error:
        raise Fault(f"has a default out of its own bounds: {error}") from error
    rho = cls.rho
    if rho is not None and not all(rho.low <= scale <= rho.high for scale in (*rho.grid, rho.default)):
        raise Fault(f"has a default or a grid of ρ outside {rho.low:g} to {rho.high:g}.")


def is_frozen(cls: type) -> bool:
    """Whether a dataclass refuses to be changed."""
    return bool(vars(cls)["__dataclass_params__"].frozen)


def check_shapes(subject: Subject) -> None:
    """The seed axis comes first in every parameter, loss and action; actions are finite and in range."""
    for component in every_component(subject):
        module = component.build(SeedStreams(SEEDS, "shapes"))
        if isinstance(module, nn.Module):
            for name, tensor in module.state_dict().items():
                if tensor.dim() == 0 or len(tensor) != len(SEEDS):
                    raise Fault(f"{component.kind}: {name} has shape {tuple(tensor.shape)}, not (seed, ...).")
        if isinstance(component, Trained):
            check_losses(subject, component, module)
    actions = act(subject.policy(), SEEDS, subject.rho)
    if actions.shape != (len(SEEDS), ROWS, ACTIONS):
        raise Fault(f"gives actions of shape {tuple(actions.shape)}, not (seed, batch, action).")
    if not actions.isfinite().all():
        raise Fault("gives actions that are not finite.")
    low, high = torch.tensor(LOW), torch.tensor(HIGH)
    if (actions < low - 1e-6).any() or (actions > high + 1e-6).any():
        raise Fault("gives actions outside the range of the data's.")


def check_losses(subject: Subject, component: Trained[Any], module: Any) -> None:
    """One loss per seed for each group, and a group for every trained parameter."""
    models = {name: subject.make(other, SEEDS) for name, other in component.upstream().items()}
    noise = SeedStreams(SEEDS, "shapes")
    precomputed = component.precompute(Step(subject.data, models, noise))
    losses = component.losses(module, Step(subject.data, models, noise, precomputed))
    names = {group.name for group in component.groups}
    for name, loss in losses.items():
        if name not in names:
            raise Fault(f"{component.kind}: a loss is called {name!r}, its groups {', '.join(sorted(names))}.")
        if loss.shape != (len(SEEDS),):
            raise Fault(f"{component.kind}: the loss {name!r} has shape {tuple(loss.shape)}, not (seed,).")
    begins = tuple(start for group in component.groups for start in group.parameters)
    for name, parameter in module.named_parameters():
        if parameter.requires_grad and not name.startswith(begins):
            raise Fault(f"{component.kind}: no group has the parameter {name}, so it is never trained.")


def check_repeatable(subject: Subject) -> None:
    """Equal noise gives equal actions: every random number is asked of `noise`."""
    policy = subject.policy()
    if not torch.equal(act(policy, SEEDS, subject.rho), act(policy, SEEDS, subject.rho)):
        raise Fault("gives other actions for the same observations and noise; ask `noise` for random numbers.")


def check_seeds_apart(subject: Subject) -> None:
    """A seed trained and evaluated alone acts as it does in company."""
    rows = [act(subject.policy(seeds), seeds, subject.rho)[seeds.index(1)] for seeds in (SEEDS, (1,), (7, 1))]
    for row in rows[1:]:
        if not torch.allclose(row, rows[0], rtol=1e-3, atol=1e-4):
            raise Fault("lets seeds touch: a seed acts otherwise alone than in the company of others.")


def check_unguided(subject: Subject) -> None:
    """ρ = 0 is the unguided policy, also for rows beside guided ones, and no other ρ is."""
    if subject.method.rho is None:
        return
    policy = subject.policy()
    unguided, guided = act(policy, SEEDS, 0.0), act(policy, SEEDS, subject.rho)
    plain = plain_policy(subject)
    if plain is not None and not torch.equal(unguided, act(plain, SEEDS, 0.0)):
        raise Fault("is not the unguided policy at ρ = 0: its actions differ from plain sampling.")
    mixed = torch.zeros(len(SEEDS), ROWS)
    mixed[:, ::2] = subject.rho
    actions = act(policy, SEEDS, mixed)
    if not torch.allclose(actions[:, 1::2], unguided[:, 1::2], atol=1e-5):
        raise Fault("is not the unguided policy at ρ = 0 for a row beside guided ones.")
    if torch.allclose(guided, unguided, atol=1e-7):
        raise Fault(f"acts at ρ = {subject.rho:g} as it does at ρ = 0: nothing is guided.")


def plain_policy(subject: Subject) -> Policy | None:
    """Sampling without guidance; None for a method with a policy of its own and no `denoiser`."""
    models, method = subject.models(), subject.method
    if isinstance(method, SlotMethod):
        return make_policy(method.objective(), None, method.selection(), models, subject.setup)
    return _Plain().policy(models, subject.setup) if "denoiser" in models else None


class _Plain(SlotMethod):
    """The behaviour objective, no guidance, the first draw."""


def check_counts(subject: Subject) -> None:
    """Evaluations and interventions are counted, a score that is not finite among them."""
    policy = subject.policy()
    act(policy, SEEDS, subject.rho)
    clean = policy.counts.of_seed(0)
    if json.loads(json.dumps(clean)) != clean or set(clean) != {"interventions", "evaluations"}:
        raise Fault("has counts that are not those of `Counts`.")
    if subject.method.rho is None:
        return
    if clean["evaluations"]["guided_rows"] == 0:
        raise Fault("counts no guided rows although ρ is above 0.")
    observations = SeedStreams(SEEDS, "observations").normal(ROWS, OBSERVATIONS)
    observations[1, 2] = float("nan")
    broken = subject.policy()
    act(broken, SEEDS, subject.rho, observations)
    counted = [sum(map(sum, broken.counts.of_seed(row)["interventions"].values())) for row in range(len(SEEDS))]
    before = [sum(map(sum, policy.counts.of_seed(row)["interventions"].values())) for row in range(len(SEEDS))]
    if counted[1] <= before[1]:
        raise Fault("does not count a NaN: a row whose score is not finite was counted nowhere.")
    if counted[0] != before[0] or counted[2] != before[2]:
        raise Fault("counts a seed's NaN for another seed.")


def check_keys(subject: Subject) -> None:
    """Every setting that changes what is trained is in a key, and a component's fields are all in its key."""
    first, again = subject.nodes(), subject.nodes()
    if {name: node.label for name, node in first.items()} != {name: node.label for name, node in again.items()}:
        raise Fault("gives its components another key each time it is asked.")
    labels = every_label(subject)
    for name, method in changed_methods(subject):
        other = Subject(subject.name, method, subject.setup, subject.data)
        try:
            same = every_label(other) == labels
        except MethodError:
            continue  # a combination of settings that the method refuses
        if same and not same_tensors(subject, other):
            raise Fault(f"has a setting that is missing in a key: {name} changes what is trained, but no key.")


def every_label(subject: Subject) -> list[str]:
    """The labels of the method's components and all they stand on."""
    return [node.label for node in ordered(subject.nodes().values())]


def every_component(subject: Subject) -> list[Component]:
    """The method's components and all they stand on, each once, as far as they have to be made."""
    return [node.component for node in ordered(subject.nodes().values())]


def same_tensors(subject: Subject, other: Subject) -> bool:
    """Whether two settings make the same components, bit for bit."""
    for mine, theirs in zip(every_component(subject), every_component(other), strict=True):
        a, b = subject.make(mine, SEEDS).state_dict(), other.make(theirs, SEEDS).state_dict()
        if a.keys() != b.keys() or not all(torch.equal(a[name], b[name]) for name in a):
            return False
    return True


def changed_methods(subject: Subject) -> Iterator[tuple[str, Method]]:
    """The method with one setting changed to another that is within its bounds, for every setting."""
    hints = get_type_hints(type(subject.method), include_extras=True)
    for item in dataclasses.fields(subject.method):  # pyright: ignore[reportArgumentType]
        value = getattr(subject.method, item.name)
        for other in other_values(value, hints[item.name]):
            method = dataclasses.replace(subject.method, **{item.name: other})  # pyright: ignore
            try:
                check_bounds(method, subject.name)
            except UserError:
                continue
            yield item.name, method
            break


def other_values(value: Any, hint: Any) -> list[Any]:
    """Values that a setting may be changed to; the first one within its bounds is taken."""
    base, metadata = split_hint(hint)
    if get_origin(base) is Literal:
        return [choice for choice in get_args(base) if choice != value]
    if any(isinstance(item, Parsed) for item in metadata):
        return [name for name in WEIGHTS if name != value]
    match value:
        case bool():
            return [not value]
        case int() | float():
            return [value + 1, value * 2, value / 2, value - 1]
        case None:
            return [1, 1.0]
    return []


def check_storage(subject: Subject) -> None:
    """What is written to disk and read again acts as what was trained."""
    models, setup = subject.models(), subject.setup
    with tempfile.TemporaryDirectory() as folder:
        store = ComponentStore(Path(folder))
        loaded: dict[str, Any] = {}
        for name, node in subject.nodes().items():
            loaded[name] = models[name]
            if node.made:
                store.save(node.label, models[name], SEEDS, {"seconds_per_seed": 0.0})
                fresh = node.component.build(SeedStreams(SEEDS, "another start"))
                loaded[name] = store.load(node.label, fresh, SEEDS)
        stored = act(subject.method.policy(loaded, setup), SEEDS, subject.rho)
    if not torch.equal(stored, act(subject.policy(), SEEDS, subject.rho)):
        raise Fault(
            "acts otherwise after its components were stored and read; keep all state in parameters and buffers."
        )


CHECKS: Mapping[str, Callable[[Subject], None]] = {
    "declaration": check_declaration,
    "shapes": check_shapes,
    "repeatable": check_repeatable,
    "seeds apart": check_seeds_apart,
    "unguided at ρ = 0": check_unguided,
    "counts": check_counts,
    "keys": check_keys,
    "storage": check_storage,
}


def make_subject(name: str, cls: type[Method]) -> Subject:
    """The method with its default settings, on the small task."""
    fields = {item.name for item in dataclasses.fields(cls)}  # pyright: ignore[reportArgumentType]
    return Subject(name, cls(**{key: value for key, value in SMALL.items() if key in fields}))


def check_method(name: str, cls: type[Method], say: Callable[[str], None]) -> list[str]:
    """Run every check, say one line for each, and return the faults, one sentence each.

    Args:
        name: as registered.
        cls: the method.
        say: told a line.
    """
    subject, faults = make_subject(name, cls), []
    for title, check in CHECKS.items():
        started = time.monotonic()
        try:
            check(subject)
        except Fault as fault:
            faults.append(f"{name} {fault}")
            say(f"  FAILED  {title}: {fault}")
        except Exception as error:  # whatever a user's code raises
            faults.append(f"{name} raises {type(error).__name__}: {error}")
            say(f"  FAILED  {title}: {type(error).__name__}: {error}")
        else:
            say(f"  ok      {title} ({time.monotonic() - started:.1f} s)")
    return faults
