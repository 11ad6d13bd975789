"""Trains a robot's policies in the simulator of the evaluation, and saves one every 2,500 steps.

CrossQ (arXiv 1902.05605), an off-policy maximum-entropy actor-critic that learns faster than SAC, from sbx
(github.com/araffin/sbx). It is run by hand, with the extra `policies` installed; nothing else needs it:

    python suites/recipes/policies/train.py --robot hopper --steps 100000 --folder artifacts/policies
    python suites/recipes/policies/choose.py --folder artifacts/policies

Running it again resumes from the last checkpoint. A checkpoint is a file of float32 layers into which the
library's normalisation is folded, with the library's own answers to a few observations beside them.

Deviation: D4RL trained SAC for 1 to 3 million steps; CrossQ gets as far in a tenth of them.
Deviation: the critics are 256 wide; CrossQ's are 2048, which one core cannot train.
"""

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from foundation.files import replace_atomically
from suites.recipes.policies.actor import Actor, to_tensors
from suites.simulators.gym_mujoco import ROBOTS, make_robot

HORIZON = 1000
EVERY = 2_500  # steps between checkpoints
UNTRAINED = 5_000  # steps with random actions before learning begins
MEMORY = 400_000  # transitions of the replay buffer
EPSILON = 0.001  # of the library's normalisation
REFERENCES = 16  # observations of which the library's own answers are kept
WIDTHS = {"pi": [256, 256], "qf": [256, 256]}


def main() -> None:
    """Train one robot up to `--steps`, or until stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--robot", choices=sorted(ROBOTS), required=True)
    parser.add_argument("--steps", type=int, default=200_000, help="environment steps in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("artifacts/policies"), help="of checkpoints")
    options = parser.parse_args()
    folder = options.folder / options.robot
    folder.mkdir(parents=True, exist_ok=True)
    model = _load_or_create(folder, options.robot, options.seed)
    left = options.steps - model.num_timesteps
    if left > 0:
        model.learn(left, callback=_SaveCheckpoints(model, folder), reset_num_timesteps=False)


def fold_normalisation(parameters: Any, statistics: Any) -> Actor:
    """The library's actor as plain layers: x̂ = g x + h before a dense layer becomes part of its weights.

    Args:
        parameters, statistics: the library's trees of its actor (`Dense_0`..`Dense_3`, `BatchRenorm_0`..`_2`).
    """
    heads = [parameters["Dense_2"], parameters["Dense_3"]]
    dense = [
        (parameters["Dense_0"]["kernel"], parameters["Dense_0"]["bias"]),
        (parameters["Dense_1"]["kernel"], parameters["Dense_1"]["bias"]),
        (np.hstack([head["kernel"] for head in heads]), np.hstack([head["bias"] for head in heads])),
    ]
    layers = []
    for index, (kernel, bias) in enumerate(dense):
        name = f"BatchRenorm_{index}"
        mean, variance = (np.asarray(statistics[name][key], np.float64) for key in ("mean", "var"))
        gain = np.asarray(parameters[name]["scale"], np.float64) / np.sqrt(variance + EPSILON)
        shift = np.asarray(parameters[name]["bias"], np.float64) - mean * gain
        weights = np.asarray(kernel, np.float64)
        layers.append(
            (
                (gain[:, None] * weights).astype(np.float32),
                (np.asarray(bias, np.float64) + shift @ weights).astype(np.float32),
            )
        )
    return Actor(tuple(layers))


def _load_or_create(folder: Path, robot: str, seed: int) -> Any:
    from sbx import CrossQ  # pyright: ignore[reportMissingImports] (of the extra `policies`)

    environment = make_robot(robot, HORIZON)
    if (folder / "model.zip").is_file():
        model = CrossQ.load(folder / "model.zip", env=environment)
        model.load_replay_buffer(folder / "replay.pkl")
        return model
    return CrossQ(
        "MlpPolicy",
        environment,
        seed=seed,
        buffer_size=MEMORY,
        learning_starts=UNTRAINED,
        policy_kwargs={"net_arch": dict(WIDTHS)},
    )


@dataclass(frozen=True)
class _SaveCheckpoints:
    """The library's callback of every step: writes a checkpoint, what resuming needs, and a line of the log."""

    model: Any
    folder: Path
    started: float = field(default_factory=time.monotonic)

    def __call__(self, local_names: dict[str, Any], global_names: dict[str, Any]) -> bool:
        steps = self.model.num_timesteps
        if steps % EVERY == 0 and steps > UNTRAINED:  # nothing is learned before
            with replace_atomically(self.folder / f"step-{steps:07d}.safetensors") as partial:
                save_file(_make_checkpoint(self.model), partial)
            self.model.save(self.folder / "model.zip")
            self.model.save_replay_buffer(self.folder / "replay.pkl")
            recent = [episode["r"] for episode in list(self.model.ep_info_buffer)[-10:]]
            seconds = time.monotonic() - self.started
            print(f"{steps} steps, {seconds:.0f} s, last returns {np.mean(recent):.0f}", flush=True)
        return True


def _make_checkpoint(model: Any) -> dict[str, np.ndarray]:
    """The folded actor, and the library's own mean and log deviation for a few observations it has met."""
    state = model.policy.actor_state
    actor = fold_normalisation(state.params, state.batch_stats)
    rows = np.linspace(0, model.replay_buffer.size() - 1, REFERENCES).astype(int)
    observations = np.asarray(model.replay_buffer.observations[rows, 0], np.float32)
    law = state.apply_fn({"params": state.params, "batch_stats": state.batch_stats}, observations, train=False)
    mean, log_std = np.asarray(law.distribution.loc), np.log(np.asarray(law.distribution.stddev()))
    for ours, theirs in zip(actor.distribution(observations), (mean, log_std), strict=True):
        if not np.allclose(ours, theirs, atol=2e-3, rtol=2e-3):
            raise RuntimeError(f"the folded actor is {np.abs(ours - theirs).max()} from the library's")
    reference = {"observations": observations, "mean": mean, "log_std": log_std}
    return to_tensors(actor, "actor") | {f"reference.{name}": value for name, value in reference.items()}


if __name__ == "__main__":
    main()
