"""An evaluation that is stopped or killed goes on from what is done of it, and gives what it would have given."""

import importlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from command_line import MAZE, TOY
from drifting import TASK, make_policy

import bench.runner.unfinished
from bench.conformance.subject import small_setup
from bench.runner.blocks import Evaluation
from bench.runner.evaluate import Outcome, evaluate, split_evaluations
from bench.runner.rollout import Block
from bench.runner.unfinished import Unfinished
from bench.storage.unfinished import UnfinishedError, UnfinishedFile
from methods import SeedStreams, get_method
from suites import DensityTask, Task, get_tasks
from suites.toy.references import find_reference

OF = {"cell": "swg-1234", "seed": 3}
EPISODES = range(56)


class Killed(BaseException):
    """What ends a process."""


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


def kill_after(calls: int) -> Callable[[int, int], None]:
    left = [calls]

    def progress(done: int, total: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    return progress


def done_of(evaluation: Evaluation) -> Unfinished:
    assert evaluation.done is not None
    return evaluation.done


def plan(folder: Path | None, scales: Sequence[float], episodes: range = EPISODES) -> list[Evaluation]:
    """An evaluation at each scale, that goes on from a file of its own where there is a folder."""
    found = [Evaluation(3, rho, episodes, (), torch.device("cpu")) for rho in scales]
    if folder is None:
        return found
    files = [UnfinishedFile(folder / f"{rho:g}.state", {**OF, "rho": rho}) for rho in scales]
    return [replace(each, done=Unfinished.read(file, episodes)) for each, file in zip(found, files, strict=True)]


def play(
    name: str,
    settings: dict[str, int],
    evaluations: Sequence[Evaluation],
    progress: Callable[[int, int], None] = silent,
) -> tuple[Outcome, ...]:
    return evaluate(make_policy(name, **settings), TASK, evaluations, progress)


@pytest.fixture
def save_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.runner.unfinished, "SAVE_EVERY", -1.0)


@pytest.mark.usefixtures("save_at_once")
@pytest.mark.parametrize(("name", "settings"), [("swg", {}), ("swg-r", {"candidates": 3}), ("unguided", {})])
def test_a_killed_evaluation_is_that_of_one_go(tmp_path, name, settings):
    """Killed after every few steps, until it is done: scores, episodes and counts are those of one go."""
    scales = [0.0] if name == "unguided" else [0.5, 5.0]
    if len(split_evaluations(make_policy(name, **settings), TASK, plan(None, scales))) > 1:
        scales = scales[:1]
    whole, rounds = play(name, settings, plan(None, scales)), 0
    while True:
        evaluations = plan(tmp_path, scales)
        known = [len(done_of(each)) for each in evaluations]
        try:
            found = play(name, settings, evaluations, kill_after(8 + 2 * rounds))
            break
        except Killed:
            assert [len(done_of(each)) for each in plan(tmp_path, scales)] >= known
            rounds += 1
    assert rounds > 1
    assert found == whole
    assert {each.counts["evaluations"]["actions"] for each in found} != {0}
    for each in evaluations:
        done_of(each).remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("save_at_once")
def test_an_episode_that_is_not_asked_for_has_no_part(tmp_path):
    with pytest.raises(Killed):
        play("swg", {}, plan(tmp_path, [5.0]), kill_after(11))
    (rest,) = plan(tmp_path, [5.0], range(20, 56))
    assert len(done_of(rest)) > 0
    assert min(done_of(rest).episodes) >= 20
    assert play("swg", {}, [rest]) == play("swg", {}, plan(None, [5.0], range(20, 56)))


