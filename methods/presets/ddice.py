"""Diffusion-DICE's settings: arXiv 2407.20109 and its authors' code, maoliyuan/diffusion-DICE-Pytorch at 7ab5a92.

Where the paper is silent, `paper` has the code's value and says so by its source.
"""

from dataclasses import replace

from methods.presets.cep import BEHAVIOUR
from methods.presets.value import Presets, Settings, Value

PAPER = "arXiv 2407.20109"
CODE = "DICE 7ab5a92"
BOTH = f"{PAPER}; {CODE}"

_code: Settings = {
    "weight": Value("dice:alpha=0.5", f"{CODE}: α is on the command line, 0.5 by default"),
    "batch_size": Value(512, CODE),
    "noises": Value(16, f"{CODE}, configs", {"antmaze-*": 32}),
    "candidates": Value(1, f"{CODE}: K is on the command line; its default, 1, turns the selection off"),
    "shift_per_batch": Value(True, f"{CODE}: one shift for the batch"),
    "select": Value("ensemble", f"{CODE}, configs: argmax of the mean", {"antmaze-*": "draw"}, own=True),
    "ensemble": Value(10, f"{CODE}, configs"),
    # Elsewhere the papers have no value, and the default stands; the first pattern that fits counts.
    "rho": Value(
        None,
        f"{CODE}, configs",
        {
            "antmaze-umaze*": 1.0,
            "antmaze-medium-*": 2.0,
            "antmaze-large-*": 4.0,
            "*-medium-expert-*": 2.0,
            "*-medium-*": 4.0,
        },
    ),
    "critic.kind": Value("iql", f"{BOTH}: r + γ V(s'), with another loss of V"),
    "critic.value_loss": Value("dice:alpha=0.5", BOTH),
    "critic.width": Value(256, CODE),
    "critic.layers": Value(2, CODE),
    "critic.steps": Value(1_000_000, CODE),
    "critic.batch_size": Value(512, CODE),
    "critic.learning_rate": Value(3e-4, CODE),
    "critic.discount": Value(0.99, CODE),
    "critic.polyak": Value(0.005, CODE),
    "critic.weight_decay": Value(1e-4, f"{CODE}: AdamW"),
    "critic.value_layer_norm": Value(False, CODE),
    "critic.value_hidden_norm": Value(True, f"{CODE}: in V alone"),
    # Its code has no toy sets.
    **{name: replace(value, source=CODE, where={}) for name, value in BEHAVIOUR.items()},
    "guidance_net.width": Value(256, CODE),
    "guidance_net.layers": Value(4, CODE),
    "guidance_net.steps": Value(1_000_000, CODE),
    "guidance_net.learning_rate": Value(3e-4, CODE),
    "guidance_net.decay_steps": Value(None, f"{CODE}: off by default"),
}

_paper: Settings = {"shift_per_batch": Value(False, f"{PAPER}, eq. 14: no shift")}

PRESETS: Presets = {"paper": {**_code, **_paper}, "official": _code}
