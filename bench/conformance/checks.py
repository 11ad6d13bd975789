"""Conformance: what the harness asks of every method, checked on a task on which everything trains in seconds.

Each check raises `Fault` with one sentence. The task has random transitions with 3 observations and 2 actions; all
components are really trained, for a few steps.
"""

import dataclasses
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
from torch import Tensor, nn

from bench.config.check_settings import check_bounds, split_hint
from bench.conformance.fault import Fault, run_checks
from bench.conformance.subject import ACTIONS, HIGH, LOW, OBSERVATIONS, ROWS, SEEDS, Subject, act, make_subject
from bench.runner.estimate import estimate_making
from bench.runner.nodes import sort_upstream_first
from bench.storage.components import ComponentStore
from critics.losses import VALUE_LOSSES
from critics.weights import WEIGHTS
from foundation.bounds import Parsed
from foundation.errors import UserError
from methods.core.method import Method, SlotMethod
from methods.core.policy import Policy, make_policy
from training import Component, SeedStreams, Step, Trained
from training.checkpoint import build_untrained
from training.optimiser import make_optimisers


def check_declaration(subject: Subject) -> None:
    """Title, paper, frozen settings within their bounds, and a range of ρ that holds its default and grid."""
    cls = type(subject.method)
    if not (cls.title and cls.paper):
        raise Fault("says no title or no paper; set both as class attributes.")
    hash(subject.method)
    try:
        check_bounds(subject.method, subject.name)
    except UserError as error:
        raise Fault(f"has a default out of its own bounds: {error}") from error
    for component in every_component(subject):
        if "kind" not in vars(type(component)):
            raise Fault(f"has a component {type(component).__name__} without a `kind` of its own.")
    rho = cls.rho
    if rho is not None and not all(rho.low <= scale <= rho.high for scale in (*rho.grid, rho.default)):
        raise Fault(f"has a default or a grid of ρ outside {rho.low:g} to {rho.high:g}.")


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
    """One loss per seed for each group, and one group for every trained parameter."""
    names, found = {group.name for group in component.groups}, set[str]()
    for number in range(max(group.every for group in component.groups)):
        for name, loss in first_losses(subject, component, module, SEEDS, number).items():
            found.add(name)
            if name not in names:
                raise Fault(f"{component.kind}: a loss is called {name!r}, its groups {', '.join(sorted(names))}.")
            if loss.shape != (len(SEEDS),):
                raise Fault(f"{component.kind}: the loss {name!r} has shape {tuple(loss.shape)}, not (seed,).")
    if names - found:
        raise Fault(f"{component.kind}: the group {sorted(names - found)[0]!r} never has a loss.")
    make_optimisers(module, component.groups)
    begins = tuple(start for group in component.groups for start in group.parameters)
    for name, parameter in module.named_parameters():
        if parameter.requires_grad and not name.startswith(begins):
            raise Fault(f"{component.kind}: no group has the parameter {name}, so it is never trained.")


def first_losses(
    subject: Subject, component: Trained[Any], module: Any, seeds: tuple[int, ...], number: int = 0
) -> Mapping[str, Tensor]:
    """The losses of one step with random numbers that are the same for a seed whatever its company."""
    models = {name: subject.make(other, seeds) for name, other in component.upstream().items()}
    noise = SeedStreams(seeds, "losses")
    precomputed = component.precompute(Step(subject.data, models, noise))
    return component.losses(module, Step(subject.data, models, noise, precomputed, number))


def check_repeatable(subject: Subject) -> None:
    """Equal noise gives equal losses and actions, and nothing is drawn from torch's own generator."""
    before = torch.random.get_rng_state()
    for component in every_component(subject):
        if isinstance(component, Trained):
            module = component.build(SeedStreams(SEEDS, "repeated"))
            one, two = (first_losses(subject, component, module, SEEDS) for _ in range(2))
            if not all(torch.equal(one[name], two[name]) for name in one):
                raise Fault(f"{component.kind}: gives other losses for equal noise; draw from `step.noise`.")
    policy = subject.policy()
    if not torch.equal(act(policy, SEEDS, subject.rho), act(policy, SEEDS, subject.rho)):
        raise Fault("is not deterministic given observations and noise; draw all random numbers from `noise`.")
    if not torch.equal(before, torch.random.get_rng_state()):
        raise Fault("draws from torch's own generator; draw from `step.noise`, `streams` or `noise`.")


def check_seeds_apart(subject: Subject) -> None:
    """A seed's losses and actions are alone what they are in company."""
    for component in every_component(subject):
        if isinstance(component, Trained):
            together, alone = (
                first_losses(subject, component, component.build(SeedStreams(seeds, "apart")), seeds)
                for seeds in (SEEDS, (1,))
            )
            for name, loss in together.items():
                if not torch.allclose(loss[SEEDS.index(1)], alone[name][0], rtol=1e-3, atol=1e-5):
                    raise Fault(f"{component.kind}: mixes seeds: a seed's loss changes with the seeds beside it.")
    rows = [act(subject.policy(seeds), seeds, subject.rho)[seeds.index(1)] for seeds in (SEEDS, (1,), (7, 1))]
    for row in rows[1:]:
        if not torch.allclose(row, rows[0], rtol=1e-3, atol=1e-4):
            raise Fault("mixes seeds: a seed's actions change when other seeds are trained or evaluated with it.")


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
        raise Fault(f"has the same actions at ρ = {subject.rho:g} and ρ = 0: guidance has no effect.")


