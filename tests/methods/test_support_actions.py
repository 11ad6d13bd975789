"""Support actions stand where they should, and a state's are the same bits whatever is computed beside it."""

import dataclasses
import signal
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from tiny import ACTIONS, make, quiet, tiny_data, tiny_setup
from torch import Tensor, nn

import methods.core.support
from foundation.stopping import Stopped, handle_signals
from methods import SeedStreams, SupportActions
from methods.diffusion.keyed_noise import KeyedNoise
from methods.diffusion.sampler import Bounds, sample
from methods.diffusion.schedule import make_schedule
from training import compute
from training.networks import take_seed

SEEDS = (0, 1)


def support_on(setup: Any, states: int) -> SupportActions:
    return SupportActions(setup.behaviour(), states, 3, setup.sampler, setup.action_low, setup.action_high)


@pytest.mark.parametrize("states", [20, 48, 100])
def test_support_actions_stand_at_states_of_the_data_and_in_range(states: int):
    setup, data = tiny_setup(), tiny_data()
    support = make(support_on(setup, states), SEEDS)
    assert support.actions.shape == (2, states, 3, ACTIONS)
    low, high = torch.tensor(setup.action_low), torch.tensor(setup.action_high)
    assert ((support.actions >= low) & (support.actions <= high)).all()
    same = (support.observations[:, :, None] == data.observations).all(-1)
    assert (same.sum(-1) == 1).all()
    times = same.sum(1)
    # Without replacement, and around again where more states are asked for than there are.
    assert times.min() == states // len(data)
    assert times.max() == -(-states // len(data))
    assert support.actions.std(2).mean() > 0.1  # the draws of one state differ
    assert not torch.equal(support.actions[0], support.actions[1])


class Telling(nn.Module):
    """A behaviour model that says at which state it was asked: the action is the observation's first numbers."""

    schedule, channels = make_schedule("vp", 4), ACTIONS

    def forward(self, z: Tensor, level: int, observations: Tensor) -> Tensor:
        return observations[..., :ACTIONS]


def test_support_actions_stand_at_the_state_or_at_the_next_state_of_their_transition():
    setup, data = tiny_setup(), tiny_data()
    setup = dataclasses.replace(setup, action_low=(-9.0, -9.0), action_high=(9.0, 9.0))
    here = support_on(setup, 20)
    models, reported = {"behaviour": Telling()}, []
    support = compute(here, data, models, SEEDS, lambda *done: reported.append(done))
    at = support.get_buffer("observations")[..., :ACTIONS]
    torch.testing.assert_close(support.get_buffer("actions"), at[:, :, None].expand(-1, -1, 3, -1))
    assert set(dict(support.named_buffers())) == {"observations", "actions"}
    assert reported[-1] == (40, 40)

    following = compute(here.at_next_states(), data, models, SEEDS, lambda *done: None)
    index = following.get_buffer("index")
    assert index.shape == (2, 20)
    assert not torch.equal(index[0], index[1])
    there = data.next_observations[index][..., :ACTIONS]
    torch.testing.assert_close(following.get_buffer("actions"), there[:, :, None].expand(-1, -1, 3, -1))
    assert set(dict(following.named_buffers())) == {"index", "actions"}


WIDE = dataclasses.replace(tiny_setup(), denoiser=dataclasses.replace(tiny_setup().denoiser, width=128))


def draw(seeds: tuple[int, ...], states: int, behaviour: nn.Module) -> dict[str, Tensor]:
    """The buffers, for networks so wide that their products round by their number of rows and of seeds."""
    support = compute(support_on(WIDE, states), tiny_data(), {"behaviour": behaviour}, seeds, quiet)
    return dict(support.named_buffers())


def test_a_seeds_support_actions_are_the_same_alone_and_with_others_and_with_more_states(monkeypatch):
    monkeypatch.setattr(methods.core.support, "ROWS", 40)  # 13 states of 3 actions
    behaviour = WIDE.behaviour().build(SeedStreams((4, 5, 6), "x"))
    together = draw((4, 5, 6), 100, behaviour)
    for seeds, states in (((5,), 100), ((5,), 31), ((6, 4), 60), ((5,), 1)):
        places = [(4, 5, 6).index(seed) for seed in seeds]
        models = [take_seed(behaviour, place).state_dict() for place in places]
        chosen = WIDE.behaviour().build(SeedStreams(seeds, "y"))
        chosen.load_state_dict({name: torch.cat([model[name] for model in models]) for name in models[0]})
        for name, found in draw(seeds, states, chosen).items():
            assert torch.equal(found, together[name][places, :states]), name


def test_a_states_actions_are_a_sample_with_the_noise_of_its_seed_and_place():
    """State by state, without blocks: equal but for rounding."""
    behaviour, data = WIDE.behaviour().build(SeedStreams((4, 5), "x")), dataclasses.replace(tiny_data(), key="set")
    support = compute(support_on(WIDE, 7), data, {"behaviour": behaviour}, (4, 5), quiet)
    bounds = Bounds(torch.tensor(WIDE.action_low), torch.tensor(WIDE.action_high))
    for number, seed in enumerate((4, 5)):
        for place in range(7):
            noise = KeyedNoise(seed, "set/support/training/actions", [place])
            rows = support.get_buffer("observations")[number, place].expand(1, 3, -1)
            alone = take_seed(behaviour, number)
            normal = {key: noise.normal(key, 3, ACTIONS)[0] for key in ("start", "step-0", "step-1", "step-2")}
            drawn = sample(alone, rows, Written(normal), WIDE.sampler, bounds)
            torch.testing.assert_close(drawn[0], support.get_buffer("actions")[number, place], atol=1e-5, rtol=0)


@dataclasses.dataclass(frozen=True)
class Written:
    """Noise that is written down, (1, action, channel) for each key."""

    numbers: dict[str, Tensor]

    def normal(self, key: str, *shape: int) -> Tensor:
        return self.numbers[key]

    def uniform(self, key: str, *shape: int) -> Tensor:
        raise NotImplementedError


def test_another_data_set_has_other_actions_at_the_same_places():
    behaviour = WIDE.behaviour().build(SeedStreams((4,), "x"))
    drawn = [
        compute(
            support_on(WIDE, 48), dataclasses.replace(tiny_data(), key=key), {"behaviour": behaviour}, (4,), quiet
        ).get_buffer("actions")
        for key in ("one", "other")
    ]
    assert abs(torch.corrcoef(torch.stack([actions.flatten() for actions in drawn]))[0, 1]) < 0.25  # of 288


def test_a_seed_is_taken_out_of_a_module_and_leaves_it_as_it_was():
    module = WIDE.behaviour().build(SeedStreams((4, 5), "x"))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    alone = take_seed(module, 1).state_dict()
    assert alone.keys() == before.keys()
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert torch.equal(alone[name], before[name][1:])


@dataclasses.dataclass
class KeptParts:
    """Parts in memory; satisfies `training.filled_rows.PartFiles`."""

    owner: str = "support-1234"
    parts: list[bytes] = dataclasses.field(default_factory=list)
    said: list[str] = dataclasses.field(default_factory=list)

    def read(self) -> Iterator[tuple[str, bytes]]:
        return ((str(place), content) for place, content in enumerate(self.parts))

    def write(self, content: bytes) -> None:
        self.parts.append(content)

    def refuse(self, names: Sequence[str], sentence: str) -> None:
        self.said.append(sentence)
        self.parts = [content for place, content in enumerate(self.parts) if str(place) not in names]


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> tuple[SupportActions, Any, KeptParts]:
    """Of 2 × 18 states in blocks of 4, kept after each, that ends after the third block of the second seed."""
    monkeypatch.setattr(methods.core.support, "ROWS", 12)
    monkeypatch.setattr("training.loop.CHECKPOINT_SECONDS", -1.0)
    setup, parts = tiny_setup(), KeptParts()
    component = support_on(setup, 18)  # the last block of a seed has two
    models = {"behaviour": make(setup.behaviour(), SEEDS)}

    def stop(done: int, total: int) -> None:
        if done > 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute(component, tiny_data(), models, SEEDS, stop, parts)
    return component, models, parts


def test_a_computation_that_was_interrupted_goes_on(interrupted):
    component, models, parts = interrupted
    assert len(parts.parts) == 8
    whole, reported = compute(component, tiny_data(), models, SEEDS, quiet), []
    found = compute(component, tiny_data(), models, SEEDS, lambda done, _: reported.append(done), parts)
    assert reported == [34, 36], "what is kept is not drawn again"
    for name, buffer in whole.named_buffers():
        assert torch.equal(found.get_buffer(name), buffer), name


@pytest.mark.parametrize("damage", ["flipped", "gone", "another"])
def test_a_part_that_cannot_be_gone_on_from_ends_what_is_taken(interrupted, damage):
    component, models, parts = interrupted
    match damage:
        case "flipped":
            parts.parts[5] = parts.parts[5][:-1] + bytes([parts.parts[5][-1] ^ 1])
        case "gone":
            del parts.parts[5]
        case "another":
            parts.owner = "support-5678"
    whole, reported = compute(component, tiny_data(), models, SEEDS, quiet), []
    found = compute(component, tiny_data(), models, SEEDS, lambda done, _: reported.append(done), parts)
    assert reported[0] == (4 if damage == "another" else 22)
    reasons = {
        "flipped": "part '5' is damaged",
        "gone": "part '5' has actions of shape",
        "another": "part '0' is of",
    }
    assert reasons[damage] in parts.said[0]
    assert ("begins at its start" if damage == "another" else "goes on after row 18") in parts.said[0]
    assert torch.equal(found.get_buffer("actions"), whole.get_buffer("actions"))


def test_a_signal_ends_it_once_what_is_drawn_is_kept(monkeypatch):
    monkeypatch.setattr(methods.core.support, "ROWS", 12)
    setup, parts = tiny_setup(), KeptParts()
    models = {"behaviour": make(setup.behaviour(), SEEDS)}

    def ask(done: int, total: int) -> None:
        if done == 12:
            signal.raise_signal(signal.SIGTERM)

    with handle_signals(), pytest.raises(Stopped):
        compute(support_on(setup, 20), tiny_data(), models, SEEDS, ask, parts)
    reported: list[int] = []
    compute(support_on(setup, 20), tiny_data(), models, SEEDS, lambda done, _: reported.append(done), parts)
    assert reported[0] == 16
