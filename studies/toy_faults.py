"""What each measure of the toy sets says of known faults, and how often a perfect sampler's interval holds 1.

    .venv/bin/python studies/toy_faults.py [--samples 20000] [--repeats 5] [--betas 3 10] [--tasks moons,rings]
    .venv/bin/python studies/toy_faults.py --coverage

The faults are put into exact samples, so nothing is trained: half of β and 0.9 β in the place of β, Gaussian blur
of standard deviation 0.1, and a dropped mode (on sets without a second mode that matters, the tenth of the mass
that is farthest to the left). Every cell is the mean ± the standard deviation over repeats. Prints Markdown.

`--coverage` counts in how many of simulated reports the interval of a perfect sampler's multiple, computed by the
function that the report calls, holds 1.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from reports.analysis.multiples import estimate_multiple
from suites.task import Density
from suites.toy.densities import DENSITIES, sample_target
from suites.toy.distance import sliced_wasserstein
from suites.toy.floors import PAIRS
from suites.toy.measures import Measures, measure
from suites.toy.references import Reference, find_reference

BLUR = 0.1
LEFT = 0.1
FAULTS = ("none", "β × 0.5", "β × 0.9", "blur 0.1", "dropped")
SEEDS = (3, 5, 10)


# Energies between which a mode is dropped: the second in mass, E = 6/7 and 0.667.
MODES: Mapping[str, tuple[float, float]] = {"8gaussians": (0.8, 0.9), "rings": (0.6, 0.7)}


def is_dropped(density: Density, points: np.ndarray, left: float) -> np.ndarray:
    """Of points (n, 2), which belong to the dropped mode, or lie to the left of a line."""
    if density.name in MODES:
        energies, (low, high) = density.energy(points), MODES[density.name]
        return (energies > low) & (energies < high)
    return points[:, 0] < left


def draw_faulty(
    density: Density, beta: float, fault: str, count: int, generator: np.random.Generator
) -> np.ndarray:
    """Exact samples (count, 2) with one of `FAULTS` put into them."""
    if fault.startswith("β × "):
        return sample_target(density, beta * float(fault.removeprefix("β × ")), count, generator)
    points = sample_target(density, beta, count, generator)
    if fault.startswith("blur"):
        return points + BLUR * generator.standard_normal(points.shape)
    if fault == "dropped":
        left = float(np.quantile(points[:, 0], LEFT))
        kept = [points[~is_dropped(density, points, left)]]
        while sum(map(len, kept)) < count:
            more = sample_target(density, beta, count, generator)
            kept.append(more[~is_dropped(density, more, left)])
        return np.concatenate(kept)[:count]
    return points


def measure_fault(
    density: Density, beta: float, fault: str, reference: Reference, options: argparse.Namespace
) -> list[Measures]:
    """The measures of each repeat, against exact samples of its own."""
    found = []
    for repeat in range(options.repeats):
        generator = np.random.default_rng([2, repeat])
        truth = sample_target(density, beta, options.samples, generator)
        ours = draw_faulty(density, beta, fault, options.samples, generator)
        found.append(measure(ours, truth, density, reference.law))
    return found


def format_spread(values: Sequence[float], digits: int) -> str:
    """`1.02 ± 0.31`."""
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"


def format_betas(found: Sequence[Measures]) -> str:
    """Mean and spread, or from where on the intervals are open."""
    each = [m.effective for m in found]
    if any(e.upper >= e.most for e in each):
        return f"≥ {min(e.lower for e in each):.1f}"
    return format_spread([e.value for e in each], 2)


def tabulate_faults(options: argparse.Namespace) -> list[str]:
    """A row for each set, β and fault, in Markdown."""
    lines = ["| set | β | fault | floors | effective β | KL in nats | classifier |", "| --- " * 7 + "|"]
    for name in options.tasks.split(","):
        for beta in options.betas:
            density = DENSITIES[name]
            reference = find_reference(density, beta, options.samples, options.artifacts, lambda done, total: None)
            for fault in FAULTS:
                found = measure_fault(density, beta, fault, reference, options)
                cells = (
                    format_spread([m.distance / reference.floor.distance for m in found], 1),
                    format_betas(found),
                    format_spread([m.divergence for m in found], 3),
                    format_spread([m.accuracy for m in found], 3),
                )
                lines.append(f"| {name} | {beta:g} | {fault} | {' | '.join(cells)} |")
                print(lines[-1], file=sys.stderr, flush=True)
    return lines


def simulate_coverage(distances: np.ndarray, seeds: int, repeats: int, generator: np.random.Generator) -> float:
    """The share of simulated reports of a perfect sampler whose interval holds 1.

    Args:
        distances: of pairs of exact samples, shape (n,); of them floors and seeds are drawn.
        seeds: of each report, at least 3.
        repeats: reports.
        generator: the only source of randomness.
    """
    held = 0
    for _ in range(repeats):
        logs = np.log(generator.choice(distances, PAIRS))
        own = generator.choice(distances, seeds) / np.exp(logs.mean())
        found = estimate_multiple(own[:, None], [float(logs.std(ddof=1) / np.sqrt(PAIRS))])
        held += found.lower is not None and found.upper is not None and found.lower <= 1 <= found.upper
    return held / repeats


def draw_distances(density: Density, beta: float, samples: int, pairs: int, seed: int) -> np.ndarray:
    """Distances (pairs,) of pairs of exact samples."""
    points = sample_target(density, beta, 2 * pairs * samples, np.random.default_rng([3, seed]))
    return np.array([sliced_wasserstein(x, y, 32) for x, y in points.reshape(pairs, 2, samples, 2)])


def tabulate_coverage(options: argparse.Namespace) -> list[str]:
    """A row for each set, in Markdown: coverage by number of seeds."""
    lines = [f"| set | β | {' | '.join(f'{n} seeds' for n in SEEDS)} |", "| --- " * (2 + len(SEEDS)) + "|"]
    for name in options.tasks.split(","):
        for beta in options.betas:
            distances = draw_distances(DENSITIES[name], beta, 400, 1500, 0)
            shares = [simulate_coverage(distances, n, 4_000, np.random.default_rng(4)) for n in SEEDS]
            lines.append(f"| {name} | {beta:g} | {' | '.join(f'{100 * share:.1f} %' for share in shares)} |")
            print(lines[-1], file=sys.stderr, flush=True)
    return lines


def main() -> None:
    """Print one of the two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--betas", type=float, nargs="+", default=[3.0, 10.0])
    parser.add_argument("--tasks", default=",".join(DENSITIES))
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"))
    options = parser.parse_args()
    print("\n".join((tabulate_coverage if options.coverage else tabulate_faults)(options)))


if __name__ == "__main__":
    main()
