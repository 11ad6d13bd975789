"""How often the report's 95 % intervals contain the truth, by simulation.

    .venv/bin/python studies/coverage.py [--out reports/simulated/coverage.csv] [--simulations 10000]

The functions are those that the report calls. Seeds are normal, skewed (exponential), or normal ones of which 10
or 30 % collapse to 0. The means of several tasks are unequal (evenly between 0.2 and 1.2) or equal (0.7), and
tasks are independent or correlated at 0.5 (before the transformation). Two variants have the same law, or one is
normal.
One core takes about 10 minutes.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.stats

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from reports.analysis.improvement import bound_improvement, compute_improvement
from reports.analysis.intervals import AGGREGATES, LEVEL, STATISTICS, bound_statistic, compute_mean
from reports.analysis.pairs import ALPHA, adjust_by_holm, compute_p

SEEDS, TASKS, CORRELATIONS = (3, 5, 10, 20), (1, 3, 9), (0.0, 0.5)
LAWS, MEANS = ("normal", "skewed", "10 % collapse", "30 % collapse"), ("unequal", "equal")
COLUMNS = (
    *("law", "means", "correlation", "seeds", "tasks"),
    *("statistic", "interval", "coverage", "width", "simulations"),
)
_SPREAD = 0.15
_RATES = {"10 % collapse": 0.1, "30 % collapse": 0.3}
_TRUTH = 400_000
_VARIANTS = 4  # of the family that Holm corrects over
_REPLICATES = 500
_CHUNK = 20  # bootstrapped simulations at a time, for memory


@dataclass(frozen=True)
class Condition:
    """What is simulated: the law of the seeds, tasks' means, how tasks correlate, how many there are of both."""

    law: str
    means: str
    correlation: float
    seeds: int
    tasks: int

    def draw(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """Scores divided by 100, of shape (count, seeds, tasks)."""
        own = generator.normal(size=(count, self.seeds, self.tasks))
        common = generator.normal(size=(count, self.seeds, 1))
        return self.transform(np.sqrt(self.correlation) * common + np.sqrt(1 - self.correlation) * own)

    def transform(self, z: np.ndarray) -> np.ndarray:
        """Scores from standard normal numbers, tasks last."""
        centres = np.linspace(0.2, 1.2, self.tasks) if self.means == "unequal" else np.full(self.tasks, 0.7)
        if self.law == "skewed":
            return centres + _SPREAD * (-np.log(scipy.stats.norm.sf(z)) - 1)
        if self.law == "normal":
            return centres + _SPREAD * z
        # The lowest of the standard normal numbers collapse; the others are made standard normal again.
        rate, share = _RATES[self.law], scipy.stats.norm.cdf(z)
        kept = scipy.stats.norm.ppf(np.clip((share - rate) / (1 - rate), 1e-12, 1 - 1e-12))
        return np.where(share < rate, 0.0, centres + _SPREAD * kept)

    def find_truth(self) -> dict[str, float]:
        """Each aggregate of infinitely many seeds, from evenly spaced quantiles of every task."""
        z = scipy.stats.norm.ppf((np.arange(_TRUTH) + 0.5) / _TRUTH)
        scores = self.transform(np.repeat(z[:, None], self.tasks, axis=1))
        return {name: float(STATISTICS[name](scores)) for name in AGGREGATES}


def list_conditions() -> Iterator[Condition]:
    """Every condition; one task has no correlation, and its mean none to be unequal to."""
    for law, tasks in product(LAWS, TASKS):
        for means, correlation in product(MEANS, CORRELATIONS) if tasks > 1 else [("equal", 0.0)]:
            yield from (Condition(law, means, correlation, seeds, tasks) for seeds in SEEDS)


def bootstrap_percentiles(resampled: np.ndarray) -> np.ndarray:
    """The percentile intervals of the aggregates from stratified resamples.

    Args:
        resampled: shape (..., replicates, seeds, tasks).

    Returns:
        Shape (2, ..., aggregates).
    """
    found = np.stack([STATISTICS[name](resampled) for name in AGGREGATES], axis=-1)
    return np.percentile(found, [50 * (1 - LEVEL), 50 * (1 + LEVEL)], axis=-2)


def bootstrap(scores: np.ndarray, replicates: int, generator: np.random.Generator) -> np.ndarray:
    """rliable's intervals of many matrices: every task's seeds drawn anew, independently of the other tasks.

    Args:
        scores: shape (count, seeds, tasks).
        replicates: of each.

    Returns:
        Shape (2, count, aggregates).
    """
    count, seeds, tasks = scores.shape
    drawn = generator.integers(seeds, size=(count, replicates, seeds, tasks))
    return bootstrap_percentiles(np.take_along_axis(scores[:, None], drawn, axis=2))


def measure(
    condition: Condition, simulations: int, bootstrapped: int, generator: np.random.Generator
) -> Iterator[tuple[str, str, float, float, int]]:
    """Statistic, kind of interval, coverage, mean width and number of simulations, of one condition.

    Args:
        simulations: of the jackknife, the pairs and the probability of improvement.
        bootstrapped: how many of them rliable's bootstrap is made for.
    """
    scores, truth = condition.draw(simulations, generator), condition.find_truth()
    for name in AGGREGATES:
        _, low, high = bound_statistic(STATISTICS[name], scores)
        yield name, "jackknife t", *_count(low, high, truth[name]), simulations
    if bootstrapped:
        made = [bootstrap(scores[i : i + _CHUNK], _REPLICATES, generator) for i in range(0, bootstrapped, _CHUNK)]
        lows, highs = np.concatenate(made, axis=1)
        for i, name in enumerate(AGGREGATES):
            yield name, "rliable", *_count(lows[:, i], highs[:, i], truth[name]), bootstrapped
    other = condition.draw(simulations, generator)
    _, low, high = bound_statistic(compute_mean, scores - other)
    yield "difference", "paired t", *_count(low, high, 0.0), simulations
    normal = replace(condition, law="normal")
    _, low, high = bound_statistic(compute_mean, scores - normal.draw(simulations, generator))
    apart = truth["mean"] - normal.find_truth()["mean"]
    yield "difference from normal", "paired t", *_count(low, high, apart), simulations
    low, high = bound_improvement(compute_improvement(scores, other), condition.seeds)
    yield "improvement", "score", *_count(low, high, 0.5), simulations
    several = np.stack([condition.draw(simulations, generator).mean(-1) for _ in range(_VARIANTS)])
    first, second = np.triu_indices(_VARIANTS, 1)
    p = compute_p(several[first] - several[second]).T
    is_silent = (adjust_by_holm(np.nan_to_num(p, nan=1.0)) > ALPHA).all(axis=-1)
    yield "no false separation", "Holm", float(is_silent.mean()), float("nan"), simulations


def _count(low: np.ndarray, high: np.ndarray, truth: float) -> tuple[float, float]:
    """Coverage and mean width."""
    rounding = 1e-9
    return float(((low <= truth + rounding) & (truth <= high + rounding)).mean()), float((high - low).mean())


def simulate(conditions: Iterator[Condition], simulations: int, bootstrapped: int, seed: int = 0) -> pd.DataFrame:
    """A row for each condition and interval."""
    rows = []
    for i, condition in enumerate(conditions):
        generator = np.random.default_rng([seed, i])
        rows += [
            (*astuple(condition), *found) for found in measure(condition, simulations, bootstrapped, generator)
        ]
    return pd.DataFrame(rows, columns=pd.Index(COLUMNS))


def main() -> None:
    """Simulate, write the table, print how often each interval holds the truth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("reports/simulated/coverage.csv"))
    parser.add_argument("--simulations", type=int, default=10_000)
    options = parser.parse_args()
    frame = simulate(list_conditions(), options.simulations, options.simulations // 5)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(options.out, index=False, float_format="%.4g")
    shown = frame.pivot_table(
        "coverage", ["interval", "statistic", "law", "means", "correlation"], ["tasks", "seeds"], sort=False
    )
    print((100 * shown).round(1).to_string())


if __name__ == "__main__":
    main()
