"""TD3+BC's settings: arXiv 2106.06860 and its authors' code, sfujim/TD3_BC at 8791ad7.

The two differ in where |Q| is taken for λ, and on AntMaze, where the paper leaves the observations as they are.
Sections of the paper are named where its text was read; the rows of its Table 4 of settings were not at hand.
"""

from methods.presets.value import Presets, Settings, Value

PAPER = "arXiv 2106.06860"
CODE = "TD3_BC 8791ad7"
BOTH = f"{CODE}; {PAPER}, Table 4 unverified"

_code: Settings = {
    "alpha": Value(2.5, f"{PAPER}, §5; {CODE}"),
    "scale": Value("policy", f"{CODE}, TD3_BC.py"),
    "noise": Value(0.2, BOTH),
    "noise_clip": Value(0.5, BOTH),
    "delay": Value(2, BOTH),
    "normalise": Value(True, f"{PAPER}, eq. 4; {CODE}"),
    "learning_rate": Value(3e-4, BOTH),
    "critic.width": Value(256, BOTH),
    "critic.layers": Value(2, BOTH),
    "critic.initial": Value("uniform", f"{CODE}: PyTorch's"),
    "critic.steps": Value(1_000_000, f"{PAPER}, §6; {CODE}"),
    "critic.batch_size": Value(256, BOTH),
    "critic.learning_rate": Value(3e-4, BOTH),
    "critic.discount": Value(0.99, BOTH),
    "critic.polyak": Value(0.005, BOTH),
    "critic.weight_decay": Value(0.0, f"{CODE}: Adam"),
}

_paper: Settings = {
    "scale": Value("data", f"{PAPER}, eq. 5: the data's actions"),
    "normalise": Value(True, f"{PAPER}, eq. 4; off on AntMaze: C.1", {"antmaze-*": False}),
}

PRESETS: Presets = {"paper": {**_code, **_paper}, "official": _code}
