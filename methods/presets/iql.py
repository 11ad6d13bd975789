"""IQL's settings: arXiv 2110.06169 and its authors' code, ikostrikov/implicit_q_learning at 09d7002.

Where the paper is silent, `paper` has the code's value and says so by its source.
"""

from methods.presets.value import Presets, Settings, Value

PAPER = "arXiv 2110.06169"
CODE = "IQL 09d7002"
BOTH = f"{PAPER}; {CODE}"
HANDS = ("kitchen-*", "pen-*", "door-*", "hammer-*", "relocate-*")

_code: Settings = {
    "inverse_temperature": Value(3.0, f"{BOTH}, configs", {"antmaze-*": 10.0, **dict.fromkeys(HANDS, 0.5)}),
    "greatest_weight": Value(100.0, f"{CODE}, actor.py"),
    "dropout": Value(0.0, f"{BOTH}, configs", dict.fromkeys(HANDS, 0.1)),
    "decay": Value(True, f"{BOTH}: cosine"),
    "learning_rate": Value(3e-4, BOTH),
    "critic.kind": Value("iql", BOTH),
    "critic.expectile": Value(0.7, f"{BOTH}, configs", {"antmaze-*": 0.9}),
    "critic.value_loss": Value("expectile", BOTH),
    "critic.width": Value(256, BOTH),
    "critic.layers": Value(2, BOTH),
    "critic.steps": Value(1_000_000, BOTH),
    "critic.batch_size": Value(256, BOTH),
    "critic.learning_rate": Value(3e-4, BOTH),
    "critic.discount": Value(0.99, BOTH),
    "critic.polyak": Value(0.005, BOTH),
    "critic.weight_decay": Value(0.0, f"{CODE}: Adam"),
    "critic.value_layer_norm": Value(False, CODE),
}

PRESETS: Presets = {"paper": _code, "official": _code}
