"""Unguided behaviour diffusion: a ~ μ(a | s), which every guidance is measured against."""

from dataclasses import dataclass
from typing import ClassVar

from methods import SlotMethod, register


@register("unguided")
@dataclass(frozen=True)
class Unguided(SlotMethod):
    """Objective: behaviour. Guidance: none. Selection: the first draw.

    Exact: it aims at μ, whose reverse process its samples follow.
    """

    title: ClassVar[str] = "Unguided"
    paper: ClassVar[str] = "DDPM, arXiv 2006.11239"
