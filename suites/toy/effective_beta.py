"""The β that a sample has in truth: maximum likelihood in the family p_b ∝ q·e^{bE} of the known energy.

The family is exponential, so the likelihood is greatest where the sample's mean energy is the family's,
E_b[E] = mean E(x_i). The score interval holds every b that the sample does not contradict,
|mean E(x_i) - E_b[E]| ≤ 1.96 σ_b √(1/n + 1/m), with σ_b the family's own standard deviation, n points and m draws
behind E_b[E] (Rao's score test). Unlike b ± 1.96 standard errors it holds where nearly all mass has one energy: on
moons 20,000 points tell β = 10 from 5, but not from 20.

E is the energy of a point without a label, that of its nearest component; E_b[E] is taken of the same, so that
points that stray to another component shift neither.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, softmax

from suites.task import Density
from suites.toy.densities import sample_labelled_target

LEAST, MOST, STEP = -2.5, 30.0, 0.25
ANCHOR_STEP = 2.5
DRAWS = 1 << 17
_BINS = 4096  # of labels, in a unit of energy
_CONVERGED = 1e-9  # change of a logarithm
_FINE = 64  # points in a step at which the interval is looked for
_SIGMAS = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class EnergyLaw:
    """Mean and standard deviation of a point's energy under p_b, for b on a grid.

    Attributes:
        betas: b, ascending, shape (n,).
        means, deviations: of the energy, shape (n,).
        draws: behind each.
    """

    betas: np.ndarray
    means: np.ndarray
    deviations: np.ndarray
    draws: int


@dataclass(frozen=True)
class EffectiveBeta:
    """The β of a sample with its 95 % interval, all within the range that was searched.

    Attributes:
        value: most likely; an end of the range where the sample's mean energy lies beyond it.
        lower, upper: of the interval; an end of the range where it goes on beyond it.
        least, most: the ends of the range.
    """

    value: float
    lower: float
    upper: float
    least: float
    most: float


def tabulate_energies(density: Density, draws: int = DRAWS, most: float = MOST) -> EnergyLaw:
    """The law of the energy, from exact samples at every 2.5 from b = 0 on that are pooled and reweighted.

    A point drawn by the energy E_i has at b the weight w_i = e^{bE_i} / Σ_j e^{b_j E_i - f_j}, with the sum over
    the samples and f_j the logarithm of the weights' sum at b_j, found by iteration (the multistate Bennett
    acceptance ratio of Shirts and Chodera 2008, https://doi.org/10.1063/1.2978177); the mean is
    Σ w_i E(x_i) / Σ w_i. The same for every call.

    Args:
        density: the set.
        draws: in each sample.
        most: the largest b; less where the set's target cannot be drawn there (`sample_target` says why).
    """
    generator = np.random.default_rng(0)
    anchors: list[float] = []
    labels, energies = [], []
    for anchor in np.arange(0.0, most + ANCHOR_STEP / 2, ANCHOR_STEP):
        try:
            points, drawn_by = sample_labelled_target(density, float(anchor), draws, generator)
        except ValueError:
            break  # the range ends at the last b that can be drawn
        anchors.append(float(anchor))
        labels.append(drawn_by)
        energies.append(density.energy(points))
    betas = np.arange(LEAST, anchors[-1] + STEP / 2, STEP)
    first, second = _reweight(np.concatenate(labels), np.concatenate(energies), np.array(anchors), betas)
    return EnergyLaw(betas, np.maximum.accumulate(first), np.sqrt(np.maximum(second - first**2, 0.0)), draws)


def _reweight(
    labels: np.ndarray, energies: np.ndarray, anchors: np.ndarray, betas: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """First and second moment of the energy at each b, from the pooled points of equally large samples."""
    # Points of one label weigh the same, so those within 1/4096 share a bin.
    _, place = np.unique(np.round(labels * _BINS), return_inverse=True)
    counts, *sums = (
        np.bincount(place, weights) for weights in (np.ones_like(labels), labels, energies, energies**2)
    )
    label, first, second = (total / counts for total in sums)
    shares = _find_log_shares(label, counts, anchors)
    weights = softmax(np.outer(betas, label) + shares, axis=1)
    return weights @ first, weights @ second


def _find_log_shares(label: np.ndarray, counts: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """The logarithm of each bin's weight at b = 0, by iteration from equal f_j."""
    tilt, change, shares = np.zeros_like(anchors), np.inf, np.log(counts)
    while change > _CONVERGED:
        shares = np.log(counts) - logsumexp(np.outer(label, anchors) - tilt, axis=1)
        found = logsumexp(np.outer(anchors, label) + shares, axis=1)
        found -= found[0]
        tilt, change = found, float(np.abs(found - tilt).max())
    return shares


def estimate_beta(energies: np.ndarray, law: EnergyLaw) -> EffectiveBeta:
    """The effective β of a sample.

    Args:
        energies: of its points by `Density.energy`, shape (n,), finite.
        law: of the set's energy.
    """
    mean = float(np.mean(energies))
    fine = np.linspace(law.betas[0], law.betas[-1], (len(law.betas) - 1) * _FINE + 1)
    means = np.interp(fine, law.betas, law.means)
    errors = np.interp(fine, law.betas, law.deviations) * np.sqrt(1 / len(energies) + 1 / law.draws)
    place = int(np.argmin(np.abs(means - mean)))
    agreeing = np.flatnonzero(np.abs(means - mean) <= _SIGMAS * errors)
    first, last = (int(agreeing[0]), int(agreeing[-1])) if len(agreeing) else (place, place)
    value, lower, upper = (float(fine[i]) for i in (place, first, last))
    return EffectiveBeta(value, lower, upper, float(fine[0]), float(fine[-1]))