def plain_policy(subject: Subject) -> Policy | None:
    """Sampling without guidance; None for a method with a policy of its own, which only itself knows."""
    method = subject.method
    if not isinstance(method, SlotMethod):
        return None
    return make_policy(method.objective(), None, method.selection(), subject.models(), subject.setup)


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
    before, after = count_by_seed(policy), count_by_seed(broken)
    if not any(count > before[1].get(name, 0) for name, count in after[1].items()):
        raise Fault("does not count a NaN: a row whose score is not finite was counted nowhere.")
    if any(before[row] != after[row] for row in range(len(SEEDS)) if row != 1):
        raise Fault("counts a seed's NaN for another seed.")


def count_by_seed(policy: Policy) -> list[dict[str, int]]:
    """Interventions of every seed by name, summed over the levels."""
    found = [policy.counts.of_seed(row)["interventions"] for row in range(len(SEEDS))]
    return [{name: sum(by_level) for name, by_level in each.items()} for each in found]


def check_keys(subject: Subject) -> None:
    """Every setting that changes what is trained is in a key."""
    first, again = subject.nodes(), subject.nodes()
    if {name: node.label for name, node in first.items()} != {name: node.label for name, node in again.items()}:
        raise Fault("gives its components another key each time it is asked.")
    labels = every_label(subject)
    for name, method in changed_methods(subject):
        other = Subject(subject.name, method, subject.setup, subject.data)
        try:
            same = every_label(other) == labels
        except UserError:
            continue  # a combination of settings that the method refuses
        if same and not same_tensors(subject, other):
            raise Fault(f"has a setting that is missing in a key: {name} changes what is trained, but no key.")


def every_label(subject: Subject) -> list[str]:
    """The labels of the method's components and all they stand on."""
    return [node.label for node in sort_upstream_first(subject.nodes().values())]


def every_component(subject: Subject) -> list[Component]:
    """The method's components and all they stand on, each once, as far as they have to be made."""
    return [node.component for node in sort_upstream_first(subject.nodes().values())]


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
            try:
                method = dataclasses.replace(subject.method, **{item.name: other})  # pyright: ignore
                check_bounds(method, subject.name)
            except ValueError:  # out of bounds, or what the method itself refuses
                continue
            yield item.name, method
            break


def other_values(value: Any, hint: Any) -> list[Any]:
    """Values that a setting may be changed to; the first one within its bounds is taken."""
    base, metadata = split_hint(hint)
    if get_origin(base) is Literal:
        return [choice for choice in get_args(base) if choice != value]
    if any(isinstance(item, Parsed) for item in metadata):
        return [name for name in (*WEIGHTS, *VALUE_LOSSES) if name != value]
    match value:
        case bool():
            return [not value]
        case int() | float():
            return [each for each in (value + 1, value * 2, value / 2, value - 1, 0.5) if each != value]
        case None:
            return [1.0] if any(split_hint(arm)[0] is float for arm in get_args(base)) else [1]
        case str():
            return [f"{value}x"]
        case tuple():
            return [(*value[:-1], *other_values(value[-1], type(value[-1]))[:1])] if value else []
    return []


def check_estimate(subject: Subject) -> None:
    """Its components can be timed before anything is trained, as every run does."""
    for node in sort_upstream_first(subject.nodes().values()):
        estimate_making(node, SEEDS, subject.data)


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
            "changes its actions after saving and loading its components; keep all state in their buffers."
        )


def check_knobs(subject: Subject) -> None:
    """Every knob's values are within the setting's bounds and give components and a policy that acts."""
    for name, knob in type(subject.method).knobs.items():
        for value in knob.ends:
            try:
                method = dataclasses.replace(subject.method, **{name: value})  # pyright: ignore
                check_bounds(method, subject.name)
                components = method.components(subject.setup)
            except (ValueError, UserError) as error:
                raise Fault(f"has a knob {name} with a value {value!r} that it refuses: {error}") from error
            models = {part: build_untrained(each, SEEDS, subject.data) for part, each in components.items()}
            actions = act(method.policy(models, subject.setup), SEEDS, subject.rho)
            if actions.shape != (len(SEEDS), ROWS, ACTIONS):
                raise Fault(f"gives actions of shape {tuple(actions.shape)} at {name} = {value!r}.")


CHECKS: Mapping[str, Callable[[Subject], None]] = {
    "declaration": check_declaration,
    "shapes": check_shapes,
    "repeatable": check_repeatable,
    "seeds apart": check_seeds_apart,
    "unguided at ρ = 0": check_unguided,
    "counts": check_counts,
    "keys": check_keys,
    "knobs": check_knobs,
    "estimate": check_estimate,
    "storage": check_storage,
}


def check_method(name: str, cls: type[Method], say: Callable[[str], None]) -> list[str]:
    """Run every check, say one line for each, and return the faults, one sentence each.

    Args:
        name: as registered.
        cls: the method.
        say: told a line.
    """
    subject = make_subject(name, cls)
    return run_checks(name, {title: partial(check, subject) for title, check in CHECKS.items()}, say)
