"""SWG-R: N draws from self-weighted guidance, then the one whose own predicted weight is best.

SWG with resampling (arXiv 2505.18345). The paper gives no algorithm of its own for it: the authors' PyTorch
code ranks by the sampled weight channel, as here by default; their JAX code by min target-Q.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from torch import Tensor

from methods import (
    UNLESS_DEFAULT,
    Best,
    Count,
    Draw,
    Knob,
    Models,
    Rho,
    SlotMethod,
    WeightSetting,
    by_q,
    register,
)
from methods.swg import HIGHEST_WEIGHT, LOWEST_WEIGHT, Joint, SelfWeighted, WeightHead


@register("swg-r")
@dataclass(frozen=True)
class SWGR(SlotMethod):
    """Objective: joint (a, w). Guidance: as SWG. Selection: one of N by its predicted weight.

    Not exact: the best of N draws of SWG by a weight has another law than μw, narrower with a larger N.

    `tune` tries N from 1 to 64, as for every method that selects (the paper gives no range), and with `--training`
    SWG's weight functions.

    Attributes:
        weight: the weight function, as for SWG.
        shrunk_clip: as for SWG.
        weight_head: as for SWG.
        weigh_by: as for SWG.
        candidates: N. It needs a temperature above 0, or all candidates are the same.
        select: `best`, the best predicted weight; `draw`, in proportion to it, so that guided draws of μw become
            draws of μw² as N grows; `critic`, the best Q of the shared critic.
    """

    title: ClassVar[str] = "SWG-R"
    paper: ClassVar[str] = "SWG with resampling, arXiv 2505.18345"
    rho: ClassVar[Rho | None] = Rho(default=10.0, published=True, published_with={"weight": "*-expectile*"})
    knobs: ClassVar[Mapping[str, Knob]] = {"candidates": Knob(1, 64, log=True), "weight": Joint.knob}
    weight: WeightSetting = "smooth-expectile"
    shrunk_clip: bool = False
    weight_head: WeightHead = "middle"
    weigh_by: Literal["target", "trained"] = field(default="target", metadata=UNLESS_DEFAULT)
    candidates: Count = 16
    select: Literal["best", "draw", "critic"] = field(default="best", metadata=UNLESS_DEFAULT)

    def objective(self) -> Joint:
        """z = (a, w), the same denoiser as SWG's."""
        return Joint(self.weight, self.weight_head, self.weigh_by)

    def guidance(self) -> SelfWeighted:
        """By its own weight."""
        return SelfWeighted(self.shrunk_clip)

    def selection(self) -> Best | Draw:
        """By the predicted weight, or by Q."""
        match self.select:
            case "best":
                return Best(self.candidates, predicted_weight, needs=None)
            case "draw":
                return Draw(self.candidates, positive_weight, needs=None)
            case "critic":
                return Best(self.candidates, q_of_action)


def predicted_weight(models: Models, observations: Tensor, z: Tensor) -> Tensor:
    """The sampled weight channel, (seed, rows)."""
    return z[..., -1]


def positive_weight(models: Models, observations: Tensor, z: Tensor) -> Tensor:
    """The sampled weight channel within the range that predicted weights are clipped to, (seed, rows)."""
    return predicted_weight(models, observations, z).clamp(LOWEST_WEIGHT, HIGHEST_WEIGHT)


def q_of_action(models: Models, observations: Tensor, z: Tensor) -> Tensor:
    """The critic's Q of the sampled actions, (seed, rows)."""
    return by_q(models, observations, z[..., :-1])
