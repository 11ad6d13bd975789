"""SWG's settings: arXiv 2505.18345 and its authors' code, SWG-JAX at e312c4f, for the toy sets SWG-pytorch.

Both are of atagle123. Where the paper is silent, `paper` has the code's value and says so by its source.
"""

from methods.presets.value import Presets, Settings, Value, on_toy

PAPER = "arXiv 2505.18345"
CODE = "SWG-JAX e312c4f"
TOY_PAPER = f"{PAPER}; toy sets: D.1"
TOY_CODE = f"{CODE}; toy sets: SWG-pytorch 568d510"


_code: Settings = {
    "weight": Value("hard-expectile", f"{CODE}, config default `expectile`"),
    "weigh_by": Value("target", f"{CODE}: min target Q"),
    "shrunk_clip": Value(True, f"{CODE}: divides by √α_t, not √ᾱ_t, before the clip", on_toy(False)),
    "critic.kind": Value("iql", CODE),
    "critic.expectile": Value(0.7, CODE, {"antmaze-*": 0.9}),
    "critic.value_loss": Value("expectile", CODE),
    "critic.value_layer_norm": Value(True, CODE),
    "critic.value_layer_norm_epsilon": Value(1e-6, f"{CODE}: flax's"),
    "critic.initial": Value("xavier", f"{CODE}: default_init"),
    "critic.width": Value(256, CODE),
    "critic.layers": Value(2, CODE),
    "critic.steps": Value(500_000, CODE),
    "critic.batch_size": Value(256, CODE),
    "critic.learning_rate": Value(3e-4, CODE),
    "critic.discount": Value(0.99, CODE),
    "critic.polyak": Value(0.005, CODE),
    "critic.weight_decay": Value(0.0, f"{CODE}: Adam"),
    "denoiser.network": Value("residual", TOY_CODE, on_toy("mlp")),
    "denoiser.width": Value(256, TOY_CODE, on_toy(512)),
    "denoiser.blocks": Value(3, TOY_CODE, on_toy(6)),
    "denoiser.expansion": Value(4, CODE),
    "denoiser.dropout": Value(0.1, CODE),
    "denoiser.activation": Value("silu", f"{TOY_CODE}; swish"),
    "denoiser.frequencies": Value(64, CODE),
    "denoiser.level_features": Value(256, CODE),
    "denoiser.initial": Value("xavier", f"{TOY_CODE}; PyTorch's layers", on_toy("uniform")),
    "denoiser.first_level": Value(0, TOY_CODE),
    "denoiser.layer_norm_epsilon": Value(1e-6, f"{CODE}: flax's"),
    "denoiser.schedule": Value("vp", f"{TOY_CODE}; b_min 0.1, b_max 10", on_toy("cosine")),
    "denoiser.levels": Value(15, TOY_CODE, on_toy(100)),
    "denoiser.steps": Value(1_000_000, TOY_CODE, on_toy(200_000)),
    "denoiser.batch_size": Value(1024, TOY_CODE),
    # The toy configuration's 1e-4 never reaches the optimiser, which stays at its default.
    "denoiser.learning_rate": Value(3e-4, TOY_CODE, on_toy(2e-5)),
    "denoiser.weight_decay": Value(1e-4, f"{TOY_CODE}; AdamW's default", on_toy(0.01)),
    "denoiser.decay_steps": Value(3_000_000, f"{TOY_CODE}; cosine", on_toy(None)),
    "denoiser.ema": Value(0.001, f"{TOY_CODE}: 0.005 every tenth step", on_toy(0.0005)),
    "sampler.solver": Value("ddpm-large", f"{TOY_CODE}: noise of variance β_t", on_toy("ddpm")),
    "sampler.temperature": Value(0.0, f"{TOY_CODE}; evaluation", on_toy(1.0)),
    "sampler.clip": Value("iterate", TOY_CODE, on_toy("clean")),
}

_paper: Settings = {
    "weight": Value("smooth-expectile", f"{PAPER}, eq. 21"),
    "weigh_by": Value("trained", f"{PAPER}, Algorithm 3: Q_ψ, here the smaller of the two"),
    "shrunk_clip": Value(False, f"{PAPER}, §3.3: ŵ_0 is the posterior mean"),
    "critic.steps": Value(1_000_000, PAPER),
    "denoiser.network": Value("residual", TOY_PAPER, on_toy("mlp")),
    "denoiser.width": Value(256, TOY_PAPER, on_toy(512)),
    "denoiser.blocks": Value(3, TOY_PAPER, on_toy(6)),
    "denoiser.dropout": Value(0.1, PAPER),
    "denoiser.activation": Value("silu", f"{CODE}; toy sets: {PAPER}, D.1", on_toy("gelu")),
    "denoiser.schedule": Value("vp", TOY_PAPER, on_toy("cosine")),
    "denoiser.levels": Value(15, TOY_PAPER, on_toy(100)),
    "denoiser.steps": Value(1_000_000, TOY_PAPER, {"antmaze-*": 3_000_000, **on_toy(200_000)}),
    "denoiser.batch_size": Value(1024, PAPER),
    "denoiser.learning_rate": Value(3e-4, TOY_PAPER, {"pen-*": 3e-5, **on_toy(1e-4)}),
    "denoiser.weight_decay": Value(0.0, f"{TOY_PAPER}: Adam"),
    "denoiser.ema": Value(0.001, f"{CODE}; toy sets: none in {PAPER}, D.1", on_toy(None)),
    "denoiser.first_level": Value(1, f"{PAPER}: levels 1 to K"),
    "sampler.temperature": Value(1.0, f"{PAPER}, Algorithm 2: z_K ~ N(0, I)"),
}

PRESETS: Presets = {"paper": {**_code, **_paper}, "official": _code}
