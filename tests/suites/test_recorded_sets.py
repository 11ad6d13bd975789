"""Data sets recorded with Minari: what it records of Gymnasium loads, or is refused with a remedy."""

from pathlib import Path

import gymnasium as gym
import minari
import numpy as np
import pytest
from minari.data_collector import EpisodeBuffer

from suites.data import load
from suites.environments import make_gymnasium
from suites.errors import DataError
from suites.task import ControlTask

Box = gym.spaces.Box
ROW = Box(-np.inf, np.inf, (3,), np.float64)
ACTIONS = Box(-1.0, 1.0, (2,), np.float32)
STEPS = 6


@pytest.fixture(autouse=True)
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))


def record(observations: gym.Space, actions: gym.Space, *, scale: float = 1.0, name: str = "mine/set-v0") -> None:
    """Two episodes of drawn observations and actions: the first ends, the second is left unfinished."""
    observations.seed(0)
    generator = np.random.default_rng(0)
    episodes = [
        EpisodeBuffer(
            observations=stack([observations.sample() for _ in range(STEPS + 1)]),  # pyright: ignore
            actions=draw(actions, generator, scale),
            rewards=list(np.arange(STEPS, dtype=np.float64)),
            terminations=[False] * (STEPS - 1) + [ends],
            truncations=[False] * STEPS,
        )
        for ends in (True, False)
    ]
    with pytest.warns(UserWarning, match="None"):
        minari.create_dataset_from_buffers(name, episodes, action_space=actions, observation_space=observations)


def stack(rows):
    """Rows as Minari keeps them: a dictionary or a tuple of columns, or a list."""
    if isinstance(rows[0], dict):
        return {key: stack([row[key] for row in rows]) for key in rows[0]}
    if isinstance(rows[0], tuple):
        return tuple(stack(list(column)) for column in zip(*rows, strict=True))
    return rows


def draw(space, generator, scale):
    if isinstance(space, Box):
        return list((scale * generator.uniform(-1, 1, (STEPS, *space.shape))).astype(np.float32))
    return stack([space.sample() for _ in range(STEPS)])


def make_task(observation_dim: int = 3, action_dim: int = 2, **fields) -> ControlTask:
    return ControlTask(
        name="mine",
        suite="mine",
        observation_dim=observation_dim,
        action_dim=action_dim,
        datasets={"minari": "mine/set-v0"},
        horizon=STEPS,
        reference=(0.0, 1.0),
        make_environment=dict,  # pyright: ignore[reportArgumentType] (never called)
        **fields,
    )


def read(task: ControlTask, tmp_path: Path, source: str = "minari"):
    return load(task, source, count=1, directory=tmp_path / "data")


