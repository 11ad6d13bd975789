"""Shapes by name: every tensor has the seed axis first."""

from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor

Observations: TypeAlias = Float[Tensor, "seed batch observation"]
Actions: TypeAlias = Float[Tensor, "seed batch action"]
Z: TypeAlias = Float[Tensor, "seed batch channel"]
"""What is diffused: the action, and whatever an objective puts beside it."""
PerRow: TypeAlias = Float[Tensor, "seed batch"]
PerSeed: TypeAlias = Float[Tensor, " seed"]
