"""Calls take turns in random order; ratios, their interval and shares are as by hand."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.config.spec import Config
from bench.runner import shares, turns
from bench.runner.shares import PartClock, measure_shares, watch
from bench.runner.turns import Taken, divide, measure_bursts, summarize, take_turns
from methods import SeedStreams, SlotPolicy, get_method
from methods.core.setup import Setup
from methods.diffusion.noise import StreamNoise
from reports.analysis.medians import find_median_interval


class Time:
    """A clock that moves only where it is told to, and what was called on it."""

    def __init__(self) -> None:
        self.now, self.calls = 0.0, list[str]()

    def perf_counter(self) -> float:
        return self.now

    def process_time(self) -> float:
        return self.now / 2

    def call(self, name: str, seconds: float) -> None:
        self.calls.append(name)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    found = Time()
    for module in (turns, shares):
        monkeypatch.setattr(module, "time", found)
    return found


def acts(clock: Time):
    return [lambda: clock.call("a", 1.0), lambda: clock.call("b", 3.0), lambda: clock.call("c", 0.5)]


def test_every_turn_has_each_call_once_in_an_order_that_its_seed_gives(clock: Time):
    taken = take_turns(acts(clock), 20, random.Random(0), lambda: None)
    in_turns = ["".join(clock.calls[i : i + 3]) for i in range(0, 60, 3)]
    assert all(sorted(each) == ["a", "b", "c"] for each in in_turns)
    assert len(set(in_turns)) > 3
    assert taken == [Taken((1000.0 * s,) * 20, (500.0 * s,) * 20) for s in (1.0, 3.0, 0.5)]
    before, clock.calls = clock.calls, []
    take_turns(acts(clock), 20, random.Random(0), lambda: None)
    assert clock.calls == before


def test_a_call_is_waited_for_and_a_burst_only_at_its_end(clock: Time):
    """On a device that does its work when it is waited for."""
    waiting = [0]

    def act() -> None:
        waiting[0] += 1

    def settle() -> None:
        clock.now += 0.25 * waiting[0]
        waiting[0] = 0

    (latency,) = take_turns([act], 3, random.Random(0), settle)
    assert latency.wall == (250.0,) * 3
    (burst,) = measure_bursts([act], 50, random.Random(0), settle)
    assert (burst.milliseconds, burst.bursts, burst.calls) == (250.0, 5, 10)


def test_ratios_are_taken_within_a_turn():
    """A load that triples both calls of a turn changes no ratio."""
    load = [1.0, 3.0, 1.0, 3.0, 1.0, 1.0, 9.0]
    one, two = (Taken(tuple(s * each for each in load), ()) for s in (5.0, 2.0))
    found = divide(one, two)
    assert (found.median, found.lower, found.upper, found.p5, found.p95) == pytest.approx((2.5,) * 5)
    other = divide(Taken((2.0, 3.0, 8.0), ()), Taken((1.0, 1.0, 2.0), ()))
    assert (other.median, other.lower, other.upper) == (3.0, None, None)


def test_a_summary_is_that_of_numpy_with_the_sample_deviation():
    found = summarize([1.0, 2.0, 3.0, 4.0, 10.0])
    assert (found.median, found.mean) == (3.0, 4.0)
    assert found.deviation == pytest.approx((50 / 4) ** 0.5)  # 9 + 4 + 1 + 0 + 36 over n - 1
    assert (found.p5, found.p95) == pytest.approx((1.2, 8.8))


@pytest.mark.parametrize(("count", "place"), [(6, 1), (8, 1), (9, 2), (20, 6), (50, 18), (100, 40)])
def test_the_interval_of_a_median_has_the_order_statistics_of_the_tables(count: int, place: int):
    """Such as the 18th of 50 values from either end, by any table of the sign test."""
    values = list(map(float, range(count, 0, -1)))
    assert find_median_interval(values) == (place, count + 1 - place)


def test_the_interval_of_a_median_covers_it_and_there_is_none_under_six():
    assert find_median_interval([1.0, 2.0, 3.0, 4.0, 5.0]) is None
    draws = np.random.default_rng(0).exponential(size=(4000, 20))
    found = [find_median_interval(each) for each in draws]
    covered = np.mean([low <= np.log(2) <= high for low, high in filter(None, found)])
    assert covered == pytest.approx(0.9586, abs=3 * (0.9586 * 0.0414 / 4000) ** 0.5)  # 1 - 2 P(X < 6)


def test_a_part_has_its_time_without_that_of_the_parts_within_it(clock: Time):
    parts = PartClock(lambda: None)

    def inner() -> None:
        clock.call("denoiser", 2.0)

    def steer() -> None:
        clock.call("before", 0.5)
        parts.run("denoiser", inner)
        clock.call("after", 0.25)

    def act() -> None:
        clock.call("draw", 1.0)
        for _ in range(3):
            parts.run("guidance", steer)
        parts.run("selection", clock.call, "choose", 0.75)

    shared = measure_shares(act, parts, 4)
    whole = 1.0 + 3 * 2.75 + 0.75
    assert shared.model_dump() == pytest.approx(
        {"denoiser": 6 / whole, "guidance": 2.25 / whole, "selection": 0.75 / whole, "rest": 1 / whole}
    )


def small_policy(name: str) -> tuple[SlotPolicy, SeedStreams]:
    config = Config()
    setup = Setup(
        observation_dim=3,
        action_dim=2,
        action_low=(-1.0, -1.0),
        action_high=(1.0, 1.0),
        critic_config=replace(config.critic, width=8),
        denoiser=replace(config.denoiser, width=8, levels=4),
        guidance_net_config=replace(config.guidance_net, width=8),
        sampler=config.sampler,
        candidates=3,
    )
    method, streams = get_method(name)(), SeedStreams([0], "watched")
    components = method.components(setup)
    models = {each: component.build(streams).requires_grad_(False) for each, component in components.items()}
    policy = method.policy(models, setup)
    assert isinstance(policy, SlotPolicy)
    return policy, streams


@pytest.mark.parametrize("rho", [0.0, 1.0])
@pytest.mark.parametrize("name", ["idql", "cep", "swg-r"])
def test_a_watched_policy_acts_and_counts_as_it_does_unwatched(name: str, rho: float):
    found = []
    for is_watched in (False, True):
        policy, streams = small_policy(name)
        parts = PartClock(lambda: None)
        policy = watch(policy, parts) if is_watched else policy
        scales = torch.full((1, 5), rho)
        with torch.no_grad():
            action = policy.act(streams.normal(5, 3), scales, StreamNoise(streams, 5))
        found.append((action, policy.counts.of_seed(0)))
        expected = {"denoiser", "selection"} | ({"guidance"} if rho and name != "idql" else set())
        assert set(parts.seconds) == (expected if is_watched else set())
    assert torch.equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]
