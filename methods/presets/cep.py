"""CEP's settings: arXiv 2304.12824 and its authors' code, ChenDRAG/CEP-energy-guided-diffusion at 4cc0622.

Where the paper is silent, `paper` has the code's value and says so by its source. The biased baselines of the same
paper and code (`mse`, `dps`) take them where they apply.
"""

from methods.presets.value import Presets, Settings, Value, on_toy

PAPER = "arXiv 2304.12824"
CODE = "CEP 4cc0622"
BOTH = f"{PAPER}; {CODE}"
TOY_STEPS = 371_000  # 759 epochs of a million points in batches of 2,048

# Diffusion-DICE's code takes the behaviour model and the sampler over as they are.
BEHAVIOUR: Settings = {
    "denoiser.network": Value("u-shaped", f"{CODE}: 512, 256, 128 and up again", on_toy("mlp")),
    "denoiser.width": Value(256, f"{CODE}: half of the widest block", on_toy(512)),
    "denoiser.blocks": Value(3, f"{CODE}, toy sets; `u-shaped` has its own", on_toy(4)),
    "denoiser.dropout": Value(0.0, CODE),
    "denoiser.activation": Value("silu", CODE),
    "denoiser.schedule": Value("vp-linear", f"{BOTH}: β from 0.1 to 20"),
    "denoiser.levels": Value(1000, f"{CODE}: t is continuous, from 1e-3 to 1"),
    "denoiser.steps": Value(600_000, CODE, on_toy(TOY_STEPS)),
    "denoiser.batch_size": Value(4096, CODE, on_toy(2048)),
    "denoiser.learning_rate": Value(1e-4, CODE),
    "denoiser.weight_decay": Value(0.0, f"{CODE}: Adam"),
    "denoiser.decay_steps": Value(None, CODE),
    "denoiser.ema": Value(None, CODE),
    "sampler.solver": Value("dpm++-singlestep", f"{BOTH}: order 2", on_toy("dpm++-multistep")),
    "sampler.steps": Value(15, BOTH),
    "sampler.temperature": Value(1.0, CODE),
    "sampler.clip": Value("none", CODE),
}

GUIDANCE_NET: Settings = {
    "guidance_net.width": Value(256, BOTH, on_toy(512)),
    "guidance_net.layers": Value(4, BOTH),
    "guidance_net.steps": Value(1_000_000, BOTH, on_toy(TOY_STEPS)),
    "guidance_net.learning_rate": Value(3e-4, BOTH),
    "guidance_net.decay_steps": Value(None, CODE),
}

ENERGY: Settings = {
    "inverse_temperature": Value(3.0, f"{CODE}, default and README"),
    "rho": Value(1.0, f"{CODE}; tried: AntMaze 1 to 4, else 0 to 10"),
}

CRITIC: Settings = {
    "critic.width": Value(256, BOTH),
    "critic.layers": Value(3, BOTH),
    "critic.steps": Value(500_000, f"{CODE}: half of the energy's"),
    "critic.batch_size": Value(256, BOTH),
    "critic.learning_rate": Value(3e-4, BOTH),
    "critic.discount": Value(0.99, BOTH),
    "critic.polyak": Value(0.005, BOTH),
    "critic.weight_decay": Value(0.0, f"{CODE}: Adam"),
}

_code: Settings = {
    **ENERGY,
    # On the toy sets the code contrasts 2,048 points of the data in a step, for the one β that a network is for.
    "batch_size": Value(
        256, f"{BOTH}: states; toy sets: 8 β with 256 points each, where code has 1 with 2,048", on_toy(8)
    ),
    "support_actions": Value(16, BOTH, {"antmaze-*": 32, **on_toy(256)}),
    "support": Value("behaviour", BOTH, on_toy("data")),
    **CRITIC,
    "critic.kind": Value("in-support", f"{BOTH}: softmax Q-learning", on_toy("iql")),
    "critic.support_actions": Value(16, BOTH, {"antmaze-*": 32}),
    "critic.inverse_temperature": Value(1.0, f"{CODE}, README"),
    **BEHAVIOUR,
    **GUIDANCE_NET,
}

PRESETS: Presets = {"paper": _code, "official": _code}
