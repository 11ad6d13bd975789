"""A denoiser is (noisy z, level, observations) → E[z_0 | z_k, s], and carries its schedule.

Trained by noise prediction, E‖ε - ε_θ(α_k z_0 + σ_k ε, k, s)‖² (DDPM, arXiv 2006.11239, eq. 14); then
E[z_0 | z_k] = (z_k - σ_k ε_θ)/α_k. The behaviour objective diffuses z = a; others may diffuse more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Protocol, runtime_checkable

from jaxtyping import Int
from torch import Tensor, nn

from foundation.bounds import Count, NonNegative, Positive, Rate
from foundation.keys import UNLESS_DEFAULT
from foundation.names import ImportName
from methods.diffusion.networks import NETWORKS
from methods.diffusion.networks.config import AuxiliaryHead, NetworkConfig, level_numbers
from methods.diffusion.schedule import Schedule, make_schedule
from training import Group, SeedStreams, Step, Trained
from training.precision import Precision
from training.shapes import Observations, PerSeed, Z


@runtime_checkable
class Denoiser(Protocol):
    """What a sampler asks for: a prediction of the clean channels, with the schedule it belongs to."""

    @property
    def schedule(self) -> Schedule: ...

    @property
    def channels(self) -> int: ...

    def __call__(self, z: Z, level: int, observations: Observations) -> Z:
        """E[z_0 | z_k, s]."""
        ...


@dataclass(frozen=True, kw_only=True)
class DenoiserConfig(NetworkConfig):
    """The backbone and how it is trained; defaults are SWG's (arXiv 2505.18345 and its authors' code).

    Attributes:
        schedule: `vp` (discrete, b_min 0.1, b_max 10), `cosine`, or `vp-linear` (continuous, β 0.1 to 20, on a
            grid of times; CEP and Diffusion-DICE, with 1,000 levels).
        levels: noise levels, K (SWG 15, IDQL 5).
        steps: gradient steps (SWG a million, three for AntMaze).
        batch_size: transitions per seed and step (SWG 1024, IDQL 512).
        learning_rate: AdamW's (SWG 3e-4, 3e-5 for Adroit pen).
        weight_decay: AdamW's decoupled weight decay.
        decay_steps: length of the learning rate's cosine decay to zero; None keeps it constant.
        ema: rate of the moving average of the weights that is kept in the end; None keeps the last weights.
        precision: of the matrix products in training, `bf16` by autocast with all else in `fp32`.
        imported: name of the denoiser that `import-checkpoint` put into the artifacts, in the place of one that is
            trained here; the settings of training then say nothing of it. None trains it.
    """

    schedule: Literal["vp", "cosine", "vp-linear"] = "vp"
    levels: Count = 15
    steps: Count = 1_000_000
    batch_size: Count = 1024
    learning_rate: Positive = 3e-4
    weight_decay: NonNegative = 1e-4
    decay_steps: Count | None = 3_000_000
    ema: Rate | None = 0.001
    precision: Precision = "fp32"
    imported: ImportName | None = field(default=None, metadata=UNLESS_DEFAULT)

    @property
    def groups(self) -> tuple[Group, ...]:
        """One AdamW with the learning rate's decay and the moving average."""
        return (
            Group(
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                decay_steps=self.decay_steps,
                ema=self.ema,
            ),
        )


class NetworkDenoiser(nn.Module):
    """A trained noise network read as a denoiser.

    Args:
        network: predicts the noise.
        schedule: of the levels.
        channels: of z.
        first_level: see `NetworkConfig`.
    """

    def __init__(self, network: nn.Module, schedule: Schedule, channels: int, first_level: int = 1):
        super().__init__()
        self.network = network
        self.channels = channels
        device = next(network.parameters()).device
        self.schedule = schedule.to(device)
        self.levels = level_numbers(len(schedule), first_level).to(device)

    def forward(self, z: Z, level: int, observations: Observations) -> Z:
        """E[z_0 | z_k, s] = (z_k - σ_k ε)/α_k."""
        noise = self.predict_noise(z, level, observations)
        return (z - self.schedule.sigma[level] * noise) / self.schedule.alpha[level]

    def predict_noise(self, z: Z, level: int | Int[Tensor, "seed batch"], observations: Observations) -> Z:
        """ε_θ(z_k, k, s) without dropout, at one level or one level per row."""
        return self.network(z, level, observations, self.levels)

    def noise_loss(self, z: Z, observations: Observations, streams: SeedStreams) -> PerSeed:
        """Squared error of the predicted noise: sum over channels, mean over the batch, as in SWG's code."""
        level = streams.integers(len(self.schedule), z.shape[1])
        noise = streams.normal(*z.shape[1:])
        noisy = self.schedule.add_noise(z, level, noise)
        predicted = self.network(noisy, level, observations, self.levels, streams)
        return (predicted - noise).square().sum(-1).mean(-1)


@dataclass(frozen=True)
class Backbone:
    """The shared diffusion backbone on one task.

    Attributes:
        config: its network, schedule and training.
        observation_dim, action_dim: sizes of s and a.
    """

    config: DenoiserConfig
    observation_dim: int
    action_dim: int

    def build(self, streams: SeedStreams, auxiliary: AuxiliaryHead | None = None) -> NetworkDenoiser:
        """A fresh denoiser for all seeds, of the action and the auxiliary channels."""
        config = self.config
        network = NETWORKS[config.network](streams, config, self.observation_dim, self.action_dim, auxiliary)
        channels = self.action_dim + (0 if auxiliary is None else auxiliary.channels)
        schedule = make_schedule(config.schedule, config.levels)
        return NetworkDenoiser(network, schedule, channels, config.first_level)

    def with_condition(self, size: int) -> "Backbone":
        """The same backbone with a condition of that size appended to the observations."""
        return replace(self, observation_dim=self.observation_dim + size)


@dataclass(frozen=True)
class DenoiserObjective(Trained[NetworkDenoiser]):
    """A denoiser of the shared backbone as a component; the subclass says what it is trained on, in `losses`.

    Attributes:
        backbone: network, schedule and training.
    """

    settings: ClassVar[str | None] = "denoiser"
    backbone: Backbone

    @property
    def head(self) -> AuxiliaryHead | None:
        """How channels of z beside the action are predicted; None where there are none."""
        return None

    @property
    def steps(self) -> int:
        """The shared backbone's."""
        return self.backbone.config.steps

    @property
    def groups(self) -> tuple[Group, ...]:
        """The shared backbone's."""
        return self.backbone.config.groups

    @property
    def precision(self) -> Precision:
        """The shared backbone's."""
        return self.backbone.config.precision

    @property
    def imported(self) -> str | None:
        """The shared backbone's."""
        return self.backbone.config.imported

    @property
    def batch_size(self) -> int:
        """The shared backbone's."""
        return self.backbone.config.batch_size

    def build(self, streams: SeedStreams) -> NetworkDenoiser:
        """A fresh denoiser of the action and the auxiliary channels."""
        return self.backbone.build(streams, self.head)


@dataclass(frozen=True)
class BehaviourDenoiser(DenoiserObjective):
    """The behaviour objective: diffuses the data's actions, z = a."""

    kind: ClassVar[str] = "behaviour"

    def losses(self, module: NetworkDenoiser, step: Step) -> Mapping[str, PerSeed]:
        """Noise prediction over the action channels."""
        batch = step.sample_batch(self.batch_size)
        return {"loss": module.noise_loss(batch.actions, batch.observations, step.noise)}
