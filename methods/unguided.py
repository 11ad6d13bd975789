"""Unguided behaviour diffusion: a ~ μ(a | s), the floor that every guidance is measured against."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from methods.core.method import DiffusionPolicy, Method, Shared
from methods.core.registry import register
from methods.presets.idql import UNGUIDED as PRESETS
from methods.presets.value import Presets
from training.component import Component, Parts


@register("unguided")
@dataclass(frozen=True)
class Unguided(Method):
    """Objective: behaviour. Guidance: none. Selection: the first draw."""

    title: ClassVar[str] = "Unguided"
    paper: ClassVar[str] = "DDPM, arXiv 2006.11239"
    presets: ClassVar[Presets] = PRESETS

    def components(self, shared: Shared) -> Mapping[str, Component]:
        """The behaviour denoiser alone."""
        return {"denoiser": shared.behaviour()}

    def policy(self, parts: Parts, shared: Shared, rho: float) -> DiffusionPolicy:
        """One draw from the behaviour model."""
        return shared.policy(parts["denoiser"])
