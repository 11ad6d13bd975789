"""What the harness asks of every registered method, held on a tiny task: a new file is picked up by its name."""

import dataclasses
import json

import pytest
import torch
from tiny import HIGH, LOW, OBSERVATIONS, made, tiny_data, tiny_shared

from bench.runner.plan import node_of
from methods.cep import CEP
from methods.core.method import DiffusionPolicy, Method, Policy
from methods.core.registry import get_method, method_names
from methods.ddice import DiffusionDICE
from methods.diffusion.denoiser import Denoiser
from methods.idql import IDQL
from training.component import Component
from training.seeds import SeedStreams

SEEDS = (0, 1, 2)
BATCH = 6
SMALL = {"candidates": 3, "support_actions": 3, "support_states": 12, "noises": 2, "batch_size": 8}

every_method = pytest.mark.parametrize("name", method_names())


def small(name) -> Method:
    """The method with its sizes made tiny, by the names that the built-in methods give them."""
    cls = get_method(name)
    fields = {field.name for field in dataclasses.fields(cls)}
    return cls(**{field: value for field, value in SMALL.items() if field in fields})


def made_parts(method, shared, seeds):
    known = {}
    parts = method.components(shared)
    return {name: made(component, tiny_data(), seeds, known) for name, component in parts.items()}


def policy_of(name, seeds, rho):
    method, shared = small(name), tiny_shared()
    return method.policy(made_parts(method, shared, seeds), shared, rho)


def observations_of(seeds):
    """(seed, batch, observation): the same for a seed whatever its company."""
    return SeedStreams(seeds, "observations").normal(BATCH, OBSERVATIONS)


def act(policy, seeds):
    return policy.act(observations_of(seeds), SeedStreams(seeds, "evaluation"))


def strength(name):
    return get_method(name).rho.default if get_method(name).rho is not None else 0.0


@every_method
def test_it_says_what_it_is(name):
    cls = get_method(name)
    assert issubclass(cls, Method)
    assert cls.title
    assert cls.paper
    assert dataclasses.is_dataclass(cls)
    assert hash(cls()) == hash(cls())
    with pytest.raises(dataclasses.FrozenInstanceError):
        cls().title = "other"
    if cls.rho is not None:
        assert cls.rho.low < cls.rho.high
        assert all(cls.rho.low <= rho <= cls.rho.high for rho in (*cls.rho.grid, cls.rho.default))


@every_method
def test_it_acts_with_finite_actions_in_range_and_counts_its_repairs(name):
    policy = policy_of(name, SEEDS, strength(name))
    assert isinstance(policy, Policy)
    actions = act(policy, SEEDS)
    assert actions.shape == (3, BATCH, 2)
    assert actions.isfinite().all()
    assert (actions >= torch.tensor(LOW)).all()
    assert (actions <= torch.tensor(HIGH)).all()
    assert actions.std() > 0.1  # not all clipped into one corner
    for row in range(3):
        counts = policy.repairs.counts(row)
        assert all(type(count) is int and count >= 0 for count in counts.values())
        assert (counts["guided_rows"] > 0) == (strength(name) != 0)
        assert json.loads(json.dumps(counts)) == counts


@every_method
def test_the_same_seeds_give_the_same_actions_and_the_streams_matter(name):
    policy = policy_of(name, SEEDS, strength(name))
    assert torch.equal(act(policy, SEEDS), act(policy, SEEDS))
    other = policy.act(observations_of(SEEDS), SeedStreams(SEEDS, "another purpose"))
    assert not torch.allclose(act(policy, SEEDS), other)


@every_method
def test_a_seeds_actions_do_not_depend_on_its_company(name):
    """Trained and evaluated in threes, alone, and with others in another order."""
    rows = []
    for seeds in (SEEDS, (1,), (7, 1)):
        rows.append(act(policy_of(name, seeds, strength(name)), seeds)[seeds.index(1)])
    for row in rows[1:]:
        torch.testing.assert_close(row, rows[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in method_names() if get_method(name).rho is not None])
def test_rho_zero_is_the_denoiser_alone_and_another_rho_is_not(name):
    method, shared = small(name), tiny_shared()
    parts = made_parts(method, shared, SEEDS)
    unguided, guided = (method.policy(parts, shared, rho) for rho in (0.0, strength(name)))
    if not isinstance(unguided, DiffusionPolicy):
        pytest.skip("a method with a policy of its own says itself what no guidance is")
    plain = dataclasses.replace(unguided, denoiser=parts["denoiser"])
    assert torch.equal(act(unguided, SEEDS), act(plain, SEEDS))
    assert not torch.allclose(act(guided, SEEDS), act(plain, SEEDS))
    assert isinstance(guided.denoiser, Denoiser)


def leaves(config, path=()):
    """Every field below a frozen dataclass that belongs in its key, as (path, value)."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from leaves(value, (*path, field.name))
        elif field.metadata.get("in_key") is not False:
            yield (*path, field.name), value


def changed(config, path, value):
    """The dataclass with that one field set to something else."""
    if len(path) > 1:
        return dataclasses.replace(config, **{path[0]: changed(getattr(config, path[0]), path[1:], value)})
    match value:
        case bool():
            other = not value
        case int() | float():
            other = value + 1
        case str():
            other = f"{value}x"
        case tuple():
            other = (*value[:-1], value[-1] + 1)
        case None:
            other = 1
    return dataclasses.replace(config, **{path[0]: other})


@every_method
def test_components_have_stable_keys_that_change_with_every_setting(name):
    shared = tiny_shared()
    first, again = (small(name).components(shared) for _ in range(2))
    assert first == again
    assert first
    for part, component in first.items():
        assert isinstance(component, Component)
        assert hash(component) == hash(again[part])
        label = node_of(component, "data", {}).label
        assert label == node_of(again[part], "data", {}).label
        assert label.startswith(f"{component.kind}-")
        assert label != node_of(component, "other data", {}).label
        settings = list(leaves(component))
        assert len(settings) > 5
        labels = [node_of(changed(component, *setting), "data", {}).label for setting in settings]
        assert label not in labels
        assert len(set(labels)) == len(labels)


def test_methods_share_the_components_that_are_the_same():
    shared, known = tiny_shared(), {}
    denoisers = {}
    for name in ("unguided", "idql", "cep", "ddice", "mse", "dps", "swg", "swg-r"):
        denoisers[name] = node_of(get_method(name)().components(shared)["denoiser"], "data", known)
    assert len({denoisers[name].label for name in ("unguided", "idql", "cep", "ddice", "mse", "dps")}) == 1
    assert denoisers["swg"] is denoisers["swg-r"]
    assert denoisers["swg"].label != denoisers["idql"].label
    assert IDQL().components(shared)["critic"] is shared.critic
    assert DiffusionDICE().components(shared)["critic"] is shared.critic
    energy = node_of(CEP().components(shared)["energy"], "data", known)
    assert energy.upstream["critic"] is node_of(shared.critic, "data", known)
    assert energy.upstream["support"].upstream["behaviour"] is denoisers["cep"]
