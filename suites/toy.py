"""Six planar densities with known energies: guidance without a critic, scored against the exact answer.

The observation is the inverse temperature β, the action is the point, and the weight e^{βE} is known. The
papers draw the sets at β = 0, 3, 10 and 20 (https://arxiv.org/abs/2304.12824, https://arxiv.org/abs/2505.18345).
"""

from suites.densities import DENSITIES
from suites.task import DensityTask, Suite

SAMPLES = 4000

SUITE = Suite(
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
        )
        for name, density in DENSITIES.items()
    ),
    settings={"smoke": {}, "quick": {}, "paper": {}},
)
