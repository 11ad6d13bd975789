"""Every value of the sweeps of a suite of densities by itself: distances, effective β, and what declares it."""

from collections.abc import Mapping
from dataclasses import dataclass

from reports.analysis.declared import SweptSuite
from reports.analysis.distances import OVERALL, measure_distances
from reports.analysis.intervals import Estimate
from reports.analysis.measures import Effective, summarize_measures
from reports.load.sweeps import Sweep


@dataclass(frozen=True)
class DensityValue:
    """A method at one value of its sweep.

    Attributes:
        sweep: of the method.
        value: of its setting.
        variant: label of the results.
        multiples: (set, β) to the distance as a multiple of the noise floor; of several sets their geometric mean
            too, as the set `OVERALL`, which is the first.
        effective: (set, β) to the β that the samples have.
        sources: set to the names of the sources that declare this value there; see `SOURCES`.
    """

    sweep: Sweep
    value: float
    variant: str
    multiples: Mapping[tuple[str, float], Estimate]
    effective: Mapping[tuple[str, float], Effective]
    sources: Mapping[str, tuple[str, ...]]

    @property
    def sets(self) -> tuple[str, ...]:
        """The sets that distances are of, `OVERALL` first."""
        return tuple(dict.fromkeys(task for task, _ in self.multiples))

    @property
    def inverse_temperatures(self) -> tuple[float, ...]:
        """The β at which any result was scored, ascending."""
        return tuple(sorted({beta for _, beta in self.multiples}))


def collect_density_values(swept: SweptSuite) -> tuple[DensityValue, ...]:
    """The values of every sweep, ascending within each."""
    scores = swept.scores
    found, measures = measure_distances(scores), summarize_measures(scores)
    values: list[DensityValue] = []
    for sweep in swept.sweeps:
        for value, variant in sweep.variants.items():
            betas = found.inverse_temperatures
            multiples = {(OVERALL, beta): found.overall[beta, variant] for beta in betas}
            own = {(task, beta): found.multiples[task, beta, variant] for task in scores.tasks for beta in betas}
            effective = {
                (task, beta): measures[task, beta, variant].effective
                for task, beta in own
                if (task, beta, variant) in measures
            }
            sources = {task: swept.list_sources(sweep, value, task) for task in scores.tasks}
            every = multiples | own if len(scores.tasks) > 1 else own
            values.append(DensityValue(sweep, value, variant, every, effective, sources))
    return tuple(values)
