"""The sliced Wasserstein distance of two sets of points, and its value for two exact samples."""

import numpy as np

from suites.toy.densities import Density, sample_target

PROJECTIONS = 128


def sliced_wasserstein(x: np.ndarray, y: np.ndarray, projections: int = PROJECTIONS) -> float:
    """Order-1 sliced Wasserstein distance of two equally large planar samples, in the points' own units.

    SW₁ = mean over directions θ of W₁(x·θ, y·θ), and in one dimension W₁ of equally many points is the mean
    gap between the sorted values (https://doi.org/10.1007/s10851-014-0506-3). The directions are the
    midpoints of an even division of the half circle, so the figure is deterministic; for a translation by d
    it is 2|d|/π to a relative error below 1/projections².

    Args:
        x, y: points (n, 2), finite.
        projections: number of directions, at least 1.

    Raises:
        ValueError: shapes that are not (n, 2) with the same n > 0, values that are not finite, no direction.
    """
    if x.ndim != 2 or x.shape != y.shape or x.shape[1] != 2 or len(x) == 0:
        raise ValueError(f"two samples of one shape (n, 2) are compared, not {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("a sample to be compared holds NaN or infinite values")
    if projections < 1:
        raise ValueError(f"the number of projections must be at least 1, not {projections}")
    angles = (np.arange(projections) + 0.5) * np.pi / projections
    directions = np.stack([np.cos(angles), np.sin(angles)])
    gaps = np.sort(x @ directions, axis=0) - np.sort(y @ directions, axis=0)
    return float(np.abs(gaps).mean())


def noise_floor(
    density: Density,
    inverse_temperature: float,
    count: int,
    generator: np.random.Generator,
    pairs: int = 5,
    projections: int = PROJECTIONS,
) -> float:
    """What a perfect sampler scores: the mean distance of two independent exact samples of `count` points.

    One pair's distance has a standard deviation of a third of its mean, hence the mean over `pairs` of them.

    Args:
        density, inverse_temperature: the target p ∝ q·e^{βE}.
        count: points in either sample.
        generator: the only source of randomness.
        pairs, projections: how many pairs are averaged, and the directions of each comparison.

    Raises:
        ValueError: as `sample_target` does for the inverse temperature.
    """
    distances = [
        sliced_wasserstein(
            sample_target(density, inverse_temperature, count, generator),
            sample_target(density, inverse_temperature, count, generator),
            projections,
        )
        for _ in range(pairs)
    ]
    return float(np.mean(distances))
