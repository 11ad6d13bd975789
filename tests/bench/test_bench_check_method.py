"""`check-method` passes a sound plug-in and finds faults that were planted in it."""

from pathlib import Path

import pytest
from command_line import Call

from bench.conformance.checks import check_method
from methods import get_method, method_names

SOUND = '''
"""A guidance by a learned log weight, regressed on the critic's Q."""
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from methods import Best, Count, GuidanceObjective, NetGuidance, Positive, Rho
from methods import SlotMethod, Steer, register, weigh_data


@dataclass(frozen=True)
class Net(GuidanceObjective):
    kind: ClassVar[str] = "planted"
    strength: float

    def precompute(self, step):
        return {"value": weigh_data(step, lambda q, v: STRENGTH * (q - v))}

    def losses(self, module, step):
        batch = step.sample_batch(self.batch_size)
        level = step.noise.integers(len(module.schedule), self.batch_size)
        noisy = module.schedule.add_noise(batch.actions, level, step.noise.normal(*batch.actions.shape[1:]))
        goal = step.precomputed["value"].gather(1, batch.index)
        return {"loss": (module(noisy, level, batch.observations) - goal).square()REDUCE}


@dataclass(frozen=True)
class Planted(NetGuidance):
    def steer(self, denoiser, models, z, level, observations):
        steer = super().steer(denoiser, models, z, level, observations)
        return Steer(CLEAN, SCORE)


@register("my-planted")
@dataclass(frozen=True)
class Mine(SlotMethod):
    """Objective: behaviour. Guidance: planted. Selection: best of N."""

    title: ClassVar[str] = "Planted"
    paper: ClassVar[str] = "none"
    rho: ClassVar[Rho | None] = Rho(default=2.0)
    strength: Positive = 3.0
    batch_size: Count = 16
    candidates: Count = 2

    def guidance(self):
        return Planted(lambda setup, denoiser: MAKE)

    def selection(self):
        return Best(self.candidates)
'''
RIGHT = {
    "STRENGTH": "self.strength",
    "REDUCE": ".mean(-1)",
    "CLEAN": "steer.clean",
    "SCORE": "steer.score",
    "MAKE": "Net(setup.guidance_net, setup.critic(), self.batch_size, self.strength)",
}


def write_plugin(folder: Path, changes: dict[str, str]) -> Path:
    """The sound plug-in with some of its places changed."""
    text = SOUND
    for place, code in (RIGHT | changes).items():
        text = text.replace(place, code)
    file = folder / "my_planted.py"
    file.write_text(text)
    return file


@pytest.mark.parametrize("name", method_names())
def test_every_method_here_passes(name: str):
    assert check_method(name, get_method(name), lambda line: None) == []


def test_a_sound_plugin_passes(bench: Call, tmp_path: Path):
    told = bench("check-method", write_plugin(tmp_path, {}))
    assert told.code == 0, told
    assert "FAILED" not in told.out
    assert told.out.count("  ok ") == 10


PLANTED = {
    "a NaN that is hidden": (
        {"SCORE": "steer.score.nan_to_num(0.0)", "CLEAN": "steer.clean"},
        "counts: does not count a NaN",
    ),
    "not unguided at rho 0": (
        {"CLEAN": "steer.clean + 0.5"},
        "unguided at ρ = 0: is not the unguided policy at ρ = 0 for a row beside guided ones",
    ),
    "seeds that touch": (
        {"SCORE": "steer.score + 5 * steer.score.mean(0, keepdim=True)"},
        "seeds apart: mixes seeds",
    ),
    "a setting missing in a key": (
        {
            "STRENGTH": "Net.hidden",
            "MAKE": "[setattr(Net, 'hidden', self.strength), Net(setup.guidance_net, setup.critic(), "
            "self.batch_size, 0.0)][1]",
        },
        "keys: has a setting that is missing in a key: strength",
    ),
    "a wrong shape": ({"REDUCE": ".mean()"}, "shapes: planted: the loss 'loss' has shape (), not (seed,)"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(bench: Call, tmp_path: Path, fault: str):
    changes, sentence = PLANTED[fault]
    told = bench("check-method", write_plugin(tmp_path, changes))
    assert told.code == 1, told
    assert f"FAILED  {sentence}" in told.out


def test_a_file_that_is_none_is_one_sentence(bench: Call, tmp_path: Path):
    assert "is not a file" in bench("check-method", tmp_path / "none.py").mistake


def test_more_planted_faults_are_found(bench: Call, tmp_path: Path):
    """Faults of training, of which two steps of Adam show nothing in the actions."""
    for number, (changes, sentence) in enumerate(
        [
            (
                {"REDUCE": ".mean(-1) + 0 * torch.randn(())"},
                "repeatable: draws from torch's own generator",
            ),
            (
                {"REDUCE": ".mean(-1) * torch.rand(())"},
                "repeatable: planted: gives other losses for equal noise",
            ),
            (
                {"REDUCE": ".mean(-1) + (module(noisy, level, batch.observations) - goal).square().mean()"},
                "seeds apart: planted: mixes seeds: a seed's loss changes",
            ),
            (
                {"MAKE": "type('Sub', (Net,), {})" + RIGHT["MAKE"].removeprefix("Net")},
                "declaration: has a component Sub without a `kind` of its own",
            ),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        told = bench("check-method", write_plugin(folder, changes))
        assert told.code == 1, told
        assert f"FAILED  {sentence}" in told.out, told.out
