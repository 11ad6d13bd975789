"""The sliced distance against scipy's one-dimensional one, closed forms and the metric's laws."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from suites.toy.densities import DENSITIES, sample_target
from suites.toy.distance import sliced_wasserstein
from suites.toy.floors import compute_floor


def cloud(seed, count=500):
    return np.random.default_rng(seed).standard_normal((count, 2)) * [1.0, 2.5]


def test_it_is_the_mean_of_scipys_distance_over_the_projections():
    x, y = cloud(0), np.square(cloud(1))
    angles = (np.arange(7) + 0.5) * np.pi / 7
    expected = np.mean(
        [wasserstein_distance(x @ (np.cos(a), np.sin(a)), y @ (np.cos(a), np.sin(a))) for a in angles]
    )
    assert sliced_wasserstein(x, y, projections=7) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("angle", [0.0, 0.3, 1.1, 2.0])
@pytest.mark.parametrize(("projections", "error"), [(8, 2e-2), (64, 3e-4), (128, 1e-4)])
def test_a_translation_by_d_is_two_d_over_pi(angle, projections, error):
    x = cloud(0)
    shifted = x + 3.0 * np.array([np.cos(angle), np.sin(angle)])
    assert sliced_wasserstein(x, shifted, projections) == pytest.approx(6 / np.pi, rel=error)


def test_a_scaling_of_a_gaussian_is_known():
    """W₁ of N(0, 1) and N(0, 4) in any direction is E|z| = √(2/π); the same draws make it a sampling mean."""
    x = np.random.default_rng(2).standard_normal((200_000, 2))
    assert sliced_wasserstein(x, 2 * x, 16) == pytest.approx(np.sqrt(2 / np.pi), rel=0.01)


def test_it_is_symmetric_and_zero_only_between_equal_samples():
    x, y = cloud(0), cloud(1)
    assert sliced_wasserstein(x, y) == sliced_wasserstein(y, x) > 0
    assert sliced_wasserstein(x, x) == 0.0
    assert sliced_wasserstein(x, x[::-1]) < 1e-15, "products in another order round otherwise on some processors"


@pytest.mark.parametrize(
    ("x", "y", "projections", "message"),
    [
        (np.zeros((4, 2)), np.zeros((5, 2)), 8, r"not \(4, 2\) and \(5, 2\)"),
        (np.zeros((4, 3)), np.zeros((4, 3)), 8, r"not \(4, 3\)"),
        (np.zeros((0, 2)), np.zeros((0, 2)), 8, r"not \(0, 2\)"),
        (np.full((4, 2), np.nan), np.zeros((4, 2)), 8, "NaN or infinite"),
        (np.zeros((4, 2)), np.zeros((4, 2)), 0, "at least 1, not 0"),
    ],
)
def test_what_cannot_be_compared_is_refused(x, y, projections, message):
    with pytest.raises(ValueError, match=message):
        sliced_wasserstein(x, y, projections)


def test_the_floor_falls_as_one_over_the_root_of_the_count():
    def floor(count):
        return compute_floor(DENSITIES["rings"], 3.0, count, pairs=12).distance

    assert floor(500) / floor(8000) == pytest.approx(4, rel=0.3)


def test_the_floor_lies_far_below_the_distance_that_guidance_must_bridge():
    generator = np.random.default_rng(0)
    for density in DENSITIES.values():
        unguided, _ = density.sample(2000, generator)
        floor = compute_floor(density, 10.0, 2000, pairs=2).distance
        target = sample_target(density, 10.0, 2000, generator)
        assert floor < sliced_wasserstein(unguided, target) / 4, density.name
