"""The methods, and all that a method's file needs: `from methods import ...` is its one import.

Names are imported when they are asked for, so that no method is imported before it is needed.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from critics.in_support import InSupportQ
    from critics.iql import IQL, Critic, CriticConfig
    from critics.q_ensemble import QEnsemble
    from critics.weights import WeightFunction, WeightSetting, weigh_data
    from foundation.bounds import Count, Fraction, NonNegative, Positive, Probability, Rate, Share
    from methods.core.guidance_net import GuidanceNet, GuidanceObjective, NetGuidance
    from methods.core.method import Method, MethodError, Rho, SlotMethod
    from methods.core.policy import Policy, SlotPolicy, make_policy
    from methods.core.registry import get_method, load_plugin, method_names, register
    from methods.core.selection import Best, Draw, DrawByWeight, First, by_q, by_weight
    from methods.core.setup import Setup
    from methods.core.slots import Behaviour, Guidance, Objective, Selection
    from methods.core.support import SupportActions
    from methods.diffusion.denoiser import Backbone, Denoiser, DenoiserObjective, NetworkDenoiser
    from methods.diffusion.guidance import Counts, Steer, gradient_beside, gradient_through
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
    "critics.in_support": ("InSupportQ",),
    "critics.iql": ("Critic", "CriticConfig", "IQL"),
    "critics.q_ensemble": ("QEnsemble",),
    "critics.weights": ("WeightFunction", "WeightSetting", "weigh_data"),
    "foundation.bounds": ("Count", "Fraction", "NonNegative", "Positive", "Probability", "Rate", "Share"),
    "methods.core.guidance_net": ("GuidanceNet", "GuidanceObjective", "NetGuidance"),
    "methods.core.method": ("Method", "MethodError", "Rho", "SlotMethod"),
    "methods.core.policy": ("Policy", "SlotPolicy", "make_policy"),
    "methods.core.registry": ("get_method", "load_plugin", "method_names", "register"),
    "methods.core.selection": ("Best", "Draw", "DrawByWeight", "First", "by_q", "by_weight"),
    "methods.core.setup": ("Setup",),
    "methods.core.slots": ("Behaviour", "Guidance", "Objective", "Selection"),
    "methods.core.support": ("SupportActions",),
    "methods.diffusion.denoiser": ("Backbone", "Denoiser", "DenoiserObjective", "NetworkDenoiser"),
    "methods.diffusion.guidance": ("Counts", "Steer", "gradient_beside", "gradient_through"),
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

__all__ = [
    "IQL",
    "AuxiliaryHead",
    "Backbone",
    "Batch",
    "Behaviour",
    "Best",
    "Component",
    "Computed",
    "Count",
    "Counts",
    "Critic",
    "CriticConfig",
    "Data",
    "Denoiser",
    "DenoiserObjective",
    "Draw",
    "DrawByWeight",
    "First",
    "Fraction",
    "Group",
    "Guidance",
    "GuidanceNet",
    "GuidanceObjective",
    "InSupportQ",
    "Method",
    "MethodError",
    "Models",
    "NetGuidance",
    "NetworkDenoiser",
    "Noise",
    "NonNegative",
    "Objective",
    "Policy",
    "Positive",
    "Presets",
    "Probability",
    "QEnsemble",
    "Rate",
    "Rho",
    "Schedule",
    "SeedLinear",
    "SeedMLP",
    "SeedStreams",
    "Selection",
    "Setup",
    "Share",
    "SlotMethod",
    "SlotPolicy",
    "Steer",
    "Step",
    "SupportActions",
    "Trained",
    "Value",
    "WeightFunction",
    "WeightSetting",
    "by_q",
    "by_weight",
    "get_method",
    "gradient_beside",
    "gradient_through",
    "load_plugin",
    "make_policy",
    "make_schedule",
    "method_names",
    "polyak_update",
    "register",
    "sample",
    "weigh_data",
]


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
