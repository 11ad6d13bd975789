"""SfBC: N draws from the behaviour model, then one of them in proportion to e^{αQ} (arXiv 2209.14548).

Importance resampling towards π ∝ μ e^{αQ} with μ itself as the proposal: its bias falls as 1/N, and what μ seldom
draws it seldom has.

Deviation: the paper's Q is fitted to returns of planning within the data ("implicit in-sample planning"); here it
is the shared critic's, so that methods differ in how they use it. `idql` with `--idql.select draw` is the same
selection with another weight.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from methods import (
    Component,
    Count,
    Knob,
    MeanOfDraws,
    Models,
    Positive,
    Selection,
    Setup,
    SlotMethod,
    ValueSpread,
    register,
)


@register("sfbc")
@dataclass(frozen=True)
class SfBC(SlotMethod):
    """Objective: behaviour. Guidance: none. Selection: the mean of draws among N in proportion to e^{αQ}.

    Not exact: it aims at μ e^{αQ} by one of N draws from μ, with an error that falls as 1/N.

    `tune` tries N from 1 to 64, as for every method that selects, and α from 1 to 100, at which the draw is all
    but the best of N.

    Attributes:
        candidates: N (32 in the paper).
        inverse_temperature: α; 100 in the authors' evaluation.
        normalise: whether Q is in units of its standard deviation over the data; off, α is of Q as it is.
        draws: candidates drawn without replacement, of which the action is the mean: 1, or 4 in the authors'
            code on locomotion.
    """

    title: ClassVar[str] = "SfBC"
    paper: ClassVar[str] = "SfBC, arXiv 2209.14548"
    knobs: ClassVar[Mapping[str, Knob]] = {
        "candidates": Knob(1, 64, log=True),
        "inverse_temperature": Knob(1.0, 100.0, log=True),
    }
    in_default_comparison: ClassVar[bool] = False
    candidates: Count = 32
    inverse_temperature: Positive = 100.0
    normalise: bool = True
    draws: Count = 1

    def selection(self) -> Selection:
        """By softmax(αQ), or softmax(αQ/std)."""
        return MeanOfDraws(self.candidates, self._score, self._needs, self.draws)

    def _score(self, models: Models, observations: Tensor, z: Tensor) -> Tensor:
        q = models["critic"].q(observations, z)
        return self.inverse_temperature * (q / models["spread"].get_buffer("spread") if self.normalise else q)

    def _needs(self, setup: Setup) -> Mapping[str, Component]:
        critic = setup.q_critic()
        return {"critic": critic, **({"spread": ValueSpread(critic)} if self.normalise else {})}
