"""BC's settings: no paper is its own, so both sources are CORL, tinkoff-ai/CORL at 6afec90 (arXiv 2210.07105).

Its `any_percent_bc.py` is TD3+BC's actor without Q; with `frac: 1.0`, as its columns BC have it, on all data.
"""

from methods.presets.value import Presets, Settings, Value

CODE = "CORL 6afec90, any_percent_bc.py"

_code: Settings = {
    "loss": Value("squared-error", CODE),
    "normalise": Value(True, f"{CODE}: normalize_states"),
    "learning_rate": Value(3e-4, CODE),
    "critic.initial": Value("uniform", f"{CODE}: of the actor, PyTorch's"),
    "critic.width": Value(256, f"{CODE}: of the actor"),
    "critic.layers": Value(2, f"{CODE}: of the actor"),
    "critic.steps": Value(1_000_000, f"{CODE}, configs/offline/bc: of the actor"),
    "critic.batch_size": Value(256, f"{CODE}: of the actor"),
}

PRESETS: Presets = {"paper": _code, "official": _code}
