"""SfBC's settings: arXiv 2209.14548 and its authors' code, ChenDRAG/SfBC at 2cc139b.

Every value is the code's; the paper's text was not at hand, and that it has the same is unverified. The code's
critic is not ours (see `methods/sfbc.py`), so of the critic's settings only sizes, rate, batch and γ are its: it
is one network with SiLU, fitted twice for 100 epochs of 1,000,000 rows (2,000,000 on AntMaze).
"""

from collections.abc import Mapping
from typing import Any

from methods.presets.cep import BEHAVIOUR, TOY_STEPS
from methods.presets.value import Presets, Settings, Value, on_toy

PAPER = "arXiv 2209.14548"
CODE = "SfBC 2cc139b"
BOTH = f"{CODE}; {PAPER} unverified"
_LOCOMOTION: Mapping[str, Any] = dict.fromkeys(("halfcheetah-*", "hopper-*", "walker2d-*"), 4)

_code: Settings = {
    # The behaviour model is the one that CEP took over: the same U-shaped network, schedule, batch and rate.
    **{name: Value(value.value, f"{CODE}: as in CEP's", value.where) for name, value in BEHAVIOUR.items()},
    "denoiser.steps": Value(586_000, f"{CODE}: 600 epochs of 4,000,000 rows, batch 4,096", on_toy(TOY_STEPS)),
    "sampler.solver": Value(
        "dpm++-singlestep", f"{CODE}: DPM-Solver of order 3, here ++ of order 2", on_toy("dpm++-multistep")
    ),
    "sampler.steps": Value(15, BOTH),
    "candidates": Value(32, BOTH),
    "inverse_temperature": Value(100.0, f"{CODE}: evaluation", on_toy(1.0)),
    "normalise": Value(True, f"{CODE}: returns of mean 0 and deviation 1", on_toy(False)),
    "draws": Value(1, CODE, _LOCOMOTION),
    "critic.width": Value(256, f"{CODE}; antmaze-large's first layer has 512"),
    "critic.layers": Value(2, CODE, {"antmaze-large-*": 3}),
    "critic.batch_size": Value(4096, CODE),
    "critic.learning_rate": Value(1e-3, CODE),
    "critic.discount": Value(0.99, CODE),
}

PRESETS: Presets = {"paper": _code, "official": _code}
