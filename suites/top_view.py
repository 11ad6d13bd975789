"""A maze seen from above: what stands in the way of a path of positions, and where it is to lead."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TopView:
    """The walls and the goal of a maze in metres, x to the right and y up.

    Attributes:
        walls: (n, 4), the left, lower, right and upper edge of each.
        goal: (x, y) of the episode's.
        radius: distance from the goal within which it is reached.
    """

    walls: np.ndarray
    goal: tuple[float, float]
    radius: float
