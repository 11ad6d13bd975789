"""SWG: diffuse the weight with the action, then follow the gradient of the log of the predicted weight.

z = (a, w); the guided noise is ε - ρ σ_k ∇_z log ŵ((z_k - σ_k ε)/α_k), the gradient through the whole network
(Diffusion Self-Weighted Guidance, arXiv 2505.18345, §3.3). No guidance network is trained.

Deviation: on the toy sets the authors' code scales the points to [-1, 1], counts the weight channel twice in the
loss, bounds the gradient's norm by 1, embeds β as it does the level, and takes log ŵ unclipped; here they are
trained and sampled as every other task.

Deviation: on locomotion the paper divides rewards by the difference of the best and the worst return; here, as in
the authors' code and IQL's, they are also multiplied by 1,000, which makes σ(A) a thousand times as sharp. As the
paper reads (`data.return_range` 1) advantages are a thousandth of those here: with τ = 0.7, A = 1 weighs 0.592 and
A = 0.001 weighs 0.5001, so that all weights are nearly one half and the guidance nearly zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from methods import (
    UNLESS_DEFAULT,
    AuxiliaryHead,
    Component,
    Denoiser,
    DenoiserObjective,
    Knob,
    MethodError,
    NetworkDenoiser,
    Rho,
    Setup,
    SlotMethod,
    Steer,
    Step,
    WeightFunction,
    WeightSetting,
    linearise,
    register,
    weigh_data,
)

LOWEST_WEIGHT, HIGHEST_WEIGHT = 1e-4, 1.0
WeightHead: TypeAlias = Literal["early", "middle", "last", "own"]
WeighBy: TypeAlias = Literal["target", "trained"]
WEIGHT_HEADS: Mapping[str, int | None] = {"early": 0, "middle": -2, "last": -1, "own": None}
"""The index of the block that the weight is read from."""
NETWORK_HEADS: Mapping[str, tuple[WeightHead, ...]] = {
    "residual": ("early", "middle", "last", "own"),
    "u-shaped": ("middle",),
    "mlp": ("early", "middle"),
}
"""The heads of each network; in those without blocks `middle` is a channel among the others."""


@dataclass(frozen=True)
class JointDenoiser(DenoiserObjective):
    """The joint objective: noise prediction over z = (a, w), the weight beside the action (§3).

    Deviation: a weight function with a bound above 1 is divided by it, so that every weight lies in (0, 1], the
    range the authors' code clips to; ∇ log w does not feel a constant factor. The clip's lower end does: the
    exponential weight, divided by 80, gets no guidance where less than 80e-4 = 0.008 is predicted. The code does
    not divide it and gets none above 1.

    Attributes:
        weight: of the data's actions.
        critic: where Q and V come from.
        weight_head: where the weight is predicted, see `SWG`.
        weigh_by: the Q networks that the weights are of, see `SWG`.
    """

    kind: ClassVar[str] = "joint"
    version: ClassVar[int] = 2
    weight: WeightFunction
    critic: Component
    weight_head: WeightHead
    weigh_by: WeighBy = field(default="target", metadata=UNLESS_DEFAULT)

    @property
    def head(self) -> AuxiliaryHead:
        """One channel, the weight's."""
        return AuxiliaryHead(1, WEIGHT_HEADS[self.weight_head])

    def upstream(self) -> Mapping[str, Component]:
        """The critic gives the weights."""
        return {"critic": self.critic}

    def precompute(self, step: Step) -> dict[str, Tensor]:
        """The weight of every transition, at most 1, (seed, transition)."""
        weight = weigh_data(step, self.weight, by=self.weigh_by)
        return {"weight": weight / max(self.weight.maximum, 1.0)}

    def losses(self, module: NetworkDenoiser, step: Step) -> Mapping[str, Float[Tensor, " seed"]]:
        """Noise prediction over the action channels and the weight channel."""
        batch = step.sample_batch(self.batch_size)
        weight = step.precomputed["weight"].gather(1, batch.index)
        z = torch.cat([batch.actions, weight[..., None]], -1)
        return {"loss": module.noise_loss(z, batch.observations, step.noise)}


@dataclass(frozen=True)
class Joint:
    """Objective: the joint law of action and weight.

    Attributes:
        weight: the weight function, by its setting.
        weight_head, weigh_by: see `SWG`.
        knob: the weight functions that the paper compares (Table 3), the exponential one with its β = 3 and about
            a third and three times that (our choice), and the code's hard expectile.
    """

    knob: ClassVar[Knob] = Knob(
        choices=(
            "smooth-expectile",
            "hard-expectile",
            "exponential:inverse_temperature=1",
            "exponential:inverse_temperature=3",
            "exponential:inverse_temperature=10",
            "linex:alpha=1",
        )
    )
    weight: str
    weight_head: WeightHead = "middle"
    weigh_by: WeighBy = "target"

    def component(self, setup: Setup) -> JointDenoiser:
        """The joint denoiser; the critic only makes its weights.

        Raises:
            MethodError: a head that the network has no place for.
        """
        network = setup.backbone.config.network
        if self.weight_head not in NETWORK_HEADS[network]:
            raise MethodError(
                f"weight_head={self.weight_head} is not for denoiser.network={network}, which has "
                f"{' and '.join(NETWORK_HEADS[network])} alone; leave out one of the two."
            )
        weight = setup.weight(self.weight)
        return JointDenoiser(setup.backbone, weight, setup.critic(), self.weight_head, self.weigh_by)

    def denoiser(self, model: Denoiser) -> Denoiser:
        return model

    def extra_bounds(self) -> tuple[tuple[float, float], ...]:
        """The weight's range."""
        return ((LOWEST_WEIGHT, HIGHEST_WEIGHT),)


