"""An episode is the same, bit for bit, whatever is evaluated beside it; what is counted is of episodes alone."""

from collections.abc import Hashable, Sequence
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from drifting import HORIZON, TASK, Drift, make_policy, make_subject

import bench
from bench.conformance.subject import OBSERVATIONS, small_setup
from bench.runner.blocks import Evaluation, count_rows, has_like_rows, reset_seed
from bench.runner.evaluate import Outcome, evaluate, group_scales, split_evaluations
from bench.runner.rollout import roll_out
from methods import Noise, Policy, SeedStreams, SlotPolicy, get_method
from methods.diffusion.sampler import SamplerConfig
from reports.load.schema import Episode
from suites import DensityTask, get_tasks

ON_MOONS = {
    "suite": "toy",
    "tasks": "moons",
    "preset": "smoke",
    "device": "cpu",
    "threads": 1,
    "processes": 1,
    "progress": False,
    "methods": "swg",
    "denoiser": {"steps": 5, "width": 64, "blocks": 1},
    "sampler.steps": 2,
    "evaluation": {"episodes": 30, "inverse_temperatures": [3.0]},
}


def play(policy: Policy, episodes: range, rho: float = 5.0) -> tuple[Episode, ...]:
    evaluation = Evaluation(3, rho, episodes, (), torch.device("cpu"))
    with torch.no_grad():
        (found,) = roll_out(policy, TASK, [evaluation], lambda done, total: None)
    assert found.failure is None
    return tuple(found.episodes[number] for number in episodes)


@pytest.mark.parametrize(("name", "rows"), [("swg", 52), ("idql", 28)])
def test_ten_of_sixty_episodes_are_the_first_ten(name: str, rows: int):
    policy = make_policy(name)
    assert count_rows(policy, TASK, torch.device("cpu")) == rows
    whole = play(policy, range(60))
    assert play(policy, range(10)) == whole[:10]
    assert play(policy, range(10, 60)) == whole[10:]
    assert play(policy, range(37, 38)) == whole[37:38]
    assert len({episode.length for episode in whole}) > 3, "so that they leave the block at different steps"


@pytest.mark.parametrize("name", ["swg", "idql"])
def test_episodes_in_bf16_are_the_same_alone_and_others_than_in_fp32(name: str):
    subject = make_subject(name, get_method(name)())
    rounded = replace(subject.setup, sampler=SamplerConfig(precision="bf16"))
    policy = subject.method.policy(subject.models([3]), rounded)
    whole = play(policy, range(55))
    assert play(policy, range(53, 55)) == whole[53:]
    assert play(make_policy(name), range(53, 55)) != whole[53:]


@pytest.mark.parametrize(("name", "candidates"), [("swg", None), ("swg-r", 3), ("swg-r", 5), ("ddice", 7)])
def test_seven_scales_together_are_each_alone(name: str, candidates: int | None):
    """Bit for bit, counts too; 20 episodes at seven scales pass through the rows of one block."""
    settings = {} if candidates is None else {"candidates": candidates}
    scales = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
    evaluations = [Evaluation(3, rho, range(20), (), torch.device("cpu")) for rho in scales]
    if not has_like_rows(make_policy(name, **settings), TASK, evaluations[0]):
        pytest.skip("rows differ by rounding on this processor, so that scales are rolled out alone")
    together = evaluate_at(scales, make_policy(name, **settings))
    assert len({outcome.scores for outcome in together}) == 7
    for rho, outcome in zip(scales, together, strict=True):
        assert evaluate_at((rho,), make_policy(name, **settings)) == (outcome,)


def evaluate_at(scales: Sequence[float], policy: Policy) -> tuple[Outcome, ...]:
    """20 episodes at each scale."""
    evaluations = [Evaluation(3, rho, range(20), (), torch.device("cpu")) for rho in scales]
    return evaluate(policy, TASK, evaluations, lambda done, total: None)


def test_unguided_scales_and_densities_are_evaluated_alone():
    """At ρ = 0 no gradient is made; and a policy that is not of slots counts as it likes."""
    policy = make_policy("swg")
    assert group_scales(policy, TASK, [1.0, 0.0, 2.0]) == [[0, 2], [1]]
    assert group_scales(policy, TASK, [1.0, 1.0 + 1e-9, 2.0]) == [[0, 2], [1]], "the same rows to the counts"
    assert group_scales(make_policy("unguided"), TASK, [0.0]) == [[0]]
    (density,) = get_tasks("toy", ["moons"])
    assert group_scales(policy, density, [1.0, 2.0]) == [[0], [1]]
    assert group_scales(object(), TASK, [1.0, 2.0]) == [[0], [1]]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("actions", [1, 2, 3, 5, 6, 7, 8, 9, 12])
def test_scales_together_are_each_alone_with_any_number_of_actions(actions: int):
    """Products of some numbers of columns round by the row; where rows differ, scales are not together."""
    setup = replace(small_setup(), action_dim=actions, action_low=(-1.0,) * actions, action_high=(1.0,) * actions)
    setup = replace(setup, denoiser=replace(setup.denoiser, width=256))
    task = replace(TASK, action_dim=actions)
    scales, device = (1.0, 5.0, 20.0), torch.device("cpu")
    evaluations = [Evaluation(3, rho, range(20), (), device) for rho in scales]

    method, streams = get_method("swg")(), SeedStreams([3], "x")
    models = {name: each.build(streams) for name, each in method.components(setup).items()}

    def make() -> Policy:
        return method.policy(models, setup)

    alone = [evaluate(make(), task, [each], lambda *_: None)[0] for each in evaluations]
    for places in split_evaluations(make(), task, evaluations):
        found = evaluate(make(), task, [evaluations[place] for place in places], lambda *_: None)
        assert list(found) == [alone[place] for place in places]


