"""Six two-dimensional densities q(x), the energy E of each, and exact samples of its target p ∝ q·e^{βE}.

The sets and energies are the toy ones of contrastive energy prediction (https://arxiv.org/abs/2304.12824,
section 5.1), which self-weighted guidance shares (https://arxiv.org/abs/2505.18345, appendix D.1). A point's
own energy is what its generating process says (the label of its component), so it is known exactly for the
data; `Density.energy` gives the energy of any other point by the nearest noise-free component.

How the sets are read here, where a short description leaves room:

- every point is an independent draw: components are picked at random and angles are uniform, where the usual
  generators fill equal counts on an even grid; the distribution of one point is the same;
- moons and rings are as in scikit-learn, and rings' noise is added after the scaling by 3, so that the
  standard deviation is 0.08 in the final units;
- the checkerboard's energy is read in the final units (after the doubling), where `x ∈ (0, 2] or x ≤ -2` is
  the first and third of its four columns;
- the spirals' jitter U/2 is drawn for either coordinate by itself, and the curve that an unlabelled point is
  held against runs through the middle of that jitter;
- the swiss roll's energy is |x|²/9 of the noisy point, so it has no upper bound.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np
from scipy.spatial import KDTree

from suites.task import Density

Points = np.ndarray
Energies = np.ndarray

BATCH = 1 << 16
MOST_DRAWS = 10**8


# 8gaussians: eight clusters on a circle, the energy rising anticlockwise from the topmost.
_CENTRE_ANGLES = np.pi / 2 + np.arange(8) * np.pi / 4
_CENTRES = 4 / 1.414 * np.stack([np.cos(_CENTRE_ANGLES), np.sin(_CENTRE_ANGLES)], -1)


def _sample_gaussians(count: int, generator: np.random.Generator) -> tuple[Points, Energies]:
    index = generator.integers(8, size=count)
    return _CENTRES[index] + (0.5 / 1.414) * generator.standard_normal((count, 2)), index / 7


def _energy_gaussians(points: Points) -> Energies:
    # The centres lie evenly on one circle, so the nearest is the one nearest in angle.
    x, y = points.T
    return np.round((np.arctan2(y, x) - np.pi / 2) / (np.pi / 4)) % 8 / 7


# swissroll: a spiral of angle t in [1.5π, 4.5π] and radius t/5, with noise of 0.2.
_ROLL_START, _ROLL_END, _ROLL_NOISE = 1.5 * np.pi, 4.5 * np.pi, 1 / 5


def _roll_points(angles: np.ndarray) -> Points:
    return np.stack([np.cos(angles), np.sin(angles)], -1) * angles[:, None] / 5


def _sample_swissroll(count: int, generator: np.random.Generator) -> tuple[Points, Energies]:
    angles = _ROLL_START * (1 + 2 * generator.random(count))
    points = _roll_points(angles) + _ROLL_NOISE * generator.standard_normal((count, 2))
    return points, _energy_swissroll(points)


def _energy_swissroll(points: Points) -> Energies:
    return np.square(points).sum(-1) / 9


def _tilt_swissroll(inverse_temperature: float, count: int, generator: np.random.Generator) -> Points:
    """Draws of N(x; c(t), s²)·e^{b|x|²} with b = β/9: Gaussian given t, and t itself has weight e^{κt²}.

    Completing the square with h = 1 - 2bs²: x | t ~ N(c/h, s²/h), and the mass left for t is e^{b|c|²/h}/h,
    where |c| = t/5. Then v = t² has a density ∝ e^{κv}/√v: an exponential drawn by inversion and thinned by
    √(v_min/v) ≥ 1/3.
    """
    b = inverse_temperature / 9
    h = 1 - 2 * b * _ROLL_NOISE**2
    if h <= 0:
        raise ValueError(
            f"the swiss roll's target has no finite mass at inverse temperature {inverse_temperature:g}: "
            f"choose one below {9 / (2 * _ROLL_NOISE**2):g}"
        )
    kappa = b / h / 25
    low, high = _ROLL_START**2, _ROLL_END**2
    angles = np.empty(0)
    while len(angles) < count:
        u = generator.random(4 * count)
        # How far v lies below its end: an exponential cut to the interval, which for κ = 0 is uniform.
        depth = -np.log1p(u * np.expm1(-kappa * (high - low))) / kappa if kappa > 0 else u * (high - low)
        v = high - depth
        kept = np.sqrt(v[generator.random(4 * count) < np.sqrt(low / v)])
        angles = np.concatenate([angles, kept])
    mean = _roll_points(angles[:count]) / h
    return mean + _ROLL_NOISE / np.sqrt(h) * generator.standard_normal((count, 2))


# moons: two interleaved half circles of radius 2, of energy 0 (upper) and 1 (lower).
_MOON_SHIFT = np.array([-1.0, -0.2])


def _sample_moons(count: int, generator: np.random.Generator) -> tuple[Points, Energies]:
    lower = generator.integers(2, size=count).astype(float)
    angles = np.pi * generator.random(count)
    upper = np.stack([np.cos(angles), np.sin(angles)], -1)
    arc = np.where(lower[:, None] > 0, (1.0, 0.5) - upper, upper)
    return 2 * (arc + 0.1 * generator.standard_normal((count, 2))) + _MOON_SHIFT, lower


def _distance_to_half_circle(points: Points) -> np.ndarray:
    """Distance (n,) to the upper half of the unit circle; below the axis its nearest point is an end."""
    x, y = points.T
    return np.where(y >= 0, np.abs(np.hypot(x, y) - 1), np.hypot(np.abs(x) - 1, y))


def _energy_moons(points: Points) -> Energies:
    arcs = (points - _MOON_SHIFT) / 2
    return (_distance_to_half_circle((1.0, 0.5) - arcs) < _distance_to_half_circle(arcs)).astype(float)


# rings: four circles, the energies not in the order of the radii.
_RING_RADII = 3 * np.array([0.25, 0.5, 0.75, 1.0])
_RING_ENERGIES = np.array([0.0, 1.0, 0.333, 0.667])


def _sample_rings(count: int, generator: np.random.Generator) -> tuple[Points, Energies]:
    ring = generator.integers(4, size=count)
    angles = 2 * np.pi * generator.random(count)
    circle = np.stack([np.cos(angles), np.sin(angles)], -1) * _RING_RADII[ring, None]
    return circle + 0.08 * generator.standard_normal((count, 2)), _RING_ENERGIES[ring]


def _energy_rings(points: Points) -> Energies:
    radii = np.hypot(points[:, 0], points[:, 1])
    return _RING_ENERGIES[np.abs(radii[:, None] - _RING_RADII).argmin(1)]


# checkerboard: the eight dark squares of a 4 × 4 board of side 8; the energy depends on the column alone.
def _sample_checkerboard(count: int, generator: np.random.Generator) -> tuple[Points, Energies]:
    x = 4 * generator.random(count) - 2
    y = generator.random(count) - 2 * generator.integers(2, size=count) + np.floor(x) % 2
    points = 2 * np.stack([x, y], -1)
    return points, _energy_checkerboard(points)


def _energy_checkerboard(points: Points) -> Energies:
    x = points[:, 0]
    return (((x > 0) & (x <= 2)) | (x <= -2)).astype(float)


# 2spirals: two arms of 540° each, the energy falling from 1 at the middle as the angle grows.
_SPIRAL_END = 3 * np.pi


def _spiral_arm(angles: np.ndarray, jitter: np.ndarray) -> Points:
    return (np.stack([-np.cos(angles) * angles, np.sin(angles) * angles], -1) + jitter) / 3


def _spiral_energy(angles: np.ndarray) -> Energies:
    return np.clip(1 - angles / 10, 0, 1)


def _sample_spirals(count: int, generator: np.random.Generator) -> tuple[Points, Energies]:
    angles = np.sqrt(generator.random(count)) * _SPIRAL_END
    sign = 2 * generator.integers(2, size=(count, 1)) - 1
    arm = sign * _spiral_arm(angles, generator.random((count, 2)) / 2)
    return arm + 0.1 * generator.standard_normal((count, 2)), _spiral_energy(angles)


@cache
def _spiral_curve() -> tuple[KDTree, Energies]:
    """Both arms as points at most 0.0015 apart in a search tree, and the energies along it."""
    angles = np.linspace(0, _SPIRAL_END, 20_000)
    arm = _spiral_arm(angles, np.full(2, 0.25))
    return KDTree(np.concatenate([arm, -arm])), np.tile(_spiral_energy(angles), 2)


def _energy_spirals(points: Points) -> Energies:
    tree, energies = _spiral_curve()
    return energies[tree.query(points)[1]]


_ROLL_ENERGY_MAX = 1.5
DENSITIES: Mapping[str, Density] = {
    density.name: density
    for density in (
        Density("8gaussians", _sample_gaussians, _energy_gaussians, 1.0),
        Density("swissroll", _sample_swissroll, _energy_swissroll, _ROLL_ENERGY_MAX, _tilt_swissroll),
        Density("moons", _sample_moons, _energy_moons, 1.0),
        Density("rings", _sample_rings, _energy_rings, 1.0),
        Density("checkerboard", _sample_checkerboard, _energy_checkerboard, 1.0),
        Density("2spirals", _sample_spirals, _energy_spirals, 1.0),
    )
}


def sample_target(
    density: Density, inverse_temperature: float, count: int, generator: np.random.Generator
) -> Points:
    """Independent draws (count, 2) of p ∝ q·e^{βE}, see `sample_labelled_target`."""
    return sample_labelled_target(density, inverse_temperature, count, generator)[0]


def sample_labelled_target(
    density: Density, inverse_temperature: float, count: int, generator: np.random.Generator
) -> tuple[Points, Energies]:
    """Independent draws (count, 2) of p ∝ q·e^{βE} and the energy (count,) by which each was drawn.

    A fresh point with its own energy is kept with probability e^{β(E - E_max)}: unlike resampling from a pool
    by importance, rejection has no bias and repeats no point. The swiss roll's energy has no bound and its
    target is drawn in closed form: at β = 20 a pool of a million points is worth less than a hundred.

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
        points = density.tilted(beta, count, generator)
        return points, density.energy(points)
    kept: list[tuple[Points, Energies]] = []
    found = drawn = 0
    while found < count:
        if drawn > MOST_DRAWS:
            raise ValueError(
                f"{density.name} at inverse temperature {beta:g} keeps {found} of {drawn} points where "
                f"{count} are asked for: choose a smaller inverse temperature"
            )
        points, energies = density.sample(BATCH, generator)
        accepted = generator.random(BATCH) < np.exp(beta * (energies - density.energy_max))
        kept.append((points[accepted], energies[accepted]))
        found += int(accepted.sum())
        drawn += BATCH
    points, energies = (np.concatenate(arrays)[:count] for arrays in zip(*kept, strict=True))
    return points, energies
