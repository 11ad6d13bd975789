"""The methods, and all that a method's file needs: `from methods import ...` is its one import.

Names are imported when they are asked for, so that no method is imported before it is needed.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from critics.config import CriticConfig
    from critics.in_support import InSupportQ
    from critics.iql import IQL, ActionValue, Critic
    from critics.q_ensemble import QEnsemble
    from critics.spread import ValueSpread
    from critics.weights import WeightFunction, WeightSetting, value_data, weigh_data
    from foundation.bounds import Count, Fraction, NonNegative, Positive, Probability, Rate, Share
    from foundation.keys import UNLESS_DEFAULT
    from methods.core.actor_critic import ActorCritic, ActorCriticNetworks
    from methods.core.actor_networks import Actor, GaussianActor, SquashedGaussianActor, rescale
    from methods.core.actors import ActorComponent, ActorMethod, ObservationScale, size_actor
    from methods.core.conservative import ConservativeQ
    from methods.core.diffusion_actor import DiffusionActorCritic, PolicyDraws, PolicyObjective
    from methods.core.guidance_net import GuidanceNet, GuidanceObjective
    from methods.core.method import Knob, Method, MethodError, Rho, SlotMethod
    from methods.core.policy import Policy, SlotPolicy, make_policy
    from methods.core.registry import get_method, method_names, register
    from methods.core.selection import Best, Draw, First, MeanOfDraws, by_q, by_weight
    from methods.core.setup import Setup
    from methods.core.slots import ActionObjective, Behaviour, Guidance, NetGuidance, Objective, Selection
    from methods.core.support import SupportActions
    from methods.diffusion.denoiser import Backbone, Denoiser, DenoiserObjective, NetworkDenoiser
    from methods.diffusion.guidance import Counts, Steer, gradient_beside, gradient_through, linearise
    from methods.diffusion.networks.config import AuxiliaryHead
    from methods.diffusion.noise import Noise
    from methods.diffusion.sampler import sample
    from methods.diffusion.schedule import Schedule, make_schedule
    from methods.presets.value import Presets, Value
    from training import (
        Batch,
        Component,
        Computed,
        Data,
        Group,
        Models,
        SeedLinear,
        SeedMLP,
        SeedStreams,
        Step,
        Trained,
        polyak_update,
    )

_PLACES = {
    "critics.config": ("CriticConfig",),
    "critics.in_support": ("InSupportQ",),
    "critics.iql": ("ActionValue", "Critic", "IQL"),
    "critics.q_ensemble": ("QEnsemble",),
    "critics.spread": ("ValueSpread",),
    "critics.weights": ("WeightFunction", "WeightSetting", "value_data", "weigh_data"),
    "foundation.keys": ("UNLESS_DEFAULT",),
    "foundation.bounds": ("Count", "Fraction", "NonNegative", "Positive", "Probability", "Rate", "Share"),
    "methods.core.actor_critic": ("ActorCritic", "ActorCriticNetworks"),
    "methods.core.actor_networks": ("Actor", "GaussianActor", "SquashedGaussianActor", "rescale"),
    "methods.core.actors": ("ActorComponent", "ActorMethod", "ObservationScale", "size_actor"),
    "methods.core.conservative": ("ConservativeQ",),
    "methods.core.diffusion_actor": ("DiffusionActorCritic", "PolicyDraws", "PolicyObjective"),
    "methods.core.guidance_net": ("GuidanceNet", "GuidanceObjective"),
    "methods.core.method": ("Knob", "Method", "MethodError", "Rho", "SlotMethod"),
    "methods.core.policy": ("Policy", "SlotPolicy", "make_policy"),
    "methods.core.registry": ("get_method", "method_names", "register"),
    "methods.core.selection": ("Best", "Draw", "First", "MeanOfDraws", "by_q", "by_weight"),
    "methods.core.setup": ("Setup",),
    "methods.core.slots": ("ActionObjective", "Behaviour", "Guidance", "NetGuidance", "Objective", "Selection"),
    "methods.core.support": ("SupportActions",),
    "methods.diffusion.denoiser": ("Backbone", "Denoiser", "DenoiserObjective", "NetworkDenoiser"),
    "methods.diffusion.guidance": ("Counts", "Steer", "gradient_beside", "gradient_through", "linearise"),
    "methods.diffusion.networks.config": ("AuxiliaryHead",),
    "methods.diffusion.noise": ("Noise",),
    "methods.diffusion.sampler": ("sample",),
    "methods.diffusion.schedule": ("Schedule", "make_schedule"),
    "methods.presets.value": ("Presets", "Value"),
    "training": (
        "Batch",
        "Component",
        "Computed",
        "Data",
        "Group",
        "Models",
        "SeedLinear",
        "SeedMLP",
        "SeedStreams",
        "Step",
        "Trained",
        "polyak_update",
    ),
}
_HOME = {name: module for module, names in _PLACES.items() for name in names}

__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def find_module(name: str) -> str:
    """The module that a name of the interface stands in.

    Raises:
        AttributeError: no such name.
    """
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _HOME[name]


def __getattr__(name: str) -> Any:
    return getattr(importlib.import_module(find_module(name)), name)
