"""Effective β, divergence and classifier against closed forms, cases by hand and known faults; stored floors."""

import json
from functools import partial

import numpy as np
import pytest
from scipy import optimize, stats

from suites.task import Density
from suites.toy.densities import DENSITIES, sample_target
from suites.toy.distance import sliced_wasserstein
from suites.toy.effective_beta import EnergyLaw, estimate_beta, tabulate_energies
from suites.toy.floors import compute_floor
from suites.toy.measures import measure
from suites.toy.references import compute_fingerprint, find_reference, read_shipped, unpack_law
from suites.toy.two_sample import classify, estimate_divergence

COUNT = 20_000
RIGHT = np.array([1.0, 0.0])


def law_of(name: str) -> EnergyLaw:
    return unpack_law(read_shipped()[name]["energies"])


def no_progress(done: int, total: int) -> None:
    """For what shows none."""


def test_the_law_of_the_energy_on_the_checkerboard_is_a_logistic_function():
    """Half of the mass has energy 1, so E_b[E] = 1/(1 + e^{-b}), and the variance is that of one coin."""
    law = tabulate_energies(DENSITIES["checkerboard"], draws=20_000, most=10.0)
    share = 1 / (1 + np.exp(-law.betas))
    assert law.betas[0] == -2.5
    assert law.betas[-1] == 10
    np.testing.assert_allclose(law.means, share, atol=0.006)
    np.testing.assert_allclose(law.deviations, np.sqrt(share * (1 - share)), atol=0.02)
    np.testing.assert_allclose(law_of("checkerboard").means[:51], share, atol=0.002)


def test_the_law_of_the_energy_on_the_swiss_roll_against_quadrature():
    """E = |x|²/9 given the angle is noncentral chi-squared: its mean under the tilt is a derivative of log Z."""
    angles = 1.5 * np.pi * (1 + 2 * (np.arange(4000) + 0.5) / 4000)

    def log_mass(b: float) -> float:
        h = 1 - 2 * b / 9 * 0.04
        return float(np.log(np.mean(np.exp(b / 9 / h * (angles**2 / 25 - 9)) / h)) + b / h)

    law = law_of("swissroll")
    for b in (0.0, 3.0, 10.0, 20.0):
        expected = (log_mass(b + 1e-4) - log_mass(b - 1e-4)) / 2e-4
        assert np.interp(b, law.betas, law.means) == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize(("share", "beta"), [(0.75, np.log(3)), (0.9, np.log(9)), (0.5, 0.0)])
def test_the_effective_beta_of_a_coin_is_its_log_odds(share: float, beta: float):
    """By hand: energies 1 and 0 with odds e^b; the score interval of a share is Wilson's."""
    betas = np.arange(-2.5, 30.1, 0.25)
    means = 1 / (1 + np.exp(-betas))
    law = EnergyLaw(betas, means, np.sqrt(means * (1 - means)), draws=10**9)
    energies = (np.arange(1000) < 1000 * share).astype(float)
    found = estimate_beta(energies, law)
    assert found.value == pytest.approx(beta, abs=0.02)
    wilson = stats.binomtest(int(1000 * share), 1000).proportion_ci(method="wilson")
    assert found.lower == pytest.approx(np.log(wilson.low / (1 - wilson.low)), abs=0.02)
    assert found.upper == pytest.approx(np.log(wilson.high / (1 - wilson.high)), abs=0.02)


def test_where_all_mass_has_one_energy_the_interval_is_open():
    """Of 1,000 points all with energy 1, Wilson's share reaches down to 1,000/(1,000 + 1.96²)."""
    found = estimate_beta(np.ones(1000), law_of("checkerboard"))
    assert found.upper == found.most == 30
    low = optimize.brentq(lambda b: np.exp(b) - 1000 / 1.96**2, 0, 20)
    assert found.lower == pytest.approx(low, abs=0.1)


def test_beyond_the_range_an_end_of_it_stands():
    below, above = (estimate_beta(np.full(100, e), law_of("swissroll")) for e in (0.0, 3.0))
    assert (below.value, below.lower, below.upper) == (-2.5, -2.5, -2.5)
    assert (above.value, above.lower, above.upper) == (30, 30, 30)


