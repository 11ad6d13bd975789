"""IDQL: N draws from the behaviour model, then one of them by the critic (arXiv 2304.10573, Alg. 2).

The paper's implicit policy draws in proportion to the weights τ / (1 - τ); its released code takes argmax Q.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from methods import Best, Count, Draw, Knob, Selection, SlotMethod, WeightSetting, register


@register("idql")
@dataclass(frozen=True)
class IDQL(SlotMethod):
    """Objective: behaviour. Guidance: none. Selection: N candidates by the critic.

    Not exact: the best of N draws from μ by Q has the law of no given weight, further from μ with a larger N.

    `tune` tries N from 1 to 64, as for every method that selects; the authors' evaluation has 16, 64 and 256. It
    tries both selections, and for `draw` the paper's weights and two exponential ones (our choice).

    Attributes:
        candidates: N; the authors' code uses 16, 64 or 256.
        select: `best` takes the highest min target-Q (the code), `draw` draws by weight (the paper).
        weight: the weight function of `draw`.
    """

    title: ClassVar[str] = "IDQL"
    paper: ClassVar[str] = "IDQL, arXiv 2304.10573"
    knobs: ClassVar[Mapping[str, Knob]] = {
        "candidates": Knob(1, 64, log=True),
        "select": Knob(choices=("best", "draw")),
        "weight": Knob(
            choices=(
                "hard-expectile",
                "exponential:inverse_temperature=3",
                "exponential:inverse_temperature=10",
            )
        ),
    }
    candidates: Count = 64
    select: Literal["best", "draw"] = "best"
    weight: WeightSetting = "hard-expectile"

    def selection(self) -> Selection:
        """By argmax Q, or in proportion to w(Q, V)."""
        return Best(self.candidates) if self.select == "best" else Draw.by_weight(self.candidates, self.weight)
