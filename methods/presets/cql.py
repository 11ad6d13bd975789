"""CQL's settings: arXiv 2006.04779 and its authors' code, aviralkumar2907/CQL at d67dbe9.

The code's README names locomotion, where it fixes α, and AntMaze; elsewhere the values are the defaults of its
examples. The paper's text was not at hand, and what is said of it is unverified: users of the code quote a rate of
3e-5 and a Lagrange multiplier with τ = 10 from it (issue 5 there), the authors of TD3+BC another rate than the
code's and a fixed α (arXiv 2106.06860, appendix B).
"""

from methods.presets.value import Presets, Settings, Value

PAPER = "arXiv 2006.04779"
CODE = "CQL d67dbe9"
QUOTED = f"{PAPER} as quoted by users of {CODE}"
LOCOMOTION = ("halfcheetah-*", "hopper-*", "walker2d-*")

_code: Settings = {
    "alpha": Value(
        1.0,
        f"{CODE}, examples; README: 5 or 10 on locomotion, 5 on AntMaze",
        dict.fromkeys((*LOCOMOTION, "antmaze-*"), 5.0),
    ),
    "threshold": Value(5.0, f"{CODE}, examples; README: none on locomotion", dict.fromkeys(LOCOMOTION)),
    "actions": Value(10, f"{CODE}; {PAPER} unverified"),
    "max_backup": Value(False, f"{CODE}, examples"),
    "warm_up_steps": Value(40_000, f"{CODE}, examples"),
    "learning_rate": Value(1e-4, f"{CODE}, README: or 3e-4"),
    "critic.width": Value(256, CODE),
    "critic.layers": Value(3, CODE),
    "critic.steps": Value(3_000_000, f"{CODE}, examples: 3,000 epochs of 1,000"),
    "critic.batch_size": Value(256, CODE),
    "critic.learning_rate": Value(3e-4, f"{CODE}; {PAPER} unverified"),
    "critic.discount": Value(0.99, CODE),
    "critic.polyak": Value(0.005, CODE),
    "critic.weight_decay": Value(0.0, f"{CODE}: Adam"),
}

_paper: Settings = {
    "alpha": Value(1.0, f"{PAPER} unverified: the multiplier is α; a fixed α by arXiv 2106.06860"),
    "threshold": Value(5.0, f"{QUOTED}: 10 on locomotion; 5 unverified", dict.fromkeys(LOCOMOTION, 10.0)),
    "learning_rate": Value(3e-5, QUOTED),
}

PRESETS: Presets = {"paper": {**_code, **_paper}, "official": _code}
