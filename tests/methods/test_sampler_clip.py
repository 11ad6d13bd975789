"""Authors clip predictions, iterates or nothing on the way; each is held to a step worked by hand."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from methods.diffusion.noise import StreamNoise
from methods.diffusion.sampler import Bounds, SamplerConfig, sample
from methods.diffusion.schedule import Schedule, make_schedule
from training import SeedStreams

ROWS = 4


@dataclass
class Constant:
    """A denoiser that gives one answer whatever it sees, and remembers what that was."""

    schedule: Schedule
    answer: tuple[float, ...]
    channels: int = 2
    asked_at: list[Tensor] = field(default_factory=list)

    def __call__(self, z: Tensor, level: int, observations: Tensor) -> Tensor:
        self.asked_at.append(z)
        return torch.tensor(self.answer).expand_as(z)


def test_each_kind_of_clip_keeps_its_own_thing_in_the_bounds():
    """ẑ_0 = (5, 0.2) at every level, clipped (1, 0.1); DDIM goes to α ẑ_0 + σ times the noise of the draw."""
    schedule = make_schedule("vp", 6)
    bounds = Bounds(torch.tensor([-1.0, -1.0]), torch.tensor([1.0, 0.1]))
    walks = {}
    for clip in ("clean", "iterate", "none"):
        far = Constant(schedule, (5.0, 0.2))
        config = SamplerConfig(solver="ddim", clip=clip)
        noise = StreamNoise(SeedStreams([0], "draws"), ROWS)
        drawn = sample(far, torch.zeros(1, ROWS, 3), noise, config, bounds)
        assert torch.equal(drawn[0, 0], torch.tensor([1.0, 0.1])), "what comes out lies in the bounds"
        walks[clip] = torch.cat(far.asked_at[1:], 1)[0]
    start = SeedStreams([0], "draws").normal(ROWS, 2)
    for clip, clean in (("clean", [1.0, 0.1]), ("none", [5.0, 0.2])):
        expected = (
            schedule.alpha[4] * torch.tensor(clean)
            + schedule.sigma[4] * (start - schedule.alpha[5] * torch.tensor(clean)) / schedule.sigma[5]
        )
        torch.testing.assert_close(walks[clip][:ROWS], expected[0])
    torch.testing.assert_close(walks["iterate"][:ROWS], torch.clamp(walks["none"][:ROWS], bounds.low, bounds.high))
    assert walks["none"].max() > 1
