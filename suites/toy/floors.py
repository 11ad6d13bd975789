"""What a perfect sampler scores: the measures of two independent exact samples, over 100 pairs."""

from dataclasses import dataclass

import numpy as np

from suites.task import Density, Progress
from suites.toy.densities import sample_target
from suites.toy.distance import sliced_wasserstein
from suites.toy.two_sample import estimate_divergence

PAIRS = 100
_DRAWN_AT_ONCE = 1 << 18  # points, so that few samples do not cost a batch of proposals each


@dataclass(frozen=True)
class Floor:
    """The noise floor at one β and number of points.

    The distances of pairs are skewed and their logarithms nearly normal, so the floor is the geometric mean.

    Attributes:
        distance: geometric mean of the sliced Wasserstein distance of a pair.
        log_spread: standard deviation (n - 1) of the logarithm of a pair's distance.
        divergence, divergence_spread: mean and standard deviation of a pair's divergence, in nats.
        pairs: how many.
    """

    distance: float
    log_spread: float
    divergence: float
    divergence_spread: float
    pairs: int


def compute_floor(
    density: Density,
    inverse_temperature: float,
    samples: int,
    pairs: int = PAIRS,
    progress: Progress | None = None,
) -> Floor:
    """The floor of samples of that many points; the same for every call.

    Args:
        density, inverse_temperature: the target p ∝ q·e^{βE}.
        samples: points in either sample of a pair.
        pairs: at least 2.
        progress: called with (done, total) pairs.

    Raises:
        ValueError: as `sample_target` does for the inverse temperature.
    """
    generator = np.random.default_rng(1)
    together = max(1, _DRAWN_AT_ONCE // (2 * samples))
    found: list[tuple[float, float]] = []
    while len(found) < pairs:
        count = min(together, pairs - len(found))
        points = sample_target(density, inverse_temperature, 2 * samples * count, generator)
        for truth, ours in points.reshape(count, 2, samples, 2):
            found.append((sliced_wasserstein(ours, truth), estimate_divergence(truth, ours)))
            if progress is not None:
                progress(len(found), pairs)
    distances, divergences = np.array(found).T
    logs = np.log(distances)
    return Floor(
        distance=float(np.exp(logs.mean())),
        log_spread=float(logs.std(ddof=1)),
        divergence=float(divergences.mean()),
        divergence_spread=float(divergences.std(ddof=1)),
        pairs=pairs,
    )
