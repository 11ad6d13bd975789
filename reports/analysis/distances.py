"""The distances of a suite of densities: over seeds and sets, as they are and as multiples of the noise floor."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reports.analysis.intervals import Estimate, estimate_positive_mean
from reports.analysis.multiples import Floor, average_floors, estimate_multiple
from reports.load.scores import SuiteScores

OVERALL = "geometric mean"  # of all sets


@dataclass(frozen=True)
class Distances:
    """Of every variant on every set at every β.

    Attributes:
        inverse_temperatures: the β at which any result was scored, ascending; the numbers of one that was not
            scored there are NaN.
        floors: (task, β) to the distance between two samples of the target itself.
        distances: (task, β, variant) to the mean distance over seeds.
        multiples: the geometric mean over seeds of the distances as multiples of the floor; NaN where one is not
            positive.
        overall: (β, variant) to the geometric mean of the multiples over the tasks.
    """

    inverse_temperatures: tuple[float, ...]
    floors: Mapping[tuple[str, float], Floor]
    distances: Mapping[tuple[str, float, str], Estimate]
    multiples: Mapping[tuple[str, float, str], Estimate]
    overall: Mapping[tuple[float, str], Estimate]


def measure_distances(scores: SuiteScores) -> Distances:
    """The distances of a suite of densities."""
    at = {(r.path, d.inverse_temperature): d for r in scores.results() for d in r.densities}
    betas = tuple(sorted({beta for _, beta in at}))
    distances, floors, multiples, overall = {}, {}, {}, {}
    for beta in betas:
        for task in scores.tasks:
            cells = [at.get((r.path, beta)) for v in scores.variants for r in scores.of(task, v)]
            floors[task, beta] = average_floors([density for density in cells if density is not None])
        for variant in scores.variants:
            own = [[at.get((r.path, beta)) for r in scores.of(task, variant)] for task in scores.tasks]
            # Both seeds × tasks; every result has the floor of its own number of samples.
            distance = np.array([[d.distance if d else np.nan for d in found] for found in own]).T
            multiple = np.array(
                [[d.distance / d.floor if d and d.floor else np.nan for d in found] for found in own]
            ).T
            errors = [floors[task, beta].error for task in scores.tasks]
            for i, task in enumerate(scores.tasks):
                distances[task, beta, variant] = estimate_positive_mean(distance[:, i])
                multiples[task, beta, variant] = estimate_multiple(multiple[:, [i]], [errors[i]])
            overall[beta, variant] = estimate_multiple(multiple, errors)
    return Distances(betas, floors, distances, multiples, overall)
