"""Transitions say what the episodes said, and data that cannot be learned from are refused by name."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from suites.errors import DataError
from suites.registry import get_tasks
from suites.sources.transitions import Transitions, action_bounds, check, join_episodes
from suites.task import Episode

(UMAZE,) = get_tasks("maze2d", ["maze2d-umaze"])
TOY = get_tasks("toy")[0]


def episode(observations, actions, rewards, terminations, truncations):
    return Episode(
        observations=np.array(observations, np.float64).reshape(-1, 1),
        actions=np.array(actions, np.float64).reshape(-1, 1),
        rewards=np.array(rewards),
        terminations=np.array(terminations),
        truncations=np.array(truncations),
    )


ENDED = episode([0, 1, 2], [0.5, 1.0], [0, 1], [False, True], [False, False])
CUT = episode([7, 8], [-1.0], [3], [False], [True])


def good(count=5):
    generator = np.random.default_rng(0)
    return Transitions(
        observations=generator.normal(size=(count, 4)).astype(np.float32),
        actions=generator.uniform(-1, 1, (count, 2)).astype(np.float32),
        rewards=np.zeros(count, np.float32),
        next_observations=generator.normal(size=(count, 4)).astype(np.float32),
        terminals=np.zeros(count, bool),
        timeouts=np.zeros(count, bool),
        source="local",
        name="local/maze2d-test-v0",
    )


def spoiled(field, row, value):
    array = getattr(good(), field).copy()
    array[row] = value
    return replace(good(), **{field: array})


def test_episodes_become_rows_by_hand():
    rows = join_episodes([ENDED, CUT], source="minari", name="some/set-v0")
    assert len(rows) == 3
    assert rows.observations.ravel().tolist() == [0, 1, 7]
    assert rows.next_observations.ravel().tolist() == [1, 2, 8]  # the cut episode keeps its last step
    assert rows.rewards.tolist() == [0, 1, 3]
    assert rows.terminals.tolist() == [False, True, False]
    assert rows.timeouts.tolist() == [False, False, True]
    assert rows.actions.ravel() == pytest.approx([0.5, 0.99999, -0.99999], abs=1e-7)
    assert (np.abs(rows.actions) < 1).all()
    assert {array.dtype.str for array in rows.arrays().values()} == {"<f4", "|b1"}
    assert (rows.source, rows.name) == ("minari", "some/set-v0")


def test_an_episode_that_just_stops_counts_as_cut():
    stops = replace(CUT, truncations=np.array([False]))
    assert join_episodes([stops, ENDED], source="minari", name="x").timeouts.tolist() == [True, False, False]


@pytest.mark.parametrize("field", ["observations", "rewards", "terminations", "truncations"])
def test_ragged_episodes_are_named(field):
    ragged = replace(ENDED, **{field: getattr(ENDED, field)[:-1]})
    with pytest.raises(DataError, match=rf"set x is damaged: episode 1 has 2 actions and \d {field}"):
        join_episodes([CUT, ragged], source="minari", name="x")


def test_episodes_of_two_widths_and_no_episodes_are_refused():
    wide = replace(CUT, observations=np.zeros((2, 3)))
    with pytest.raises(DataError, match="episode 1 has observations or actions of another size"):
        join_episodes([CUT, wide], source="minari", name="x")
    with pytest.raises(DataError, match="holds no episode"):
        join_episodes([], source="minari", name="x")


def test_actions_far_outside_survive_the_clip_and_fail_the_check():
    far = Episode(np.zeros((3, 4)), np.array([[0.0, 0.5], [0.0, 1.5]]), np.zeros(2), *np.zeros((2, 2), bool))
    rows = join_episodes([far], source="minari", name="x")
    with pytest.raises(DataError, match=r"actions lie outside \[-1, 1\] in row 1: \[0\.  1\.5\]"):
        check(rows, UMAZE)
    near = replace(far, actions=np.array([[0.0, 0.5], [0.0, 1.0005]]))
    check(join_episodes([near], source="minari", name="x"), UMAZE)


def test_good_data_pass():
    check(good(), UMAZE)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("field", ["observations", "actions", "rewards", "next_observations"])
def test_values_that_are_not_finite_are_named_by_array_and_row(field, value):
    with pytest.raises(DataError, match=rf"maze2d-umaze: {field} is not finite in row 3$"):
        check(spoiled(field, 3, value), UMAZE)


@pytest.mark.parametrize(
    ("field", "shape", "expected"),
    [
        ("observations", (5, 3), r"\(5, 4\)"),
        ("actions", (5,), r"\(5, 2\)"),
        ("rewards", (5, 1), r"\(5,\)"),
        ("next_observations", (4, 4), r"\(5, 4\)"),
        ("terminals", (6,), r"\(5,\)"),
    ],
)
def test_wrong_shapes_are_named(field, shape, expected):
    wrong = replace(good(), **{field: np.zeros(shape, bool if field == "terminals" else np.float32)})
    with pytest.raises(DataError, match=rf"{field} has shape .* and should have {expected}"):
        check(wrong, UMAZE)


def test_flags_must_be_boolean_and_data_must_not_be_empty():
    with pytest.raises(DataError, match="terminals has type float32 and should be boolean"):
        check(replace(good(), terminals=np.zeros(5, np.float32)), UMAZE)
    with pytest.raises(DataError, match="holds no transition"):
        check(good(0), UMAZE)


def test_a_densitys_points_may_lie_anywhere():
    points = np.array([[3.0, -2.0], [-1.0, 5.0]], np.float32)
    rows = replace(
        good(2),
        observations=np.zeros((2, 1), np.float32),
        next_observations=np.zeros((2, 1), np.float32),
        actions=points,
    )
    check(rows, TOY)
    low, high = action_bounds(TOY, rows)
    assert (low.tolist(), high.tolist()) == ([-1.0, -2.0], [3.0, 5.0])


def test_control_is_bounded_by_one():
    low, high = action_bounds(UMAZE, good())
    assert (low.tolist(), high.tolist()) == ([-1.0, -1.0], [1.0, 1.0])
    assert low.dtype == high.dtype == np.float32


def test_the_fingerprint_sees_every_bit_but_not_the_name():
    base = good().fingerprint
    assert len(base) == 64
    assert good().fingerprint == base
    assert replace(good(), source="minari", name="other").fingerprint == base
    for field, array in good().arrays().items():
        changed = array.copy()
        changed.reshape(-1).view(np.uint8)[-1] ^= 1
        assert replace(good(), **{field: changed}).fingerprint != base
    swapped = replace(good(), terminals=~good().timeouts, timeouts=good().terminals)
    assert (
        swapped.fingerprint != replace(swapped, terminals=swapped.timeouts, timeouts=swapped.terminals).fingerprint
    )


def test_the_fingerprint_by_the_book():
    rows = good()
    text = b""
    for field in ("observations", "actions", "rewards", "next_observations"):
        array = getattr(rows, field)
        text += f"{field} <f4 {array.shape};".encode() + array.tobytes()
    for field in ("terminals", "timeouts"):
        text += f"{field} |b1 (5,);".encode() + getattr(rows, field).tobytes()
    assert rows.fingerprint == hashlib.sha256(text).hexdigest()
