"""The law that a guided sampler of a toy density should have, p ∝ q·e^{βE}, is drawn exactly."""

import numpy as np

from suites.toy.densities import Density

BATCH = 1 << 16
MOST_DRAWS = 10**8


def target_samples(
    density: Density, inverse_temperature: float, count: int, generator: np.random.Generator
) -> np.ndarray:
    """Independent draws (count, 2) of p ∝ q·e^{βE}.

    A fresh point with its own energy is kept with probability e^{β(E - E_max)}: unlike resampling from a pool
    by importance, rejection has no bias and repeats no point. The swiss roll's energy has no bound and its
    law is drawn in closed form: at β = 20 a pool of a million points is worth less than a hundred.

    Args:
        density: the set.
        inverse_temperature: β, at least 0.
        count: how many points.
        generator: the only source of randomness.

    Raises:
        ValueError: β is negative or not finite, or so large that the target has no finite mass or that 10⁸
            points of q do not leave `count` of them.
    """
    beta = inverse_temperature
    if not (np.isfinite(beta) and beta >= 0):
        raise ValueError(f"the inverse temperature must be finite and at least 0, not {beta}")
    if density.tilted is not None:
        return density.tilted(beta, count, generator)
    kept: list[np.ndarray] = []
    found = drawn = 0
    while found < count:
        if drawn > MOST_DRAWS:
            raise ValueError(
                f"{density.name} at inverse temperature {beta:g} keeps {found} of {drawn} points where "
                f"{count} are asked for: choose a smaller inverse temperature"
            )
        points, energies = density.sample(BATCH, generator)
        accepted = points[generator.random(BATCH) < np.exp(beta * (energies - density.energy_max))]
        kept.append(accepted)
        found += len(accepted)
        drawn += BATCH
    return np.concatenate(kept)[:count]
