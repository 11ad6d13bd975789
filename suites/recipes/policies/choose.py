"""Chooses a robot's policies among the checkpoints by their measured returns, and writes the shipped files.

    python suites/recipes/policies/choose.py --folder artifacts/policies

Every checkpoint is run for 20 episodes with drawn actions, as the data will be, and after its weights were
rounded to float16, as they are stored. Expert is the best. Medium is the checkpoint, before any reaches two
thirds of the expert's score, whose score is nearest a third of it (arXiv 2004.07219, section 5); a later one that
fell back would put better policies among the earlier ones. If the robot can fall, medium is one that does, since a
policy that only stands still has a third of hopper's score too, and data without falls teach no critic what a fall
costs. Up to six evenly spaced checkpoints before medium are the earlier ones. Expert and medium are then measured
again on other episodes, since the best of many is partly luck.
"""

import argparse
import csv
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from suites.recipes.policies.actor import EARLIER, FOLDER, BehaviourPolicy, Uniform, from_tensors, to_tensors
from suites.recipes.policies.rollout import run_episodes
from suites.registry import get_tasks
from suites.simulators.gym_mujoco import ROBOTS
from suites.task import ControlTask
from suites.tasks.locomotion import HORIZON

COLUMNS = ("robot", "checkpoint", "steps", "role", "mean_return", "sd", "normalized_score", "episodes", "falls")
UNTRAINED = Path("untrained-0000000")  # the table's name of the policy without weights
EARLIER_POLICIES = 6
FALLS = 0.25  # least share of a medium policy's episodes that end by a fall
REFERENCES = ("observations", "mean", "log_std")


@dataclass(frozen=True)
class Measured:
    """A checkpoint and the returns of its episodes.

    Attributes:
        path: of the checkpoint.
        returns: one of each episode.
        score: D4RL's normalised score of their mean.
        falls: how many of the episodes ended by a fall.
    """

    path: Path
    returns: np.ndarray
    score: float
    falls: int

    @property
    def steps(self) -> int:
        """Environment steps that it was trained for."""
        return int(self.path.stem.rpartition("-")[2])


def main() -> None:
    """Choose, for every robot that has checkpoints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--robots", nargs="+", choices=sorted(ROBOTS), default=sorted(ROBOTS))
    parser.add_argument("--folder", type=Path, default=Path("artifacts/policies"), help="of checkpoints")
    parser.add_argument("--into", type=Path, default=FOLDER, help="where the chosen are written")
    parser.add_argument("--episodes", type=int, default=20)
    options = parser.parse_args()
    for robot in options.robots:
        paths = sorted((options.folder / robot).glob("step-*.safetensors"))
        if paths:
            choose(robot, paths, options.into, options.episodes)


def choose(robot: str, paths: list[Path], into: Path, episodes: int) -> None:
    """Measure the checkpoints of a robot and write its file of policies and its rows of the table."""
    task = next(
        each for each in get_tasks("locomotion") if each.name.startswith(robot) and isinstance(each, ControlTask)
    )
    candidates = [measure(task, robot, path, episodes, seed=1) for path in paths]
    untrained = measure(task, robot, UNTRAINED, episodes, seed=1)
    roles = assign_roles(candidates)
    tensors: dict[str, np.ndarray] = {}
    for role, found in roles.items():
        stored = load_file(found.path)
        tensors |= to_tensors(from_tensors(stored, "actor"), role, np.float16)
        tensors |= {f"reference.{role}.{name}": stored[f"reference.{name}"] for name in REFERENCES}
    save_file(tensors, into / f"{robot}.safetensors")
    named = {found.steps: role for role, found in roles.items()}
    rows = [format_row(robot, untrained, "untrained")]
    rows += [format_row(robot, found, named.get(found.steps, "")) for found in candidates]
    for role in ("medium", "expert"):
        again = measure(task, robot, roles[role].path, episodes, seed=2)
        rows.append(format_row(robot, again, f"{role}, measured again"))
    write_table(robot, rows, into / "returns.csv")


def measure(task: ControlTask, robot: str, path: Path, episodes: int, seed: int) -> Measured:
    """A checkpoint's returns with its weights rounded as they will be stored; of `UNTRAINED`, random actions'.

    Raises:
        ValueError: its weights do not fit into float16.
    """
    policy: BehaviourPolicy = Uniform(task.action_dim)
    if path != UNTRAINED:
        rounded = to_tensors(from_tensors(load_file(path), "actor"), "actor", np.float16)
        if not all(np.isfinite(values).all() for values in rounded.values()):
            raise ValueError(f"weights of {path} are beyond float16: train with another seed")
        policy = from_tensors(rounded, "actor")
    returns, fell = run_episodes(robot, policy, HORIZON, episodes, np.random.SeedSequence(seed))
    found = Measured(path, returns, task.normalized_score(float(returns.mean())), int(fell.sum()))
    print(
        f"{robot} {found.steps:7d} steps: {returns.mean():7.0f} ± {returns.std():5.0f}, score {found.score:6.1f}, "
        f"{found.falls} falls",
        flush=True,
    )
    return found


def assign_roles(candidates: list[Measured]) -> dict[str, Measured]:
    """Role to checkpoint: `expert`, `medium`, and `earlier-1` and so on up to medium.

    Raises:
        ValueError: the first checkpoint has two thirds of the best one's score, so that nothing is before medium.
    """
    expert = max(candidates, key=lambda found: found.score)
    high = min(found.steps for found in candidates if found.score >= 2 / 3 * expert.score)
    rising = [found for found in candidates if found.steps < high]
    if not rising:
        raise ValueError("the first checkpoint has two thirds of the best score: save checkpoints more often")
    falling = [found for found in rising if found.falls >= FALLS * len(found.returns)]
    medium = min(falling or rising, key=lambda found: abs(found.score - expert.score / 3))
    way = [found for found in rising if found.steps < medium.steps]
    if len(way) > EARLIER_POLICIES:
        way = [way[round(index)] for index in np.linspace(0, len(way) - 1, EARLIER_POLICIES)]
    earlier = {f"{EARLIER}{index}": found for index, found in enumerate(way, 1)}
    return {"expert": expert, "medium": medium, **earlier}


def format_row(robot: str, found: Measured, role: str) -> tuple[str, ...]:
    """A row of the table, in the order of `COLUMNS`."""
    mean, spread = found.returns.mean(), found.returns.std(ddof=1)
    numbers = (f"{mean:.1f}", f"{spread:.1f}", f"{found.score:.2f}", str(len(found.returns)))
    return robot, found.path.stem, str(found.steps), role, *numbers, str(found.falls)


def write_table(robot: str, rows: list[tuple[str, ...]], path: Path) -> None:
    """Put the robot's rows into the table in the place of those that it had."""
    kept: list[tuple[str, ...]] = []
    if path.is_file():
        with path.open(newline="") as file:
            kept = [tuple(each) for each in list(csv.reader(file))[1:] if each[0] != robot]
    ordered: list[tuple[str, ...]] = sorted(kept + rows, key=itemgetter(0))
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *ordered])


if __name__ == "__main__":
    main()
