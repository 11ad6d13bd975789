"""A maze as a map from above, without a renderer: walls, goal, the way so far and where it has led."""

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw

from bench.video.replay import State
from suites.top_view import TopView

WALL, FREE, GOAL, WAY, HERE = "#9aa5b8", "#ffffff", "#c9e6d1", "#7fb3d9", "#0072b2"
SCALE = 2  # drawn so many times larger, then reduced, for smooth edges
DOT = 0.016  # radius of the position, of the picture's width


def draw_map(
    states: Sequence[State], shown: Sequence[int], view: TopView, size: tuple[int, int]
) -> Iterator[np.ndarray]:
    """A picture for each of the chosen states, (height, width, 3) uint8.

    Args:
        states: of the whole episode.
        shown: places of the chosen ones, ascending.
        view: the maze.
        size: width and height in pixels.
    """
    place = Placement(view, size)
    empty = place.draw_maze()
    points = [place.locate(state.position) for state in states]
    for last in shown:
        picture = empty.copy()
        pen = ImageDraw.Draw(picture)
        if last > 0:
            pen.line(points[: last + 1], fill=WAY, width=2 * SCALE)
        (x, y), radius = points[last], DOT * picture.width
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=HERE)
        yield np.asarray(picture.resize(size, Image.Resampling.BOX))


class Placement:
    """Where metres lie in a picture: the whole maze, as large as it fits, in the middle.

    Args:
        view: the maze.
        size: width and height in pixels.
    """

    def __init__(self, view: TopView, size: tuple[int, int]):
        self.view = view
        self.size = (size[0] * SCALE, size[1] * SCALE)
        low, high = view.walls[:, :2].min(axis=0), view.walls[:, 2:].max(axis=0)
        self.scale = float(min(np.array(self.size) / (high - low)))
        self.middle = (low + high) / 2

    def locate(self, point: tuple[float, float]) -> tuple[float, float]:
        """The pixel of a point (x, y) in metres; y points up in the maze and down in a picture."""
        across, up = (np.asarray(point) - self.middle) * self.scale
        return float(self.size[0] / 2 + across), float(self.size[1] / 2 - up)

    def draw_maze(self) -> Image.Image:
        """Walls and goal."""
        picture = Image.new("RGB", self.size, FREE)
        pen = ImageDraw.Draw(picture)
        x, y = self.locate(self.view.goal)
        radius = self.view.radius * self.scale
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=GOAL)
        for left, lower, right, upper in self.view.walls.tolist():
            pen.rectangle((*self.locate((left, upper)), *self.locate((right, lower))), fill=WALL)
        return picture
