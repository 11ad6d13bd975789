"""How far a seed that is trained alone is from the same seed trained among others, for every kind of component.

    .venv/bin/python studies/seed_company.py [--steps 100] [--width 32] [--seeds 3]

A seed's random numbers are its own, but matrix products round otherwise with other seeds beside it. The components
of all methods are trained on 48 random transitions, once with one seed and once with several, each on what was
made with the same seeds. Shown is, for the tensor that differs most, the largest difference of a number as a share
of the largest in the tensor, the greatest over seeds, and the same of the tensor that differs most after it; 0 is
bit for bit. It grows with the steps.
"""

import argparse
import dataclasses
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from torch import Tensor, nn

from bench.conformance.subject import make_subject, small_data, small_setup
from critics.config import CriticKind
from methods.core.method import Method
from methods.core.registry import get_method, method_names
from methods.core.setup import Setup
from methods.ddice import DiffusionDICE
from methods.dql import DiffusionQL
from training import Component, Computed, Data, Trained, compute, fit
from training.checkpoint import build_untrained


def quiet(done: int, total: int) -> None:
    """Progress that nobody watches."""


def make_setup(steps: int, width: int) -> Setup:
    """The small task of the conformance tests, with networks and trainings of these sizes."""
    setup = small_setup()
    return dataclasses.replace(
        setup,
        critic_config=dataclasses.replace(setup.critic_config, steps=steps, width=width),
        denoiser=dataclasses.replace(setup.denoiser, steps=steps, width=width, decay_steps=None),
        guidance_net_config=dataclasses.replace(setup.guidance_net_config, steps=steps, width=width),
    )


def list_methods() -> list[Method]:
    """Every method with its default settings, and those two whose own critics are components too."""
    found = [make_subject(name, get_method(name)).method for name in method_names()]
    own = DiffusionDICE(candidates=3, select="ensemble", ensemble=3)
    return [*found, own, DiffusionQL(critic="q-learning", candidates=3, target_start=10)]


def list_components(setup: Setup) -> list[Mapping[str, Component]]:
    """What every method needs, and the shared critic of each kind with a V."""
    critics: list[CriticKind] = ["in-support", "cql"]
    few = dataclasses.replace(setup.critic_config, support_states=12)
    setups = [dataclasses.replace(setup, critic_config=dataclasses.replace(few, kind=kind)) for kind in critics]
    return [
        *(method.components(setup) for method in list_methods()),
        *({"critic": each.critic()} for each in setups),
    ]


def make_all(
    components: Mapping[str, Component], data: Data, seeds: tuple[int, ...], made: dict[Component, Any]
) -> dict[str, Any]:
    """Components by name, each made once with these seeds on what was made with them."""
    for component in components.values():
        if component not in made:
            models = make_all(component.upstream(), data, seeds, made)
            match component:
                case Trained():
                    made[component] = fit(component, data, models, seeds, quiet).module
                case Computed():
                    made[component] = compute(component, data, models, seeds, quiet)
                case _:
                    made[component] = build_untrained(component, seeds, data)
    return {name: made[component] for name, component in components.items()}


def find_differences(together: nn.Module, alone: nn.Module, place: int) -> dict[str, float]:
    """By tensor the largest difference of a number, as a share of the largest in it."""

    def share(ours: Tensor, theirs: Tensor) -> float:
        gap, size = (ours.double() - theirs.double()).abs().max(), theirs.double().abs().max()
        return (gap / size.clamp(min=1e-30)).item() if gap != 0 else 0.0  # what is no number stays none

    kept = alone.state_dict()
    return {name: share(tensor[place], kept[name][0]) for name, tensor in together.state_dict().items()}


def main() -> None:
    """Train all components both ways and print the differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    setup, data, seeds = make_setup(options.steps, options.width), small_data(), tuple(range(options.seeds))
    together: dict[Component, Any] = {}
    alone: list[dict[Component, Any]] = [{} for _ in seeds]
    for components in list_components(setup):
        make_all(components, data, seeds, together)
        for seed in seeds:
            make_all(components, data, (seed,), alone[seed])
    largest: dict[str, dict[str, float]] = {}
    for component, module in together.items():
        if isinstance(component, Trained | Computed):
            of_kind = largest.setdefault(component.kind, {})
            for seed, made in enumerate(alone):
                for name, gap in find_differences(module, made[component], seed).items():
                    of_kind[name] = max(of_kind.get(name, 0.0), gap)
    print(f"{options.steps} steps, width {options.width}, {options.seeds} seeds, {torch.get_num_threads()} thread")
    for kind, gaps in sorted(largest.items()):
        ranked = sorted(gaps.items(), key=lambda item: -item[1])[:2]
        print(f"{kind:18}", "   ".join(f"{gap:.1e} {name:28}" for name, gap in ranked).rstrip())


if __name__ == "__main__":
    main()
