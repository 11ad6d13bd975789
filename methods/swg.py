"""SWG: diffuse the weight with the action, then follow the gradient of the log of the predicted weight.

z = (a, w); the guided noise is ε - ρ σ_k ∇_z log ŵ((z_k - σ_k ε)/α_k), the gradient through the whole network
(Diffusion Self-Weighted Guidance, arXiv 2505.18345, §3.3). No guidance network is trained.

Deviation: on the toy sets the authors' code scales the points to [-1, 1], counts the weight channel twice in the
loss, bounds the gradient's norm by 1, embeds β as it does the level, and takes log ŵ unclipped; here they are
trained and sampled as every other task.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from critics.weights import WeightSetting
from methods.core.method import DiffusionPolicy, Method, Rho, Shared
from methods.core.registry import register
from methods.diffusion.guidance import SelfWeighted
from methods.presets.swg import SWG as PRESETS
from methods.presets.value import Presets
from training.component import Component, Parts


@register("swg")
@dataclass(frozen=True)
class SWG(Method):
    """Objective: joint (a, w). Guidance: ∇ log of the predicted weight. Selection: the first draw.

    Attributes:
        weight: the weight function: `smooth-expectile` (paper, eq. 21), `hard-expectile` (code), `exponential`,
            `linex`, each with fields as in `exponential:inverse_temperature=3`.
        shrunk_clip: clip the predicted weight as the authors' code does, see `SelfWeighted`.
    """

    title: ClassVar[str] = "SWG"
    paper: ClassVar[str] = "SWG, arXiv 2505.18345"
    rho: ClassVar[Rho | None] = Rho(default=10.0, published=True)
    presets: ClassVar[Presets] = PRESETS
    weight: WeightSetting = "smooth-expectile"
    shrunk_clip: bool = False

    def components(self, shared: Shared) -> Mapping[str, Component]:
        """The joint denoiser alone; the critic only made its weights."""
        return {"denoiser": shared.joint(self.weight)}

    def policy(self, parts: Parts, shared: Shared, rho: float) -> DiffusionPolicy:
        """One draw from the self-guided joint model."""
        guided = SelfWeighted(parts["denoiser"], rho, self.shrunk_clip)
        return shared.policy(guided, repairs=guided.repairs)