@dataclass(frozen=True)
class SelfWeighted:
    """Guidance: ∇_z log ŵ(z) through the denoiser, ŵ = E[w | z_k] its own last channel (eq. 17-19).

    The gradient is with respect to the whole z, the weight channel too (the paper's Remark 3.4). ŵ is clipped to
    [1e-4, 1] before the log, as in the authors' code, so a row outside gets no gradient; such rows are counted.

    Attributes:
        shrunk_clip: clip ŵ √ᾱ_{t-1} in its place, as the authors' code does: it divides by √α_t, not √ᾱ_t. Inside
            the range the gradient is the same, the log's constant falls out; more rows fall below it.
        is_stopped: whether the gradient stops at ẑ_0, of which ŵ is a channel: the score is then 1/(α ŵ) in the
            weight channel and 0 in those of the action, and takes no gradient evaluation.
    """

    shrunk_clip: bool = False
    is_stopped: bool = False

    def stop_gradient(self) -> "SelfWeighted":
        """With the gradient stopped at ẑ_0."""
        return SelfWeighted(self.shrunk_clip, is_stopped=True)

    def components(self, setup: Setup, denoiser: Component) -> Mapping[str, Component]:
        """None: the denoiser's own weight guides it."""
        return {}

    def steer(
        self,
        denoiser: Denoiser,
        models: Mapping[str, Any],
        z: Float[Tensor, "seed batch channel"],
        level: int,
        observations: Float[Tensor, "seed batch observation"],
    ) -> Steer:
        """Through the whole denoiser, unless it is stopped."""
        clean, pull_back = linearise(denoiser, z, level, observations, self.is_stopped)
        weight = clean[..., -1:]
        seen = weight * denoiser.schedule.coefficients[level - 1][0] if self.shrunk_clip and level > 0 else weight
        clipped = (seen < LOWEST_WEIGHT) | (seen > HIGHEST_WEIGHT)
        slope = torch.where(clipped, 0.0, weight.reciprocal())  # ∂ log ŵ/∂ŵ, of a clipped ŵ zero
        gradient = pull_back(slope, first=denoiser.channels - 1)
        return Steer(clean, gradient, int(not self.is_stopped), interventions={"clipped_weights": clipped[..., 0]})


@register("swg")
@dataclass(frozen=True)
class SWG(SlotMethod):
    """Objective: joint (a, w). Guidance: ∇ log of the predicted weight. Selection: the first draw.

    Exact: it aims at μw; ŵ is E[w | z_k], and ∇ log ŵ the exact guidance, but where ŵ is clipped.

    `tune --training` tries the weight functions of the paper's Table 3, the exponential one at three temperatures.
    The paper tunes ρ for each weight function and prints that of each task for the expectile weight alone.

    Attributes:
        weight: the weight function: `smooth-expectile` (paper, eq. 21), `hard-expectile` (code), `exponential`,
            `linex`, each with fields as in `exponential:inverse_temperature=3`.
        shrunk_clip: clip the predicted weight as the authors' code does, see `SelfWeighted`.
        weight_head: where the residual network predicts the weight, which is what the guidance's gradient goes
            through: from its `early` (first), `middle` (last but one, as in the authors' code) or `last` block, or
            by a perceptron of its `own`. An earlier head is the paper's idea for cheaper guidance (§5.4). `mlp`
            has `early`, its first hidden layer, and `middle`, where the weight is a channel among the others.
        weigh_by: the Q networks that the weights w(Q, V) are of, the smaller value of the two: `trained` (paper,
            Algorithm 3) or `target`, their moving averages (code).
    """

    title: ClassVar[str] = "SWG"
    paper: ClassVar[str] = "SWG, arXiv 2505.18345"
    rho: ClassVar[Rho | None] = Rho(default=10.0, published=True, published_with={"weight": "*-expectile*"})
    knobs: ClassVar[Mapping[str, Knob]] = {"weight": Joint.knob}
    weight: WeightSetting = "smooth-expectile"
    shrunk_clip: bool = False
    weight_head: WeightHead = "middle"
    weigh_by: WeighBy = field(default="target", metadata=UNLESS_DEFAULT)

    def objective(self) -> Joint:
        """z = (a, w)."""
        return Joint(self.weight, self.weight_head, self.weigh_by)

    def guidance(self) -> SelfWeighted:
        """By its own weight."""
        return SelfWeighted(self.shrunk_clip)
