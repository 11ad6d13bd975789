"""All that is measured of a sampler's points at one β, each beside what exact samples give."""

from dataclasses import dataclass

import numpy as np

from suites.task import Density
from suites.toy.distance import sliced_wasserstein
from suites.toy.effective_beta import EffectiveBeta, EnergyLaw, estimate_beta
from suites.toy.two_sample import classify, estimate_divergence


@dataclass(frozen=True)
class Measures:
    """How far points are from the exact target; every number NaN where a point is not finite.

    Attributes:
        distance: sliced Wasserstein, in the points' units.
        effective: the β that the points have.
        divergence: KL(target || points) in nats, on a grid.
        accuracy: of a classifier that tells the points from the target's; 1/2 where it cannot.
    """

    distance: float
    effective: EffectiveBeta
    divergence: float
    accuracy: float


def measure_distance(ours: np.ndarray, truth: np.ndarray) -> float:
    """The sliced Wasserstein distance of points (n, 2); NaN where one of ours is not finite."""
    return sliced_wasserstein(ours, truth) if np.isfinite(ours).all() else float("nan")


def measure(ours: np.ndarray, truth: np.ndarray, density: Density, law: EnergyLaw) -> Measures:
    """All measures of points against exact ones.

    Args:
        ours: points (n, 2) to measure.
        truth: exact samples (n, 2) of the target, finite.
        density: the set.
        law: of its energy.
    """
    if not np.isfinite(ours).all():
        nan = float("nan")
        unknown = EffectiveBeta(nan, nan, nan, float(law.betas[0]), float(law.betas[-1]))
        return Measures(nan, unknown, nan, nan)
    return Measures(
        distance=sliced_wasserstein(ours, truth),
        effective=estimate_beta(density.energy(ours), law),
        divergence=estimate_divergence(truth, ours),
        accuracy=classify(truth, ours) if len(ours) > 1 else float("nan"),
    )
