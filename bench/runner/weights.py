"""The weights of the data and those that a method predicts, as histograms over the same states.

For a method whose denoiser learns a weight beside the action: of some of the data's transitions, the weight that
it was trained on, and at their states the weight channel of the z_0 that it draws at the cell's ρ, all candidates
of a state. At ρ = 0 both are of one law as far as the denoiser has learned it; guidance is to move the second up.

They are drawn after the evaluation, by a policy and random numbers of their own, so that they touch no score and
no count.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from bench.runner.component_builder import ComponentBuilder
from bench.runner.halving import MEMORY_ERRORS, name_memory
from bench.runner.nodes import Node, is_imported, sort_upstream_first
from bench.runner.plan import PlannedCell
from foundation.errors import UserError
from foundation.exhausted import is_out_of_memory
from methods.core.method import SlotMethod
from methods.diffusion.noise import StreamNoise
from reports.load.schema import Histogram
from training import Data, SeedStreams, Step, Trained

STATES, BINS = 1_000, 40
_AT_ONCE = 100  # states, so that their candidates fit in memory
_WEIGHT, _DENOISER = "weight", "denoiser"


@dataclass(frozen=True)
class WeightHistograms:
    """Of one cell; both with the same edges.

    Attributes:
        learned: weights of the data's transitions, at most 1, as the denoiser was trained on them.
        predicted: weights of what it draws at their states.
    """

    learned: Histogram
    predicted: Histogram


def measure_weights(planned: PlannedCell, builder: ComponentBuilder) -> WeightHistograms | None:
    """The histograms of a cell; None for a method without a weight channel, and where they cannot be made.

    No result depends on them: where a file of its critic is gone or damaged, or memory does not hold the
    candidates, the console says so.

    Args:
        planned: the cell, whose components are made.
        builder: of its data.
    """
    try:
        return _measure(planned, builder)
    except UserError as error:
        builder.console.say(f"  no histogram of weights: {error}")
    except MEMORY_ERRORS as error:
        if not is_out_of_memory(error):
            raise
        builder.console.say(f"  no histogram of weights: {name_memory(error)} does not hold its candidates")
    return None


@torch.no_grad()
def _measure(planned: PlannedCell, builder: ComponentBuilder) -> WeightHistograms | None:
    method, node = planned.cell.method, planned.models.get(_DENOISER)
    if not isinstance(method, SlotMethod) or node is None or not isinstance(node.component, Trained):
        return None
    bounds = method.objective().extra_bounds()
    is_known = not is_imported(node.component)  # what an imported one was trained on is not
    if len(bounds) != 1 or not is_known or not _is_there(node, builder, planned.cell.seed):
        return None
    data = builder.data
    some = data.select(torch.linspace(0, len(data) - 1, min(STATES, len(data))).long().to(data.rewards.device))
    seeds = [planned.cell.seed]
    streams = SeedStreams(seeds, f"weights/{planned.cell.task.name}", some.rewards.device)
    step = Step(some, builder.models(node.upstream, seeds), streams)
    learned = node.component.precompute(step).get(_WEIGHT)
    if learned is None:
        return None
    edges = np.linspace(*bounds[0], BINS + 1)
    predicted = torch.cat(list(_draw_weights(planned, method, builder, some, streams)))
    return WeightHistograms(count_weights(learned, edges), count_weights(predicted, edges))


def _is_there(node: Node, builder: ComponentBuilder, seed: int) -> bool:
    """Whether what it was trained with is still on disk."""
    return all(builder.store.has(each.label, seed) for each in sort_upstream_first(node.upstream.values()))


def _draw_weights(
    planned: PlannedCell, method: SlotMethod, builder: ComponentBuilder, data: Data, streams: SeedStreams
) -> Iterator[Tensor]:
    """The last channel of every candidate at the states of the data, a hundred at a time."""
    policy = replace(method.policy(builder.models(planned.models, streams.seeds), planned.setup), recorder=None)
    for observations in data.observations.split(_AT_ONCE):
        rho = torch.full((1, len(observations)), planned.cell.rho or 0.0, device=observations.device)
        noise = StreamNoise(streams, len(observations))
        yield policy.draw_candidates(observations[None], rho, noise)[..., -1].flatten()


def count_weights(values: Tensor, edges: np.ndarray) -> Histogram:
    """How many lie between the edges.

    Args:
        values: of any shape; what is not finite lies nowhere, what is beyond the edges in the outermost bins.
        edges: ascending.
    """
    finite = values.flatten().double().cpu().numpy()
    finite = np.clip(finite[np.isfinite(finite)], edges[0], edges[-1])
    counts = np.histogram(finite, edges)[0]
    return Histogram(edges=tuple(map(float, edges)), counts=tuple(map(int, counts)))