@pytest.mark.parametrize("source", ["minari", "file:mine/set-v0"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_rows_of_numbers_load_and_the_unfinished_episode_counts_as_cut(tmp_path, source, kind):
    record(Box(-np.inf, np.inf, (3,), kind), ACTIONS)
    rows = read(make_task(), tmp_path, source)
    assert rows.source == source.partition(":")[0]
    assert rows.observations.dtype == np.float32
    assert np.array_equal(np.flatnonzero(rows.terminals), [STEPS - 1])
    assert np.array_equal(np.flatnonzero(rows.timeouts), [2 * STEPS - 1])
    assert len(rows) == 2 * STEPS


@pytest.mark.parametrize("declared", [(-2.0, 2.0), ((-2.0, -2.0), 2.0)])
def test_actions_of_another_range_are_rescaled_where_the_task_says_so(tmp_path, declared):
    record(ROW, Box(-2.0, 2.0, (2,), np.float32), scale=2.0)
    generator = np.random.default_rng(0)
    expected = np.concatenate([2.0 * generator.uniform(-1, 1, (STEPS, 2)) for _ in range(2)]) / 2.0
    rows = read(make_task(action_range=declared), tmp_path)
    assert rows.actions == pytest.approx(expected, abs=1e-6)


def test_a_range_that_is_not_in_the_middle_is_rescaled_too(tmp_path):
    record(ROW, Box(np.array([-1.0, -3.0]), np.array([3.0, 1.0]), dtype=np.float64))
    generator = np.random.default_rng(0)
    drawn = np.concatenate([generator.uniform(-1, 1, (STEPS, 2)) for _ in range(2)])
    rows = read(make_task(action_range=((-1.0, -3.0), (3.0, 1.0))), tmp_path)
    # -1 is the first one's lowest, 1 the middle; 1 is the second one's highest, -1 the middle.
    assert rows.actions[:, 0] == pytest.approx((drawn[:, 0] - 1) / 2, abs=2e-5)
    assert rows.actions[:, 1] == pytest.approx((drawn[:, 1] + 1) / 2, abs=2e-5)


def test_recorded_actions_beyond_the_declared_range_are_refused(tmp_path):
    record(ROW, Box(-np.inf, np.inf, (2,), np.float32), scale=3.0)
    with pytest.raises(DataError, match=r"actions lie outside \[-1, 1\] in row .*the task's action_range, as in"):
        read(make_task(action_range=(-2.0, 2.0)), tmp_path)


@pytest.mark.parametrize("bound", [2.0, 0.4])
def test_an_undeclared_range_is_refused_even_where_all_actions_lie_in_the_unit_box(tmp_path, bound):
    record(ROW, Box(-bound, bound, (2,), np.float32), scale=bound)
    said = (
        rf"recorded in the range \(-{bound:g}, {bound:g}\), and the task says \(-1, 1\); declare action_range=\(-"
    )
    with pytest.raises(DataError, match=said):
        read(make_task(), tmp_path)


def test_another_declaration_reads_the_set_anew(tmp_path):
    record(ROW, Box(-np.inf, np.inf, (2,), np.float32), scale=1.0)  # a set that does not say its range
    plain = read(make_task(), tmp_path)
    halved = read(make_task(action_range=(-2.0, 2.0)), tmp_path)
    assert halved.actions == pytest.approx(plain.actions / 2, abs=1e-5)


GOAL = gym.spaces.Dict({"achieved_goal": Box(-1, 1, (2,)), "desired_goal": Box(-1, 1, (2,)), "observation": ROW})


def test_a_dictionary_is_joined_by_the_keys_that_the_task_names(tmp_path):
    record(GOAL, ACTIONS)
    inner, turned = (
        read(make_task(sum(widths), observation_keys=keys), tmp_path / str(sum(widths)))
        for keys, widths in ((("observation",), (3,)), (("desired_goal", "observation"), (2, 3)))
    )
    assert np.array_equal(turned.observations[:, 2:], inner.observations)
    assert turned.observations[:, :2].any()
    assert np.array_equal(read(make_task(3), tmp_path / "plain").observations, inner.observations)


REFUSED = {
    "discrete actions": (
        ROW,
        gym.spaces.Discrete(3),
        {},
        r"actions are Discrete\(3\), and diffusion policies need",
    ),
    "a dictionary of actions": (
        ROW,
        gym.spaces.Dict({"u": ACTIONS}),
        {},
        "actions are Dict.*diffusion policies need",
    ),
    "another number of actions": (ROW, Box(-1, 1, (4,)), {}, "actions have 4 numbers, and the task's have 2"),
    "images": (
        Box(0, 255, (4, 4, 3), np.uint8),
        ACTIONS,
        {},
        r"observations are arrays of shape \(4, 4, 3\), and the networks take a row .*FlattenObservation",
    ),
    "a tuple": (
        gym.spaces.Tuple((Box(-1, 1, (2,)), Box(-1, 1, (1,)))),
        ACTIONS,
        {},
        r"observations are Tuple.*, and the networks take a row of numbers; record it through a wrapper",
    ),
    "a dictionary of other widths": (
        GOAL,
        ACTIONS,
        {"observation_dim": 4},
        r"achieved_goal \(2\), desired_goal \(2\), observation \(3\), and the task's have 4 numbers; name the",
    ),
    "a key that is not there": (
        GOAL,
        ACTIONS,
        {"observation_keys": ("observation", "goal")},
        "of which it joins observation, goal, and the task's have 3 numbers; name the entries",
    ),
    "a dictionary in a dictionary": (
        gym.spaces.Dict({"observation": gym.spaces.Dict({"x": ROW})}),
        ACTIONS,
        {},
        r"dictionary of observation \(Dict.*name the entries to join in the task's observation_keys",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_learned_from_is_refused_with_what_to_do(tmp_path, kind):
    observations, actions, fields, said = REFUSED[kind]
    record(observations, actions)
    with pytest.raises(DataError, match=said) as caught:
        read(make_task(**fields), tmp_path)
    assert "\n" not in str(caught.value)


def test_a_set_that_is_nowhere_says_where_it_is_looked_for(tmp_path):
    with pytest.raises(DataError, match="or set MINARI_DATASETS_PATH to the folder that holds it"):
        read(make_task(), tmp_path, "file:mine/other-v0")


def test_a_registered_environment_has_the_unit_box_and_the_horizon_asked_for():
    environment = make_gymnasium("Pendulum-v1", 250)  # it is registered with 200
    assert environment.action_space == Box(-1.0, 1.0, (1,), np.float32)
    plain = gym.make("Pendulum-v1", max_episode_steps=-1)
    assert np.array_equal(environment.reset(seed=3)[0], plain.reset(seed=3)[0])
    for step in range(1, 251):
        action = np.full(1, np.sin(step), np.float32)
        observation, reward, _, truncated, _ = environment.step(action)
        expected = plain.step(2.0 * action.astype(np.float64))
        assert observation == pytest.approx(expected[0], abs=1e-6)
        assert float(reward) == pytest.approx(float(expected[1]), abs=1e-9)
        assert truncated == (step == 250)


@pytest.mark.parametrize(
    ("identifier", "keys", "said"),
    [
        ("CartPole-v1", (), r"actions Discrete\(2\) are not a box with bounds"),
        ("Nothing-v0", (), "Environment `Nothing` doesn't exist"),
        ("Pendulum-v1", ("observation",), "observations have no entry 'observation'; they have none"),
    ],
)
def test_an_environment_that_cannot_be_used_is_one_sentence(identifier, keys, said):
    with pytest.raises(DataError, match=said):
        make_gymnasium(identifier, 10, {}, keys)
