"""IDQL: N draws from the behaviour model, then one of them by the critic (arXiv 2304.10573, Alg. 2).

The paper's implicit policy draws in proportion to the weights τ / (1 - τ); its released code takes argmax Q.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from critics.iql import Critic
from critics.weights import WeightSetting, parse_weight
from foundation.bounds import Count
from methods.core.method import DiffusionPolicy, Method, Shared
from methods.core.registry import register
from methods.core.selection import Best, Draw, Selection
from methods.presets.idql import IDQL as PRESETS
from methods.presets.value import Presets
from training.component import Component, Parts


@register("idql")
@dataclass(frozen=True)
class IDQL(Method):
    """Objective: behaviour. Guidance: none. Selection: N candidates by the critic.

    Attributes:
        candidates: N; the authors' code uses 16, 64 or 256.
        select: `best` takes the highest min target-Q (the code), `draw` draws by weight (the paper).
        weight: the weight function of `draw`.
    """

    title: ClassVar[str] = "IDQL"
    paper: ClassVar[str] = "IDQL, arXiv 2304.10573"
    presets: ClassVar[Presets] = PRESETS
    candidates: Count = 64
    select: Literal["best", "draw"] = "best"
    weight: WeightSetting = "hard-expectile"

    def components(self, shared: Shared) -> Mapping[str, Component]:
        """The behaviour denoiser and the critic."""
        return {"denoiser": shared.behaviour(), "critic": shared.critic}

    def policy(self, parts: Parts, shared: Shared, rho: float) -> DiffusionPolicy:
        """Candidates from the behaviour model, selected by the critic."""
        return shared.policy(parts["denoiser"], self.candidates, self.selection(parts["critic"], shared))

    def selection(self, critic: Critic, shared: Shared) -> Selection:
        """By argmax Q, or in proportion to w(Q, V)."""
        if self.select == "best":
            return Best(critic.q)
        weight = parse_weight(self.weight, shared.critic_config.expectile)

        def weigh(observations: Tensor, actions: Tensor) -> Tensor:
            return weight(critic.q(observations, actions), critic.v(observations))

        return Draw(weigh)
