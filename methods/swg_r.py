"""SWG-R: N draws from self-weighted guidance, then the one whose own predicted weight is best.

SWG with resampling (arXiv 2505.18345). The paper gives no algorithm of its own for it: the authors' PyTorch
code ranks by the sampled weight channel, as here; their JAX code by min target-Q.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from critics.weights import WeightSetting
from foundation.bounds import Count
from methods.core.method import DiffusionPolicy, Method, Rho, Shared
from methods.core.registry import register
from methods.core.selection import Best
from methods.diffusion.guidance import SelfWeighted
from methods.presets.swg import SWG_R as PRESETS
from methods.presets.value import Presets
from training.component import Component, Parts


@register("swg-r")
@dataclass(frozen=True)
class SWGR(Method):
    """Objective: joint (a, w). Guidance: as SWG. Selection: the best predicted weight of N.

    Attributes:
        weight: the weight function, as for SWG.
        shrunk_clip: as for SWG.
        candidates: N. It needs a temperature above 0, or all candidates are the same.
    """

    title: ClassVar[str] = "SWG-R"
    paper: ClassVar[str] = "SWG with resampling, arXiv 2505.18345"
    rho: ClassVar[Rho | None] = Rho(default=10.0, published=True)
    presets: ClassVar[Presets] = PRESETS
    weight: WeightSetting = "smooth-expectile"
    shrunk_clip: bool = False
    candidates: Count = 16

    def components(self, shared: Shared) -> Mapping[str, Component]:
        """The same joint denoiser as SWG's."""
        return {"denoiser": shared.joint(self.weight)}

    def policy(self, parts: Parts, shared: Shared, rho: float) -> DiffusionPolicy:
        """Candidates from the self-guided joint model, selected by their weight channel."""
        guided = SelfWeighted(parts["denoiser"], rho, self.shrunk_clip)
        return shared.policy(guided, self.candidates, Best(predicted_weight), guided.repairs)


def predicted_weight(observations: Tensor, candidates: Tensor) -> Tensor:
    """The sampled weight channel, (seed, rows)."""
    return candidates[..., -1]
