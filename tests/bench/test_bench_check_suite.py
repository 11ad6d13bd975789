"""`check-suite` passes every suite here and a sound plug-in, and finds faults that were planted in it."""

from pathlib import Path

import pytest
from command_line import Call

from bench.conformance.suite_checks import check_suite
from suites.registry import get_suite, suite_names

SOUND = '''
"""A point that is pushed towards 0 on a line; it ends where it leaves the line."""
from functools import partial

import gymnasium as gym
import numpy as np

from suites import ControlTask, Episode, InfoFlag, Success, Suite, Unchanged, register_suite

HORIZON = 40


class Line(gym.Env):
    observation_space = OBSERVATION_SPACE
    action_space = gym.spaces.Box(ACTION_LOW, 1.0, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=SEED)
        self.state = START
        self.time = 0
        return self.look(), {}

    def look(self):
        return OBSERVATION

    def step(self, action):
        CHANGED
        self.state += 0.5 * np.float32(action[0]) * np.ones(1, np.float32)
        self.time += 1
        out, late = bool(abs(self.state[0]) > 1), self.time >= CUT
        return self.look(), REWARD, TERMINATED, TRUNCATED, {"near": abs(self.state[0]) < 0.1}


def record(environment, generator, longest):
    rows, actions, rewards, ends = [environment.reset(seed=int(generator.integers(2**31)))[0]], [], [], []
    over = False
    while not over and len(actions) < longest:
        actions.append(generator.uniform(-1, 1, 1).astype(np.float32))
        row, reward, end, cut, _ = environment.step(actions[-1])
        rows.append(row)
        rewards.append(reward)
        ends.append(end)
        over = end or cut
    cuts = np.zeros(len(actions), bool)
    cuts[-1] = not ends[-1]
    return Episode(np.array(rows, np.float32), ACTIONS, np.array(rewards), ENDS)


def generate(count, seed, progress=None):
    environment, generator = Line(), np.random.default_rng(GENERATOR_SEED)
    episodes, done = [], 0
    while done < ASKED:
        episodes.append(record(environment, generator, ASKED - done))
        done += len(episodes[-1])
    return tuple(episodes)


class Halves(Unchanged):
    def __call__(self, rewards, ends):
        return TRANSFORMED


register_suite(
    Suite(
        name="my-lines",
        title="Lines",
        settings=SETTINGS,
        tasks=(
            ControlTask(
                name="line",
                observation_dim=SIZE,
                action_dim=1,
                horizon=HORIZON,
                reference=REFERENCE,
                make_environment=MAKE,
                generate=generate,
                success=SUCCESS,
                reward=Halves("r / 2"),
            ),
        ),
    )
)
'''
RIGHT = {
    "OBSERVATION_SPACE": "gym.spaces.Box(-np.inf, np.inf, (1,), np.float32)",
    "ACTION_LOW": "-1.0",
    "GENERATOR_SEED": "seed",
    "SEED": "seed",
    "START": "self.np_random.uniform(-0.5, 0.5, 1).astype(np.float32)",
    "OBSERVATION": "self.state.copy()",
    "CHANGED": "pass",
    "CUT": "HORIZON",
    "REWARD": "1.0 - abs(float(self.state[0]))",
    "TERMINATED": "out",
    "TRUNCATED": "late and not out",
    "ACTIONS": "np.array(actions)",
    "ENDS": "np.array(ends), cuts",
    "ASKED": "count",
    "TRANSFORMED": "rewards / np.float32(2)",
    "SETTINGS": "{'smoke': {'critic.steps': 20}}",
    "SIZE": "1",
    "REFERENCE": "(0.0, 40.0)",
    "MAKE": "Line",
    "SUCCESS": "Success(InfoFlag('near'), at_end=True)",
}


WITHOUT_SUCCESS = {"maze2d": 3, "locomotion": 3}  # environments whose tasks define none