@pytest.mark.parametrize("name", ["8gaussians", "swissroll", "moons", "rings"])
def test_the_interval_of_an_exact_sample_holds_beta(name: str):
    """16 or more of 20, which intervals of 95 % miss in 0.3 % of cases; and half of β is seen each time."""
    density, law, generator = DENSITIES[name], law_of(name), np.random.default_rng(8)
    held = []
    for number in range(20):
        beta = (3.0, 10.0)[number % 2]
        found = estimate_beta(density.energy(sample_target(density, beta, 4000, generator)), law)
        held.append(found.lower <= beta <= found.upper)
        half = estimate_beta(density.energy(sample_target(density, beta / 2, 4000, generator)), law)
        assert half.upper < beta
        assert half.lower - 0.2 < beta / 2 < half.upper + 0.2
    assert sum(held) >= 16


def test_the_divergence_of_two_modes_by_hand():
    """Shares 3/4 and 1/4 against counts 1 and 3 of 4 points: smoothed to 1.5/5 and 3.5/5."""
    here, there = np.array([0.1, 0.1]), np.array([5.1, 0.1])
    truth, ours = np.stack([here, here, here, there]), np.stack([here, there, there, there])
    expected = 0.75 * np.log(0.75 / 0.3) + 0.25 * np.log(0.25 / 0.7)
    assert estimate_divergence(truth, ours) == pytest.approx(expected)
    missing = np.stack([here] * 4)
    expected = 0.75 * np.log(0.75 / 0.9) + 0.25 * np.log(0.25 / 0.1)
    assert estimate_divergence(truth, missing) == pytest.approx(expected)


def test_the_divergence_of_shifted_normals():
    """KL(N(0, 1) || N(d, 1)) = d²/2, less what cells of 1/4 cannot tell, more what few points add."""
    generator = np.random.default_rng(1)
    x, y = generator.standard_normal((2, 200_000, 2))
    assert estimate_divergence(x, y + RIGHT) == pytest.approx(0.5, rel=0.03)
    assert estimate_divergence(x, y) == pytest.approx(
        len(np.unique(np.floor(x / 0.25), axis=0)) / 200_000, rel=0.3
    )


def test_the_classifier_tells_what_the_best_one_could():
    """Two normals d apart: the best accuracy is Φ(d/2); equal laws 1/2, disjoint ones 1."""
    generator = np.random.default_rng(2)
    x, y = generator.standard_normal((2, COUNT, 2))
    assert classify(x, y) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(COUNT))
    assert classify(x, y + RIGHT) == pytest.approx(stats.norm.cdf(0.5), abs=0.02)
    assert classify(x, y + 100 * RIGHT) == 1.0
    assert classify(x[:2], y[:2] + 100 * RIGHT) in (0.0, 0.5, 1.0)


def test_known_faults_are_seen_by_the_measures_that_should():
    density, generator = DENSITIES["8gaussians"], np.random.default_rng(3)
    law, truth = law_of("8gaussians"), sample_target(density, 10.0, COUNT, np.random.default_rng(4))
    perfect = measure(sample_target(density, 10.0, COUNT, generator), truth, density, law)
    half = measure(sample_target(density, 5.0, COUNT, generator), truth, density, law)
    assert half.effective.value == pytest.approx(5, abs=0.3)
    assert half.divergence > 5 * perfect.divergence
    assert half.accuracy > perfect.accuracy + 0.05
    points = sample_target(density, 10.0, 2 * COUNT, generator)
    dropped = measure(points[np.abs(density.energy(points) - 6 / 7) > 0.01][:COUNT], truth, density, law)
    assert dropped.divergence > 10 * perfect.divergence
    assert dropped.effective.value > 10.5


def test_a_diverged_sample_has_no_measures():
    points = sample_target(DENSITIES["moons"], 3.0, 50, np.random.default_rng(0))
    ours = np.where(np.arange(50)[:, None] == 7, np.nan, points)
    found = measure(ours, points, DENSITIES["moons"], law_of("moons"))
    assert np.isnan([found.distance, found.effective.value, found.divergence, found.accuracy]).all()


