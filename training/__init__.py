"""The ground floor of everything that learns: components, batches, seeds, networks and the training loop."""

from training.batch import Batch, Data
from training.component import Component, Computed, Group, Models, Progress, Step, Trained
from training.loop import compute, fit
from training.networks import SeedLayerNorm, SeedLinear, SeedMLP, parameter_count, polyak_update
from training.seeds import SeedStreams

__all__ = [
    "Batch",
    "Component",
    "Computed",
    "Data",
    "Group",
    "Models",
    "Progress",
    "SeedLayerNorm",
    "SeedLinear",
    "SeedMLP",
    "SeedStreams",
    "Step",
    "Trained",
    "compute",
    "fit",
    "parameter_count",
    "polyak_update",
]