def write_suite(folder: Path, **changes: str) -> Path:
    """The sound suite with some of its places changed."""
    text = SOUND
    for place in sorted(RIGHT | changes, key=len, reverse=True):
        text = text.replace(place, (RIGHT | changes)[place])
    file = folder / "my_lines.py"
    file.write_text(text)
    return file


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_here_passes(name: str, tmp_path: Path):
    told: list[str] = []
    assert check_suite(get_suite(name), tmp_path, told.append) == []
    assert not any("every seed starts the same" in line for line in told)
    assert list(tmp_path.iterdir()) == []
    # Hopper and walker2d fall; tests/suites/test_evaluation_environments.py reaches their horizon.
    assert sum("not reached" in line for line in told) == (2 if name == "locomotion" else 0)
    assert sum(line.startswith("  skipped success") for line in told) == WITHOUT_SUCCESS.get(name, 0)


def test_a_sound_suite_passes(bench: Call, tmp_path: Path):
    told = bench("check-suite", write_suite(tmp_path))
    assert told.code == 0, told
    assert told.out.count("  ok ") == 12
    assert "FAILED" not in told.out


PLANTED = {
    "another size": ({"SIZE": "2"}, "spaces: says observation_dim=2, and its environment has 1"),
    "double precision": (
        {"OBSERVATION_SPACE": "gym.spaces.Box(-np.inf, np.inf, (1,), np.float64)"},
        "spaces: has observations of type float64, not float32",
    ),
    "double precision in what is returned": (
        {"OBSERVATION": "self.state.astype(np.float64)"},
        "steps: gives an observation of shape (1,) and type float64 in reset",
    ),
    "a dictionary": (
        {"OBSERVATION_SPACE": "gym.spaces.Dict({'observation': gym.spaces.Box(-1, 1, (1,))})"},
        "spaces: has observations that are no row of numbers (Dict)",
    ),
    "another range of actions": ({"ACTION_LOW": "-2.0"}, "spaces: has actions from -2 to 1, not in [-1, 1]"),
    "an infinite reward": ({"REWARD": "float('inf')"}, "steps: has the reward inf in step 1"),
    "no horizon": ({"CUT": "10**9", "TERMINATED": "False"}, "horizon: goes on after horizon=40 steps"),
    "another horizon": ({"CUT": "30"}, "horizon: cuts an episode after 30 steps, and horizon is 40"),
    "an end that is called a cut": (
        {"START": "np.full(1, 0.9, np.float32)", "TERMINATED": "False", "TRUNCATED": "out or late"},
        "horizon: cuts an episode after",
    ),
    "a seed that is ignored": ({"SEED": "None"}, "seeds: is not fixed by its reset seed"),
    "numbers drawn elsewhere": (
        {"START": "np.random.uniform(-0.5, 0.5, 1).astype(np.float32)"},
        "seeds: is not fixed by its reset seed",
    ),
    "a state in the class": (
        {"START": RIGHT["START"] + "; Line.shared = self.state", "CHANGED": "self.state = Line.shared"},
        "apart: changes with the environments beside it",
    ),
    "an observation changed in place": (
        {"OBSERVATION": "self.state"},
        "in place: changes an observation",
    ),
    "an action that is changed": ({"CHANGED": "action *= 0.5"}, "in place: changes the action that it is given"),
    "a reference out of place": (
        {"REFERENCE": "(-100.0, -50.0)"},
        "scores: has the reference (-100, -50)",
    ),
    "a success without its entry": (
        {"SUCCESS": "Success(InfoFlag('far'))"},
        "DataError: a step's info has no",
    ),
    "a success that is a number": (
        {
            "SUCCESS": "Success(give_number)",
            "class Halves": "def give_number(step):\n    return 1.0\n\n\nclass Halves",
        },
        "success: has a success measure that gives 1.0 for a step",
    ),
    "data of another size": (
        {"ACTIONS": "np.array(actions).repeat(2, 1)"},
        "local data: DataError: data set line made from seed 0 (local) does not fit task line: actions has shape",
    ),
    "data of another range": ({"ACTIONS": "2 * np.array(actions)"}, "actions lie outside [-1, 1] in row"),
    "a generator that ignores its seed": ({"GENERATOR_SEED": "0"}, "gives the same data for another seed"),
    "a generator without a seed": ({"GENERATOR_SEED": "None"}, "gives other data for an equal seed"),
    "a generator of another number": ({"ASKED": "100"}, "has a `generate` that gives 100 transitions for 331"),
    "ends in the data that are called cuts": (
        {"ENDS": "np.zeros(len(ends), bool), cuts | np.array(ends)"},
        "are all flagged as truncated, while its environment terminates",
    ),
    "rewards that are lost": ({"TRANSFORMED": "rewards[1:]"}, "rewards: has a reward transform that gives (330,)"),
    "rewards changed in place": (
        {"TRANSFORMED": "np.divide(rewards, np.float32(2), out=rewards)"},
        "rewards: has a reward transform that changes the rewards it is given",
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(bench: Call, tmp_path: Path, fault: str):
    changes, sentence = PLANTED[fault]
    told = bench("check-suite", write_suite(tmp_path, **changes))
    assert told.code == 1, told
    failed = [line for line in told.out.splitlines() if line.startswith("  FAILED")]
    assert any(sentence in line for line in failed), told.out
    assert "see docs/add-a-suite.md" in told.err


REFUSED = {
    "a reference upside down": (
        {"REFERENCE": "(40.0, 0.0)"},
        "has reference=(40.0, 0.0); give two returns",
    ),
    "a lambda": ({"MAKE": "lambda: Line()"}, "has make_environment=<lambda>, which no other process can load"),
    "a nested function": (
        {"MAKE": "(lambda make: lambda: make())(Line)"},
        "has make_environment=<lambda>.<locals>.<lambda>, which no other process can load",
    ),
    "no factory": ({"MAKE": "None"}, "has make_environment=None; give a function"),
    "no size": ({"SIZE": "0"}, "has observation_dim=0; give a whole number from 1 up"),
    "no measure": ({"SUCCESS": "len"}, "has success=<built-in function len>; give a Success"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_can_never_work_is_refused_when_it_is_registered(bench: Call, tmp_path: Path, fault: str):
    changes, sentence = REFUSED[fault]
    file = write_suite(tmp_path, **changes)
    for command in (("check-suite", file), ("list", "suites", "--plugin", file)):
        mistake = bench(*command).mistake
        assert mistake.startswith("task 'line' of suite 'my-lines' "), mistake
        assert sentence in mistake
    assert "my-lines" not in suite_names()


WRONG_SETTINGS = {
    "{'tiny': {}}": "unknown preset of suite my-lines 'tiny'; choose one of smoke",
    "{'smoke': {'critic.step': 1}}": "unknown setting 'critic.step'; did you mean critic.steps",
    "{'smoke': {'critic.steps': -1}}": "critic.steps=-1 must be at least 1",
    "{'quick': {'swgg.weight': 1}}": "unknown setting 'swgg.weight'",
}


@pytest.mark.parametrize("settings", WRONG_SETTINGS)
def test_settings_that_do_not_exist_are_faults_and_stop_a_run(bench: Call, folders, tmp_path: Path, settings: str):
    file = write_suite(tmp_path, SETTINGS=settings)
    assert WRONG_SETTINGS[settings] in bench("check-suite", file).out
    told = bench("run", "--suite", "my-lines", "--plugin", file, "--methods", "unguided", *folders)
    assert WRONG_SETTINGS[settings] in told.mistake


def test_data_that_are_neither_here_nor_made_here_are_skipped(bench: Call, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    told = bench("check-suite", "adroit-pen", "--artifacts", tmp_path / "artifacts")
    assert told.code == 0, told
    assert "  skipped D4RL's data: pen-human-v1 is not in" in told.out
    assert f"  skipped Minari's data: D4RL/pen/human-v2 is not in {tmp_path / 'minari'}" in told.out
    assert not (tmp_path / "artifacts").exists()


def test_a_bad_call_is_one_sentence(bench: Call, tmp_path: Path):
    assert "is not a file" in bench("check-suite", tmp_path / "none.py").mistake
    assert "did you mean maze2d" in bench("check-suite", "maze2").mistake
    (tmp_path / "empty.py").write_text("x = 1\n")
    assert "registers no method and no suite" in bench("check-suite", tmp_path / "empty.py").mistake
    assert (
        "registers no method; its suites are checked by check-suite"
        in bench("check-method", write_suite(tmp_path)).mistake
    )