class ByRow(SlotPolicy):
    """A policy whose actions depend on the row, as rounding may."""

    def act(self, observations: torch.Tensor, rho: torch.Tensor, noise: Noise) -> torch.Tensor:
        actions = super().act(observations, rho, noise)
        return actions + 1e-7 * torch.arange(actions.shape[1])[:, None]


def test_rows_that_are_not_alike_are_found():
    policy = make_policy()
    assert isinstance(policy, SlotPolicy)
    unlike = ByRow(**{field.name: getattr(policy, field.name) for field in fields(policy)})
    evaluations = [Evaluation(3, rho, range(20), (), torch.device("cpu")) for rho in (1.0, 2.0)]
    assert not has_like_rows(unlike, TASK, evaluations[0])
    assert split_evaluations(unlike, TASK, evaluations) == [[0], [1]]


def test_the_rows_of_a_call_change_digits_alone():
    """What the blocks are for: with other shapes the same states give the same actions but for rounding."""
    policy = make_policy()
    observations = SeedStreams([3], "observations").normal(50, OBSERVATIONS)

    def act(count: int) -> torch.Tensor:
        noise = Evaluation(3, 5.0, range(0), (), torch.device("cpu")).noise(TASK, range(count))
        with torch.no_grad():
            return policy.act(observations[:, :count], torch.full((1, count), 5.0), noise)[0]

    whole = act(50)
    for count in (1, 3, 7, 20):
        assert torch.allclose(act(count), whole[:count], atol=1e-4)


def test_episodes_and_counts_are_those_of_each_alone():
    """The policy by hand, a row at a time: the same steps, and evaluations of no row but the episodes' own."""
    (outcome,) = evaluate(
        make_policy(), TASK, [Evaluation(3, 5.0, range(3), (), torch.device("cpu"))], lambda done, total: None
    )
    policy = make_policy()
    calls = len(policy.denoiser.schedule)  # pyright: ignore[reportAttributeAccessIssue]
    steps = sum(episode.length for episode in outcome.episodes)
    spent = {"function": calls * steps, "gradient": calls * steps, "beside": 0, "guided_rows": calls * steps}
    assert outcome.counts["evaluations"] == {**spent, "actions": steps}
    for number, episode in enumerate(outcome.episodes):
        environment = Drift()
        assert episode.seed == reset_seed("drift", 3, number, "evaluation")
        observation, _ = environment.reset(seed=episode.seed)
        noise = Evaluation(3, 5.0, range(0), (), torch.device("cpu")).noise(TASK, [number])
        total, length, ended = 0.0, 0, False
        while not ended and length < HORIZON:
            with torch.no_grad():
                given = torch.from_numpy(observation)[None, None]
                action = policy.act(given, torch.tensor([[5.0]]), noise)[0, 0]
            noise.advance()
            observation, reward, ended, *_ = environment.step(action.numpy())
            total, length = total + reward, length + 1
        assert length == episode.length
        assert total == pytest.approx(episode.episode_return, abs=1e-3)


def test_unguided_actions_are_the_same_for_every_method_that_shares_the_denoiser():
    """Noise names no method: at ρ = 0 `cep`, `ddice` with one candidate and `unguided` play the same episodes."""
    plays = [
        play(make_policy(name, **settings), range(4), rho=0.0)
        for name, settings in (("unguided", {}), ("cep", {"support_states": 12}), ("ddice", {"candidates": 1}))
    ]
    assert plays[0] == plays[1] == plays[2]


def test_samples_of_a_density_can_be_added():
    (task,) = get_tasks("toy", ["moons"])
    assert isinstance(task, DensityTask)
    setup = replace(small_setup(), observation_dim=1)
    method = get_method("unguided")()
    models = {name: each.build(SeedStreams([3], "x")) for name, each in method.components(setup).items()}
    policy = method.policy(models, setup)
    evaluation = Evaluation(3, 0.0, range(600), (0.0, 3.0), torch.device("cpu"))
    points = [
        np.concatenate([at.ours for at in evaluate(policy, task, [each], lambda *_: None)[0].points])
        for each in (evaluation, replace(evaluation, episodes=range(40)))
    ]
    assert np.array_equal(points[0][:40], points[1][:40])
    assert np.array_equal(points[0][600:640], points[1][40:])
    assert len(np.unique(points[0], axis=0)) > 400


def test_a_seed_and_a_scale_are_the_same_alone_and_with_others(tmp_path, artifacts):
    """Of a density, whose distance has all digits of its samples; the second run of a folder resumes it."""

    def run(folder: str, **options: object) -> dict[Hashable, float]:
        where = {"results": tmp_path / folder, "artifacts": artifacts}
        frame = bench.run(**{**ON_MOONS, **options}, **where)
        return {
            (seed, rho): score
            for seed, rho, score in zip(frame["seed"], frame["rho"], frame["score"], strict=True)
        }

    together = run("together", seeds=[0, 1, 2], rho=[0.5, 1.0, 2.0, 4.0, 5.0, 8.0, 16.0])
    assert len(set(together.values())) == 21
    assert run("alone", seeds=[1], rho=5.0) == {(1, 5.0): together[1, 5.0]}
    assert run("alone", seeds=[2, 1], rho=[5.0]) == {(seed, 5.0): together[seed, 5.0] for seed in (2, 1)}