@pytest.mark.usefixtures("save_at_once")
@pytest.mark.parametrize("damage", ["flipped", "cut", "another"])
def test_what_cannot_be_gone_on_from_is_refused(tmp_path, damage):
    with pytest.raises(Killed):
        play("swg", {}, plan(tmp_path, [5.0]), kill_after(11))
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    match damage:
        case "flipped":
            file.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
        case "cut":
            file.write_bytes(content[: len(content) // 2])
        case "another":
            file.rename(tmp_path / "2.state")
    expected = "was begun with another `rho`" if damage == "another" else "is damaged: its SHA-256 is another"
    with pytest.raises(UnfinishedError, match=expected):
        plan(tmp_path, [2.0 if damage == "another" else 5.0])


def evaluate_moons(folder: Path, task: Task, progress: Callable[[int, int], None]) -> Outcome:
    assert isinstance(task, DensityTask)
    setup, method = replace(small_setup(), observation_dim=1), get_method("swg")()
    models = {name: each.build(SeedStreams([3], "x")) for name, each in method.components(setup).items()}
    file, betas = UnfinishedFile(folder / "moons.state", OF), (0.0, 3.0)
    references = {beta: find_reference(task.density, beta, 2500, folder, silent) for beta in betas}
    done = Unfinished.read(file, range(2500))
    evaluation = Evaluation(3, 1.0, range(2500), betas, torch.device("cpu"), references=references, done=done)
    (outcome,) = evaluate(method.policy(models, setup), task, [evaluation], progress)
    return outcome


@pytest.mark.usefixtures("save_at_once")
def test_samples_of_a_density_are_not_drawn_again(tmp_path, monkeypatch):
    (task,) = get_tasks("toy", ["moons"])
    whole = evaluate_moons(tmp_path, task, silent)
    (tmp_path / "moons.state").unlink()
    drawn = count_calls(monkeypatch, "bench.runner.evaluate.act_in_block", after=4)
    with pytest.raises(Killed):
        evaluate_moons(tmp_path, task, silent)
    monkeypatch.undo()
    rest = count_calls(monkeypatch, "bench.runner.evaluate.act_in_block", after=99)
    found = evaluate_moons(tmp_path, task, silent)
    assert (drawn[0], rest[0]) == (5, 2), "three blocks at each of two β; the fifth was not to be"
    assert (found.scores, found.densities, found.counts) == (whole.scores, whole.densities, whole.counts)
    for ours, theirs in zip(found.points, whole.points, strict=True):
        assert ours.ours.tobytes() == theirs.ours.tobytes()


def count_calls(monkeypatch: pytest.MonkeyPatch, name: str, after: int) -> list[int]:
    """How often a function is called; killed where it is called more often."""
    module, _, attribute = name.rpartition(".")
    original, count = getattr(importlib.import_module(module), attribute), [0]

    def called(*arguments: object) -> object:
        count[0] += 1
        if count[0] > after:
            raise Killed
        return original(*arguments)

    monkeypatch.setattr(f"{module}.{attribute}", called)
    return count


STEPPED = Block.step


def stop_at(monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """A signal at that step of the rollouts."""
    count = [0]

    def step(block: Block, actions: object) -> None:
        count[0] += 1
        if count[0] == call:
            raise KeyboardInterrupt
        STEPPED(block, actions)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(Block, "step", step)


def read(folder: Path) -> dict[str, dict]:
    """The results by file, without what is measured."""
    found = {str(path.relative_to(folder)): json.loads(path.read_text()) for path in folder.rglob("seed-*.json")}
    return {name: {**result, "seconds": 0, "created": 0, "sha256": ""} for name, result in found.items()}


def leftovers(folder: Path) -> list[Path]:
    return list(folder.rglob(".unfinished-*"))


@pytest.mark.usefixtures("short_episodes")
@pytest.mark.parametrize("damaged", [False, True])
def test_a_stopped_run_goes_on_and_its_results_are_those_of_one_go(
    bench, folders, artifacts, tmp_path, monkeypatch, damaged
):
    cell = (*MAZE, "--methods", "swg", "--rho", "5", "--seeds", "1", "--evaluation.episodes", "60")
    whole = bench("run", *cell, "--results", tmp_path / "whole", "--artifacts", artifacts)
    assert whole.code == 0, whole
    stop_at(monkeypatch, 45)
    assert bench("run", *cell, *folders).code == 130
    (kept,) = leftovers(tmp_path / "results")
    assert kept.name == ".unfinished-seed-0.state"
    if damaged:
        kept.write_bytes(kept.read_bytes()[:-1])
    stop_at(monkeypatch, 0)
    told = bench("run", *cell, *folders)
    assert told.code == 0
    if damaged:
        assert f"{str(kept)!r} is damaged: its SHA-256 is another; the evaluation begins" in told.out
    assert ("maze2d-umaze swg seed 0: goes on after 52 finished episodes" in told.out) == (not damaged)
    assert read(tmp_path / "results" / "runs") == read(tmp_path / "whole" / "runs")
    assert leftovers(tmp_path / "results") == []


@pytest.mark.usefixtures("short_episodes")
def test_a_stopped_tuning_goes_on_within_a_seed(bench, folders, artifacts, tmp_path, monkeypatch):
    one = ("tune-rho", *MAZE, "--methods", "swg", "--grid", "5", "--evaluation.episodes", "60")
    assert bench(*one, "--results", tmp_path / "whole", "--artifacts", artifacts).code == 0
    (artifacts / "ledger.jsonl").unlink()
    stop_at(monkeypatch, 45)
    assert bench(*one, *folders).code == 130
    assert leftovers(tmp_path / "results" / "tuning")
    stop_at(monkeypatch, 0)
    told = bench(*one, *folders)
    assert "maze2d-umaze swg seed 100: goes on after 52 finished episodes" in told.out
    ours, theirs = (
        json.loads((tmp_path / name / "tuned.json").read_text())["choices"][0] for name in ("results", "whole")
    )
    for name in ("rho", "score", "trials", "episodes"):
        assert ours[name] == theirs[name], name
    assert leftovers(tmp_path / "results") == []


def test_the_samples_of_a_stopped_run_are_kept(bench, folders, artifacts, tmp_path, monkeypatch):
    cell = (*TOY, "--methods", "unguided", "--seeds", "1", "--evaluation.episodes", "2500")
    assert bench("run", *cell, "--results", tmp_path / "whole", "--artifacts", artifacts).code == 0
    (artifacts / "ledger.jsonl").unlink()
    with monkeypatch.context() as context:
        count_calls(context, "bench.runner.evaluate.act_in_block", after=8)
        with pytest.raises(Killed):
            bench("run", *cell, *folders)
    told = bench("run", *cell, *folders)
    assert re.search("moons unguided seed 0: goes on after [4-8] blocks of samples", told.out), told.out
    assert read(tmp_path / "results" / "runs") == read(tmp_path / "whole" / "runs")
    first, second = ((tmp_path / name).rglob("seed-0.npz") for name in ("results", "whole"))
    assert next(first).read_bytes() == next(second).read_bytes()