def test_a_floor_is_the_geometric_mean_of_pairs():
    density = DENSITIES["rings"]
    points = sample_target(density, 3.0, 2 * 40 * 5, np.random.default_rng(1)).reshape(5, 2, 40, 2)
    logs = [np.log(sliced_wasserstein(x, y)) for x, y in points]
    found = compute_floor(density, 3.0, 40, pairs=5)
    assert found.distance == pytest.approx(stats.gmean(np.exp(logs)))
    assert found.log_spread == pytest.approx(np.std(logs, ddof=1))
    assert found.pairs == 5


@pytest.mark.parametrize("name", DENSITIES)
def test_the_shipped_floors_are_those_of_the_sets(name: str):
    """Fresh pairs agree within their errors, and the code of the sets is that of the shipped numbers."""
    shipped = read_shipped()[name]
    assert shipped["fingerprint"] == compute_fingerprint(DENSITIES[name])
    for samples, pairs in ((500, 30), (20_000, 2)):
        floor = shipped[f"beta-3-samples-{samples}"]
        assert floor["pairs"] == 100
        points = sample_target(DENSITIES[name], 3.0, 2 * pairs * samples, np.random.default_rng(9))
        logs = [np.log(sliced_wasserstein(x, y)) for x, y in points.reshape(pairs, 2, samples, 2)]
        error = floor["log_spread"] * np.sqrt(1 / pairs + 1 / 100)
        assert np.mean(logs) == pytest.approx(np.log(floor["distance"]), abs=4 * error)


def test_other_floors_are_computed_once_and_kept(tmp_path, monkeypatch):
    steps = []
    density = DENSITIES["moons"]
    first = find_reference(density, 3.0, 30, tmp_path, lambda done, total: steps.append((done, total)))
    assert steps[-1] == (100, 100)
    assert first.floor == compute_floor(density, 3.0, 30)
    (path,) = tmp_path.rglob("*.json")
    assert json.loads(path.read_text())["numbers"]["distance"] == first.floor.distance
    monkeypatch.setattr("suites.toy.references.compute_floor", None)
    assert find_reference(density, 3.0, 30, tmp_path, no_progress).floor == first.floor
    assert find_reference(density, 3.0, 500, tmp_path, no_progress).floor.pairs == 100
    assert list(tmp_path.rglob("*.json")) == [path], "what ships is not stored again"


@pytest.mark.parametrize("damage", ["a number", "0.2.0", "half", "another's", "a list", "deep"])
def test_a_stored_floor_that_was_changed_is_computed_again(tmp_path, capsys, monkeypatch, damage):
    monkeypatch.setattr("suites.toy.references.compute_floor", partial(compute_floor, pairs=2))
    density = DENSITIES["moons"]
    first = find_reference(density, 3.0, 30, tmp_path, no_progress).floor
    (path,) = tmp_path.rglob("*.json")
    content = path.read_text()
    kept = json.loads(content)
    find_reference(density, 4.0, 30, tmp_path, no_progress)
    forged = {**kept, "numbers": {**kept["numbers"], "distance": 2 * first.distance}}
    path.write_text(
        {
            "a number": json.dumps(forged),
            "0.2.0": json.dumps(kept["numbers"]),
            "half": content[: len(content) // 2],
            "another's": path.with_name("beta-4-samples-30.json").read_text(),
            "a list": "[]",
            "deep": "[" * 100_000,
        }[damage]
    )
    assert find_reference(density, 3.0, 30, tmp_path, no_progress).floor == first
    assert path.read_text() == content
    assert (
        "beta-3-samples-30.json' has not the hash of what it holds; it is computed again"
        in capsys.readouterr().err
    )


def test_another_set_of_the_same_name_gets_numbers_of_its_own(tmp_path):
    moons = DENSITIES["moons"]

    def sample(count: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        points, energies = moons.sample(count, generator)
        return 2 * points, energies

    wider = Density("moons", sample, lambda points: moons.energy(points / 2), 1.0)
    assert compute_fingerprint(wider) != compute_fingerprint(moons)
    ours, other = (find_reference(d, 3.0, 500, tmp_path, no_progress) for d in (moons, wider))
    assert other.floor.distance == pytest.approx(2 * ours.floor.distance, rel=0.2)
    assert len(list(tmp_path.rglob("*.json"))) == 2
