"""The sets against worked values, brute force and quadrature; the targets against laws found another way."""

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.spatial.distance import cdist

from suites.toy.densities import DENSITIES, sample_target

NAMES = ("8gaussians", "swissroll", "moons", "rings", "checkerboard", "2spirals")
LABELLED = ("8gaussians", "moons", "rings", "2spirals")


def draw(name, count=40_000, seed=0):
    return DENSITIES[name].sample(count, np.random.default_rng(seed))


def test_the_six_sets_in_their_customary_order():
    assert tuple(DENSITIES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_points_and_energies_have_the_promised_form(name):
    points, energies = draw(name, count=1001)
    assert points.shape == (1001, 2)
    assert energies.shape == (1001,)
    assert points.dtype == energies.dtype == np.float64
    again, _ = draw(name, count=1001)
    np.testing.assert_array_equal(points, again)
    assert not np.array_equal(points, draw(name, count=1001, seed=1)[0])
    assert 0 <= energies.min() <= energies.max() <= DENSITIES[name].energy_max


@pytest.mark.parametrize(
    ("name", "points", "energies"),
    [
        # Top, upper left, left, ..., right, upper right of a circle of radius 4/1.414 = 2.829, by sevenths.
        ("8gaussians", [(0, 2.829), (-2, 2), (-2.829, 0), (-2, -2)], [0, 1 / 7, 2 / 7, 3 / 7]),
        ("8gaussians", [(0, -2.829), (2, -2), (2.829, 0), (2, 2)], [4 / 7, 5 / 7, 6 / 7, 1]),
        ("swissroll", [(3, 0), (0, -1.5), (0, 0)], [1, 0.25, 0]),
        # Upper moon: centre (-1, -0.2), from (1, -0.2) over (-1, 1.8) to (-3, -0.2);
        # lower moon: centre (1, 0.8), from (-1, 0.8) under (1, -1.2) to (3, 0.8).
        ("moons", [(-1, 1.8), (-3, -0.2), (1, -0.2)], [0, 0, 0]),
        ("moons", [(1, -1.2), (3, 0.8), (-1, 0.8)], [1, 1, 1]),
        ("rings", [(0, 0.75), (-1.5, 0), (0, -2.25), (3, 0)], [0, 1, 0.333, 0.667]),
        ("checkerboard", [(-3, 0), (-2, 1), (-1, -1), (0, 1), (1, 1), (2, 3), (3, 0)], [1, 1, 0, 0, 1, 1, 0]),
        # Angles 0, π/2 and 2π of one arm: ((0, 0), (0, π/2), (-2π, 0)) + (0.25, 0.25), all over 3.
        ("2spirals", [(0.083, 0.083), (0.0833, 0.6069), (-2.0111, 0.0833)], [1, 0.8429, 0.3717]),
        ("2spirals", [(-0.0833, -0.6069), (2.0111, -0.0833)], [0.8429, 0.3717]),
    ],
)
def test_energies_worked_by_hand(name, points, energies):
    np.testing.assert_allclose(DENSITIES[name].energy(np.array(points, dtype=float)), energies, atol=2e-4)


@pytest.mark.parametrize("name", LABELLED)
def test_nearest_component_recovers_the_labels_of_nearly_all_points(name):
    points, energies = draw(name)
    error = np.abs(DENSITIES[name].energy(points) - energies)
    if name == "2spirals":
        # The angle is known to about 0.1 rad from the noise of 0.1 along an arm of radius n/3.
        assert error.mean() < 0.006
        assert np.quantile(error, 0.999) < 0.1
    else:
        assert (error > 1e-9).mean() < 0.003


def nearest_by_brute_force(name, points):
    """Energies of the nearest of densely laid noise-free points, written from the sets' own definitions."""
    theta = np.linspace(0, np.pi, 2001)
    if name == "8gaussians":
        r = np.sqrt(0.5)
        clean = np.array([(0, 1), (-r, r), (-1, 0), (-r, -r), (0, -1), (r, -r), (1, 0), (r, r)]) * 4 / 1.414
        energies = np.arange(8) / 7
    elif name == "moons":
        upper = np.column_stack([np.cos(theta), np.sin(theta)])
        lower = np.column_stack([1 - np.cos(theta), 1 - np.sin(theta) - 0.5])
        clean = np.concatenate([upper, lower]) * 2 + [-1, -0.2]
        energies = np.repeat([0.0, 1.0], len(theta))
    else:
        circle = np.column_stack([np.cos(2 * theta), np.sin(2 * theta)])
        clean = np.concatenate([3 * radius * circle for radius in (0.25, 0.5, 0.75, 1)])
        squared = np.square(clean).sum(1)
        energies = np.select([squared >= 8.5, squared >= 5, squared >= 2], [0.667, 0.333, 1.0], 0.0)
    return energies[cdist(points, clean).argmin(1)]


@pytest.mark.parametrize("name", ["8gaussians", "moons", "rings"])
def test_energy_of_any_point_is_that_of_the_nearest_component(name):
    points = np.random.default_rng(3).uniform(-4.5, 4.5, (4000, 2))
    mine = DENSITIES[name].energy(points)
    # A point within the grid's spacing of a boundary may fall on either side.
    assert (mine == nearest_by_brute_force(name, points)).mean() > 0.999


@pytest.mark.parametrize(
    ("name", "mean", "covariance"),
    [
        # Half the centres' radius², and the clusters' own variance 0.5².
        ("8gaussians", (0, 0), np.eye(2) * (8 + 0.25) / 1.414**2),
        # Means of cos and sin over a half circle are 0 and 2/π, variances 1/2 and 1/2 - 4/π²; noise 0.2; the
        # arcs' means are (∓1, 0.3 ± (4/π - 0.5)).
        (
            "moons",
            (0, 0.3),
            [
                [2 + 0.04 + 1, 0.5 - 4 / np.pi],
                [0.5 - 4 / np.pi, 0.04 + 2 - 16 / np.pi**2 + (0.5 - 4 / np.pi) ** 2],
            ],
        ),
        ("rings", (0, 0), np.eye(2) * (9 * (1 + 4 + 9 + 16) / 16 / 4 / 2 + 0.08**2)),
        # Uniform coordinates on [-4, 4]; squares centred on {-3, 1}² and {-1, 3}², whose means are ∓(1, 1).
        ("checkerboard", (0, 0), [[64 / 12, 1], [1, 64 / 12]]),
    ],
)
def test_moments_by_hand(name, mean, covariance):
    points, _ = draw(name, count=400_000)
    np.testing.assert_allclose(points.mean(0), mean, atol=0.02)
    np.testing.assert_allclose(np.cov(points.T), covariance, atol=0.04)


def test_swissroll_and_spirals_second_moments_by_hand():
    roll, _ = draw("swissroll", count=400_000)
    end = 1.5 * np.pi
    # E t² over [T, 3T] is 13T²/3; radius t/5, and 0.2² of noise in either coordinate.
    assert np.square(roll).sum(1).mean() == pytest.approx(13 * end**2 / 3 / 25 + 0.08, rel=0.01)
    # E n² = (3π)²/2 since (n/3π)² is uniform. The jitter adds its mean 0.25 and variance 1/48 in either
    # coordinate, and a cross term 2·0.25·E[n (sin n - cos n)], both over 9.
    spirals, energies = draw("2spirals", count=400_000)
    last = 3 * np.pi
    cross, _ = integrate.quad(lambda n: n * (np.sin(n) - np.cos(n)) * 2 * n / last**2, 0, last)
    expected = (last**2 / 2 + 2 * (0.25**2 + 1 / 48) + 0.5 * cross) / 9 + 0.02
    assert np.square(spirals).sum(1).mean() == pytest.approx(expected, rel=0.01)
    # Of n = 3π√U the mean is 2π.
    assert energies.mean() == pytest.approx(1 - 2 * np.pi / 10, abs=0.002)


def test_checkerboard_fills_its_eight_squares_evenly():
    points, energies = draw("checkerboard", count=80_000)
    columns, rows = np.floor(points.T / 2).astype(int)
    assert np.array_equal((columns - rows) % 2, np.zeros(len(points)))
    _, counts = np.unique(np.stack([columns, rows]), axis=1, return_counts=True)
    assert len(counts) == 8
    assert stats.chisquare(counts).pvalue > 1e-3
    np.testing.assert_array_equal(energies, np.isin(columns, (-2, 0)))


def test_one_point_in_a_million_passes_the_swissrolls_energy_max():
    angles = 1.5 * np.pi * (1 + 2 * (np.arange(4000) + 0.5) / 4000)
    # |x|² / 0.2² given t is noncentral chi-squared.
    beyond = stats.ncx2.sf(9 * DENSITIES["swissroll"].energy_max / 0.04, 2, angles**2).mean()
    assert 1e-7 < beyond < 1e-6


@pytest.mark.parametrize("beta", [0.0, 3.0, 10.0, 20.0])
def test_target_weights_of_the_components(beta):
    """Each component of equal mass and one energy e has mass ∝ e^{βe} in the target."""
    generator = np.random.default_rng(5)
    for name, energies in (
        ("8gaussians", np.arange(8) / 7),
        ("moons", np.array([0.0, 1.0])),
        ("rings", np.array([0.0, 0.333, 0.667, 1.0])),
        ("checkerboard", np.array([0.0, 1.0])),
    ):
        points = sample_target(DENSITIES[name], beta, 20_000, generator)
        assert points.shape == (20_000, 2)
        assert len(np.unique(points, axis=0)) == 20_000
        share = np.exp(beta * energies)
        share /= share.sum()
        found = np.isclose(DENSITIES[name].energy(points)[:, None], energies, atol=1e-9).mean(0)
        # Four standard errors, and a per mille or two of points that lie nearer to another component.
        assert np.all(np.abs(found - share) < 4 * np.sqrt(share * (1 - share) / 20_000) + 0.003), name


@pytest.mark.parametrize("beta", [3.0, 10.0, 20.0])
def test_target_of_the_spirals_has_the_tilted_radial_law(beta):
    """The angle n has density ∝ n e^{-βn/10} on [0, 3π]: compared through the second moment of the points."""
    points = sample_target(DENSITIES["2spirals"], beta, 20_000, np.random.default_rng(6))
    end = 3 * np.pi

    def moment(of):
        return integrate.quad(lambda n: of(n) * n * np.exp(-beta * n / 10), 0, end)[0]

    squared = moment(lambda n: n**2 + 0.5 * n * (np.sin(n) - np.cos(n))) / moment(lambda n: 1.0)
    expected = (squared + 2 * (0.25**2 + 1 / 48)) / 9 + 0.02
    values = np.square(points).sum(1)
    assert values.mean() == pytest.approx(expected, abs=4 * values.std() / np.sqrt(len(values)))


@pytest.mark.parametrize("beta", [0.0, 3.0, 10.0, 20.0])
def test_target_of_the_swissroll_against_quadrature(beta):
    """q on a plane grid, times e^{β|x|²/9}, summed: knows nothing of completing the square."""
    axis = np.arange(-5.5, 5.5, 0.05)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    t = 1.5 * np.pi * (1 + 2 * (np.arange(800) + 0.5) / 800)
    curve = np.column_stack([t * np.cos(t), t * np.sin(t)]) / 5
    density = np.exp(-cdist(grid, curve, "sqeuclidean") / (2 * 0.2**2)).sum(1)
    density *= np.exp(beta * (np.square(grid).sum(1) / 9 - 2))
    density /= density.sum()
    points = sample_target(DENSITIES["swissroll"], beta, 40_000, np.random.default_rng(7))
    for statistic in (
        lambda x: x[:, 0],
        lambda x: x[:, 1],
        lambda x: x[:, 0] * x[:, 1],
        lambda x: (x**2).sum(1),
    ):
        values = statistic(points)
        assert values.mean() == pytest.approx(
            density @ statistic(grid), abs=4 * values.std() / np.sqrt(len(values)) + 1e-3
        )


@pytest.mark.parametrize(
    ("name", "beta", "message"),
    [
        ("moons", -1.0, "at least 0, not -1.0"),
        ("moons", float("nan"), "not nan"),
        ("swissroll", 112.5, "choose one below 112.5"),
    ],
)
def test_an_impossible_inverse_temperature_is_refused(name, beta, message):
    with pytest.raises(ValueError, match=message):
        sample_target(DENSITIES[name], beta, 10, np.random.default_rng(0))


def test_a_target_that_rejection_cannot_reach_is_refused(monkeypatch):
    monkeypatch.setattr("suites.toy.densities.MOST_DRAWS", 10**5)
    with pytest.raises(ValueError, match=r"2spirals at inverse temperature 1000 keeps .* smaller"):
        sample_target(DENSITIES["2spirals"], 1000.0, 4000, np.random.default_rng(0))
