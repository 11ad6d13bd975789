"""A preset sets training sizes, by dotted setting; a method's published values are in `methods/presets`."""

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    # Real, only small: seconds, to see that everything is in place.
    "smoke": {
        "data.transitions": 10_000,
        "critic.steps": 100,
        "critic.width": 64,
        "critic.support_states": 256,
        "critic.support_actions": 4,
        "denoiser.steps": 100,
        "denoiser.width": 32,
        "denoiser.batch_size": 128,
        "denoiser.levels": 5,
        "denoiser.dropout": 0.0,
        "denoiser.ema": 0.01,
        "denoiser.decay_steps": None,
        "guidance_net.steps": 100,
        "guidance_net.width": 32,
        "guidance_net.layers": 2,
        "cep.batch_size": 32,
        "ddice.batch_size": 32,
        "mse.batch_size": 32,
        "cep.support_states": 256,
        "cep.support_actions": 4,
        "ddice.noises": 4,
        "idql.candidates": 8,
        "swg-r.candidates": 8,
        "cql.warm_up_steps": None,
        "dql.target_start": 10,
        "evaluation.episodes": 2,
    },
    # Minutes on two cores: small networks and few steps.
    "quick": {
        "data.transitions": 100_000,
        "critic.steps": 10_000,
        "critic.width": 128,
        "critic.learning_rate": 1e-3,
        # Values travel one target update per backup: 0.005 x 10k steps are 50 backups, too few at γ = 0.99.
        "critic.polyak": 0.02,
        "critic.support_states": 4_096,
        "critic.support_actions": 8,
        "denoiser.steps": 5_000,
        "denoiser.width": 128,
        "denoiser.expansion": 2,
        "denoiser.level_features": 64,
        "denoiser.batch_size": 256,
        "denoiser.levels": 10,
        "denoiser.dropout": 0.0,
        "denoiser.ema": 0.005,
        "denoiser.learning_rate": 1e-3,
        "denoiser.decay_steps": 5_000,
        "guidance_net.steps": 3_000,
        "guidance_net.width": 128,
        "guidance_net.learning_rate": 1e-3,
        "guidance_net.decay_steps": 3_000,
        "cep.batch_size": 64,
        "ddice.batch_size": 128,
        "mse.batch_size": 128,
        "cep.support_states": 4_096,
        "cep.support_actions": 8,
        "ddice.noises": 4,
        "idql.candidates": 16,
        "swg-r.candidates": 16,
        "cql.warm_up_steps": None,
        "evaluation.episodes": 50,
    },
    # The papers' sizes are the dataclasses' defaults; SWG's optimiser is Adam, and AdamW its code's.
    "paper": {"denoiser.weight_decay": 0.0},
    # SWG's code (SWG-JAX e312c4f), whose critic and backbone the methods share here, where it is not the paper.
    "official": {
        "critic.steps": 500_000,
        "critic.value_layer_norm": True,
        "critic.value_layer_norm_epsilon": 1e-6,
        "denoiser.first_level": 0,
        "denoiser.layer_norm_epsilon": 1e-6,
        # Its sampler clips actions and weight after every step. Its temperature of 0 is not shared: it would make
        # all candidates of a method that selects one the same (`--terms own` gives it to SWG).
        "sampler.clip": "iterate",
    },
}
