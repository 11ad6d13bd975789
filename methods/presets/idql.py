"""IDQL's settings: arXiv 2304.10573 and its authors' code, philippe-eecs/IDQL at 7582571.

Where the paper is silent, `paper` has the code's value and says so by its source.
"""

from methods.presets.value import Presets, Settings, Value

PAPER = "arXiv 2304.10573"
CODE = "IDQL 7582571"
BOTH = f"{PAPER}; {CODE}"

_code: Settings = {
    "candidates": Value(64, f"{CODE}, launcher; evaluated at 16, 64 and 256"),
    "select": Value("best", f"{CODE}: argmax of min target Q"),
    "critic.kind": Value("iql", BOTH),
    "critic.expectile": Value(0.7, BOTH, {"antmaze-*": 0.9}),
    "critic.value_loss": Value("expectile", BOTH),
    "critic.value_layer_norm": Value(True, CODE),
    "critic.value_layer_norm_epsilon": Value(1e-6, f"{CODE}: flax's"),
    "critic.initial": Value("xavier", f"{CODE}: default_init"),
    "critic.width": Value(256, BOTH),
    "critic.layers": Value(2, BOTH),
    "critic.steps": Value(3_000_000, f"{CODE}: one loop with the actor"),
    "critic.batch_size": Value(512, f"{CODE}: one loop with the actor"),
    "critic.learning_rate": Value(3e-4, BOTH),
    "critic.discount": Value(0.99, BOTH),
    "critic.polyak": Value(0.005, BOTH),
    "critic.weight_decay": Value(0.0, f"{CODE}: Adam"),
    "denoiser.network": Value("residual", BOTH),
    "denoiser.width": Value(256, BOTH),
    "denoiser.blocks": Value(3, BOTH),
    "denoiser.expansion": Value(4, BOTH),
    "denoiser.dropout": Value(0.1, BOTH),
    "denoiser.activation": Value("silu", f"{CODE}: swish"),
    "denoiser.frequencies": Value(64, CODE),
    "denoiser.level_features": Value(256, CODE),
    "denoiser.initial": Value("xavier", f"{CODE}: default_init; LeCun's in the blocks"),
    "denoiser.first_level": Value(0, CODE),
    "denoiser.layer_norm_epsilon": Value(1e-6, f"{CODE}: flax's"),
    "denoiser.schedule": Value("vp", f"{BOTH}: b_min 0.1, b_max 10"),
    "denoiser.levels": Value(5, BOTH),
    "denoiser.steps": Value(3_000_000, BOTH),
    "denoiser.batch_size": Value(512, BOTH),
    "denoiser.learning_rate": Value(3e-4, BOTH),
    "denoiser.weight_decay": Value(1e-4, f"{CODE}: AdamW's default"),
    "denoiser.decay_steps": Value(3_000_000, f"{BOTH}: cosine"),
    "denoiser.ema": Value(0.001, BOTH),
    "sampler.solver": Value("ddpm-large", f"{CODE}: noise of variance β_t"),
    "sampler.temperature": Value(1.0, BOTH),
    "sampler.clip": Value("iterate", f"{BOTH}: every step"),
}

_paper: Settings = {
    "select": Value("draw", f"{PAPER}, the implicit policy"),
    "weight": Value("hard-expectile", f"{PAPER}: τ and 1 - τ"),
    "critic.value_layer_norm": Value(False, "arXiv 2110.06169, whose critic it takes"),
    "critic.batch_size": Value(256, "arXiv 2110.06169, whose critic it takes"),
    "denoiser.first_level": Value(1, f"{PAPER}: levels 1 to T"),
}

PRESETS: Presets = {"paper": {**_code, **_paper}, "official": _code}
