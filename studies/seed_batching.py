"""What training all seeds in one loop saves: steps/s of 1, 3 and 10 seeds together, as ratios within one run.

    .venv/bin/python studies/seed_batching.py [--device cuda] [--steps 50]

A ratio above 1 says that S seeds together are that much faster than S runs one after the other.
"""

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from critics.config import CriticConfig
from critics.iql import IQL
from methods.diffusion.denoiser import Backbone, BehaviourDenoiser, DenoiserConfig
from training import Data, Step, Trained
from training.checkpoint import TrainingState
from training.steps import EagerSteps

SEEDS = (1, 3, 10)
TRANSITIONS = 10_000
OBSERVATION, ACTION = 11, 3  # hopper's


def steps_per_second(component: Trained, data: Data, seeds: int, steps: int) -> float:
    """Training steps per second with that many seeds in one loop, after five steps of warm-up."""
    state = TrainingState(component, range(seeds), data)
    given = Step(data, {}, state.noise)
    taken = EagerSteps(component, state, replace(given, precomputed=component.precompute(given)))
    started = 0.0
    for number in range(steps + 5):
        if number == 5:
            settle(data.rewards.device)
            started = time.perf_counter()
        taken.take(number)
    settle(data.rewards.device)
    return steps / (time.perf_counter() - started)


def settle(device: torch.device) -> None:
    """Wait for a GPU's queue."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    data = Data(
        torch.randn(TRANSITIONS, OBSERVATION, device=device),
        torch.rand(TRANSITIONS, ACTION, device=device) * 2 - 1,
        torch.rand(TRANSITIONS, device=device),
        torch.randn(TRANSITIONS, OBSERVATION, device=device),
        torch.zeros(TRANSITIONS, device=device),
    )
    components: dict[str, Trained] = {
        "critic, batch 256": IQL(CriticConfig(), OBSERVATION, ACTION),
        "denoiser, batch 256": BehaviourDenoiser(Backbone(DenoiserConfig(batch_size=256), OBSERVATION, ACTION)),
    }
    for name, component in components.items():
        alone = steps_per_second(component, data, 1, options.steps)
        for seeds in SEEDS:
            together = steps_per_second(component, data, seeds, options.steps)
            print(f"{name}: {seeds:2} seeds {together:8.1f} steps/s, {together * seeds / alone:5.2f} x one by one")


if __name__ == "__main__":
    main()
