"""Diffusion-QL's settings: arXiv 2208.06193 and its authors' code.

The code is Zhendong-Wang/Diffusion-Policies-for-Offline-RL at d871f5c; its `main.py` has a table by task, with v0
of AntMaze and kitchen. Tasks that the table lacks have the values of its Gym tasks. The paper's text was not at
hand: what is said of it is unverified, but that it mentions no selection, which an author confirms (issue 3 of the
code).
"""

from collections.abc import Mapping
from typing import Any

from methods.presets.value import Presets, Settings, Value

PAPER = "arXiv 2208.06193"
CODE = "DQL d871f5c"
BOTH = f"{CODE}; {PAPER} unverified"
TABLE = f"{CODE}, main.py"

EPOCHS: Mapping[str, Any] = {
    "antmaze-*": 1_000_000,
    "pen-*": 1_000_000,
    "kitchen-complete": 250_000,
    "kitchen-*": 1_000_000,
}
"""Gradient steps: 1,000 for each epoch; 2,000 epochs elsewhere."""
ETA: Mapping[str, Any] = {
    "antmaze-umaze": 0.5,
    "antmaze-umaze-diverse": 2.0,
    "antmaze-medium-play": 2.0,
    "antmaze-medium-diverse": 3.0,
    "antmaze-large-play": 4.5,
    "antmaze-large-diverse": 3.5,
    "pen-human": 0.15,
    "pen-cloned": 0.1,
    "kitchen-*": 0.005,
}
CLIP: Mapping[str, Any] = {
    "halfcheetah-medium-v2": 9.0,
    "hopper-medium-v2": 9.0,
    "walker2d-medium-v2": 1.0,
    "halfcheetah-medium-replay-v2": 2.0,
    "hopper-medium-replay-v2": 4.0,
    "walker2d-medium-replay-v2": 4.0,
    "halfcheetah-medium-expert-v2": 7.0,
    "hopper-medium-expert-v2": 5.0,
    "walker2d-medium-expert-v2": 5.0,
    "antmaze-umaze": 2.0,
    "antmaze-umaze-diverse": 3.0,
    "antmaze-medium-play": 2.0,
    "antmaze-medium-diverse": 1.0,
    "antmaze-large-play": 10.0,
    "antmaze-large-diverse": 7.0,
    "pen-human": 7.0,
    "pen-cloned": 8.0,
    "kitchen-complete": 9.0,
    "kitchen-*": 10.0,
}

_code: Settings = {
    "eta": Value(1.0, TABLE, ETA),
    "critic": Value("q-learning", f"{CODE}: twin Q, trained with the policy; {PAPER} unverified", own=True),
    "backup_actions": Value(1, f"{TABLE}: max_q_backup", {"antmaze-umaze": 1, "antmaze-*": 10}),
    "target_rate": Value(0.005, f"{CODE}: ema_decay 0.995"),
    "target_every": Value(5, CODE),
    "target_start": Value(1000, CODE),
    "gradient_clip": Value(1.0, f"{TABLE}: gn; elsewhere the default of its class", CLIP),
    "candidates": Value(50, CODE),
    "select": Value("draw", f"{CODE}: multinomial of softmax(Q)"),
    "critic.width": Value(256, BOTH),
    "critic.layers": Value(3, BOTH),
    "critic.learning_rate": Value(3e-4, f"{CODE}: on every task"),
    "critic.discount": Value(0.99, CODE),
    "critic.polyak": Value(0.005, CODE),
    "critic.weight_decay": Value(0.0, f"{CODE}: Adam"),
    "critic.initial": Value("uniform", f"{CODE}: PyTorch's"),
    "denoiser.network": Value("mlp", BOTH),
    "denoiser.width": Value(256, BOTH),
    "denoiser.blocks": Value(3, BOTH),
    "denoiser.activation": Value("mish", BOTH),
    "denoiser.frequencies": Value(8, f"{CODE}: fixed ones, here learned"),
    "denoiser.level_features": Value(16, f"{CODE}; its hidden layer has 32, here 16"),
    "denoiser.initial": Value("uniform", f"{CODE}: PyTorch's"),
    "denoiser.first_level": Value(0, f"{CODE}: counts from 0"),
    "denoiser.schedule": Value("vp", f"{CODE}: b_min 0.1, b_max 10; {PAPER} unverified"),
    "denoiser.levels": Value(5, BOTH),
    "denoiser.steps": Value(2_000_000, TABLE, EPOCHS),
    "denoiser.batch_size": Value(256, BOTH),
    "denoiser.learning_rate": Value(3e-4, TABLE, {"antmaze-medium-play": 1e-3, "pen-*": 3e-5}),
    "denoiser.weight_decay": Value(0.0, f"{CODE}: Adam"),
    # --lr_decay, in the README, steps a cosine over the epochs once in 50 of them: 0.999 of the rate is left.
    "denoiser.decay_steps": Value(None, f"{CODE}: constant without --lr_decay"),
    "denoiser.ema": Value(None, f"{CODE}: acts by the last weights"),
    "sampler.solver": Value("ddpm", BOTH),
    "sampler.temperature": Value(1.0, BOTH),
    "sampler.clip": Value("clean", CODE),
}

_paper: Settings = {
    "candidates": Value(1, f"{PAPER} mentions no selection (issue 3 of {CODE})"),
    "denoiser.first_level": Value(1, f"{PAPER}: levels 1 to N; unverified"),
}

PRESETS: Presets = {"paper": {**_code, **_paper}, "official": _code}
