"""IQL's settings: arXiv 2110.06169 and its authors' code, ikostrikov/implicit_q_learning at 09d7002.

Every value is the code's, as its files have it. The paper's text was not at hand: that it has the same where a
source names it beside the code is unverified, but for the two values that others quote from it.
"""

from methods.presets.value import Presets, Settings, Value

PAPER = "arXiv 2110.06169"
CODE = "IQL 09d7002"
BOTH = f"{CODE}; {PAPER} unverified"
CONFIGS = f"{CODE}, configs; {PAPER} unverified"
HANDS = ("kitchen-*", "pen-*", "door-*", "hammer-*", "relocate-*")

_code: Settings = {
    "inverse_temperature": Value(3.0, CONFIGS, {"antmaze-*": 10.0, **dict.fromkeys(HANDS, 0.5)}),
    "greatest_weight": Value(100.0, f"{CODE}, actor.py; {PAPER} as quoted by others"),
    "dropout": Value(0.0, CONFIGS, dict.fromkeys(HANDS, 0.1)),
    "decay": Value(True, f"{CODE}, learner.py: cosine; {PAPER}, appendix B as quoted by others"),
    "learning_rate": Value(3e-4, BOTH),
    "critic.kind": Value("iql", BOTH),
    "critic.expectile": Value(0.7, CONFIGS, {"antmaze-*": 0.9}),
    "critic.value_loss": Value("expectile", BOTH),
    "critic.width": Value(256, BOTH),
    "critic.layers": Value(2, BOTH),
    "critic.steps": Value(1_000_000, BOTH),
    "critic.batch_size": Value(256, BOTH),
    "critic.learning_rate": Value(3e-4, BOTH),
    "critic.discount": Value(0.99, CONFIGS),
    "critic.polyak": Value(0.005, CONFIGS),
    "critic.weight_decay": Value(0.0, f"{CODE}: Adam"),
    "critic.value_layer_norm": Value(False, f"{CODE}, value_net.py"),
}

PRESETS: Presets = {"paper": _code, "official": _code}
