"""Toy: six planar densities with known energies, for guidance without a critic, scored against the exact target.

The observation is the inverse temperature β, the action is the point, and the weight e^{βE} is known. The
papers draw the sets at β = 0, 3, 10 and 20 (https://arxiv.org/abs/2304.12824, https://arxiv.org/abs/2505.18345).
"""

from suites.registry import register_suite
from suites.task import DensityTask, Suite
from suites.toy.densities import DENSITIES

SAMPLES = 20_000  # per β, so that the noise floor is a tenth of what 200 points have

# The critic is known here, so every method gets the same exact weight w = e^{β(E - E_max)}: q = βE, v = β E_max.
WEIGHT = "exponential:inverse_temperature=1,maximum=1"
EVERY_PRESET = {
    "denoiser.schedule": "cosine",
    "denoiser.dropout": 0.0,
    "swg.weight": WEIGHT,
    "swg-r.weight": WEIGHT,
    "ddice.weight": WEIGHT,
    "idql.weight": WEIGHT,
    "idql.select": "draw",  # argmax has no target distribution to be compared with
    "cep.inverse_temperature": 1.0,
    "cep.support": "data",  # actions do not depend on β, so any row's action is in support
    "mse.inverse_temperature": 1.0,
    "aepo.inverse_temperature": 1.0,
    "sfbc.inverse_temperature": 1.0,
    "sfbc.normalise": False,
    "dps.inverse_temperature": 1.0,
}

# SWG's Appendix D.1: a million samples; a perceptron of 6 layers of 512 units with GELU, Adam at a constant rate
# without an average of the weights; K = 100 of the cosine schedule, batch 1024, learning rate 1e-4, 200k steps.
PAPER = {
    "denoiser.network": "mlp",
    "denoiser.width": 512,
    "denoiser.blocks": 6,
    "denoiser.activation": "gelu",
    "denoiser.levels": 100,
    "denoiser.learning_rate": 1e-4,
    "denoiser.weight_decay": 0.0,
    "denoiser.steps": 200_000,
    "denoiser.decay_steps": None,
    "denoiser.ema": None,
    "guidance_net.steps": 200_000,
}

# SWG-pytorch 568d510: the configuration's 1e-4 never reaches the optimiser, an AdamW.
OFFICIAL = PAPER | {
    "denoiser.activation": "silu",
    "denoiser.learning_rate": 2e-5,
    "denoiser.weight_decay": 0.01,
    "denoiser.ema": 0.0005,  # 0.005 every tenth step
}

register_suite(
    Suite(
        name="toy",
        title="Toy densities",
        tasks=tuple(
            DensityTask(
                name=name,
                suite="toy",
                observation_dim=1,
                action_dim=2,
                datasets={"local": f"toy-{name}"},
                episodes=SAMPLES,
                density=density,
                settings=EVERY_PRESET,
                rho=1.0,
            )
            for name, density in DENSITIES.items()
        ),
        settings={
            "smoke": {"evaluation.episodes": 500},
            "quick": {
                "evaluation.episodes": SAMPLES,
                "data.transitions": 200_000,
                "denoiser.levels": 25,
                "denoiser.batch_size": 512,
                "denoiser.steps": 3_000,
                "denoiser.decay_steps": 3_000,
                "guidance_net.steps": 4_000,
                "guidance_net.decay_steps": 4_000,
                "cep.support_actions": 96,
                "cep.batch_size": 16,
                "idql.candidates": 8,
                "ddice.batch_size": 512,
                "ddice.noises": 1,
                "mse.batch_size": 512,
                "swg-r.candidates": 4,
            },
            "paper": PAPER,
            "official": OFFICIAL,
        },
    )
)
