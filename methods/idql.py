"""IDQL: N draws from the behaviour model, then one of them by the critic (arXiv 2304.10573, Alg. 2).

The paper's implicit policy draws in proportion to the weights τ / (1 - τ); its released code takes argmax Q.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from methods import Best, Count, Draw, Selection, SlotMethod, WeightSetting, register


@register("idql")
@dataclass(frozen=True)
class IDQL(SlotMethod):
    """Objective: behaviour. Guidance: none. Selection: N candidates by the critic.

    Attributes:
        candidates: N; the authors' code uses 16, 64 or 256.
        select: `best` takes the highest min target-Q (the code), `draw` draws by weight (the paper).
        weight: the weight function of `draw`.
    """

    title: ClassVar[str] = "IDQL"
    paper: ClassVar[str] = "IDQL, arXiv 2304.10573"
    candidates: Count = 64
    select: Literal["best", "draw"] = "best"
    weight: WeightSetting = "hard-expectile"

    def selection(self) -> Selection:
        """By argmax Q, or in proportion to w(Q, V)."""
        return Best(self.candidates) if self.select == "best" else Draw.by_weight(self.candidates, self.weight)
