"""A maze seen from above with the paths of the same episodes for every variant, a panel for each."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Circle, Rectangle

from reports.figures.canvas import GRID, INK, make_canvas, make_figure
from reports.figures.charts import Spec, encode_colour, keep, tell
from reports.figures.marks import list_rows, make_marks, select
from reports.figures.style import Style, style_suite
from reports.load.schema import Result
from reports.load.scores import SuiteScores
from reports.load.trajectories import Trajectories, read_trajectories
from reports.render.document import Figure
from reports.render.numbers import count_noun

_MOST_PATHS = 10  # of a variant
_MOST_OF_ALL = 80  # of a figure, so that a page of many variants stays small
_ACROSS = 3
_PANEL = 240  # pixels across
_RIM = 0.7  # of a wall at the maze's border, which is not shown
_WALL, _GOAL = "#9aa5b8", "#2e9e4f"
_COLUMNS = ("variant", "mark", "seed", "episode", "return", "step", "x", "y", "x2", "y2")
_LABEL_WIDTH = 26

Played: TypeAlias = tuple[int, int]
"""A seed and an episode's number."""
Box: TypeAlias = tuple[float, float, float, float]
"""Left, lower, right and upper edge of what is shown, in metres."""


@dataclass(frozen=True)
class Kept:
    """What the results of a task keep of their episodes' paths.

    Attributes:
        found: variant and seed to the trajectories of that result.
        results: the same to the result.
    """

    found: Mapping[tuple[str, int], Trajectories]
    results: Mapping[tuple[str, int], Result]

    @property
    def variants(self) -> list[str]:
        """Those with any."""
        return list(dict.fromkeys(variant for variant, _ in self.found))

    def choose(self) -> list[Played]:
        """The episodes that are drawn: those that all of these variants keep, the first of each seed first."""
        own = [
            {(seed, n) for (variant, seed), t in self.found.items() if variant == one for n in t.episodes}
            for one in self.variants
        ]
        most = max(1, min(_MOST_PATHS, _MOST_OF_ALL // len(own)))
        both = sorted(set.intersection(*own), key=lambda played: (played[1], played[0]))
        return sorted(both[:most])


def read_kept(scores: SuiteScores, task: str) -> Kept:
    """The trajectories of a task's results.

    Raises:
        ReportError: a file of trajectories that is named but cannot be read.
    """
    found, results = {}, {}
    for variant in scores.variants:
        for seed in scores.seeds:
            result = scores.cells[task, variant, seed]
            kept = read_trajectories(result)
            if kept is not None:
                found[variant, seed], results[variant, seed] = kept, result
    return Kept(found, results)


def make_trajectories_figure(scores: SuiteScores, task: str) -> Figure | None:
    """The paths of a task's episodes; None where its variants keep none of the same.

    Raises:
        ReportError: a file of trajectories that is named but cannot be read.
    """
    kept = read_kept(scores, task)
    played = kept.choose() if kept.found else []
    if not played:
        return None
    styles = {variant: style for variant, style in style_suite(scores).items() if variant in kept.variants}
    box = find_box(kept)
    marks = collect_paths(kept, list(styles), played)
    caption = describe_paths(scores, task, kept, played)
    draw = partial(draw_paths, marks, styles, box)
    return make_figure(f"{scores.suite}-{task}-paths", caption, marks, chart_paths(styles, box), draw)


def describe_paths(scores: SuiteScores, task: str, kept: Kept, played: Sequence[Played]) -> str:
    """The caption."""
    by_seed = {seed: [n for own, n in played if own == seed] for seed, _ in played}
    which = "; ".join(f"seed {seed}: {', '.join(map(str, numbers))}" for seed, numbers in by_seed.items())
    points = max(len(t.points) for found in kept.found.values() for t in found.episodes.values())
    absent = [variant for variant in scores.variants if variant not in kept.variants]
    missing = f" No paths were kept of {', '.join(absent)}." if absent else ""
    starts = [{tuple(kept.found[v, seed].episodes[n].points[0]) for v in kept.variants} for seed, n in played]
    same = ", the same for all variants" if all(len(places) == 1 for places in starts) else ""
    return (
        f"{scores.label_task(task)} seen from above: the paths of {count_noun(len(played), 'episode')} of each "
        f"variant ({which}), each of up to {points} positions. Dots are starts{same}; the goal is reached in the "
        f"green circle.{missing}"
    )


def find_box(kept: Kept) -> Box:
    """What is shown: the maze without the outer part of its border, with all that any path visits."""
    every = list(kept.found.values())
    walls = every[0].walls
    rim = _RIM * float((walls[:, 2:] - walls[:, :2]).min())
    visited = np.concatenate([path.points for each in every for path in each.episodes.values()])
    low = np.minimum(walls[:, :2].min(axis=0) + rim, visited.min(axis=0))
    high = np.maximum(walls[:, 2:].max(axis=0) - rim, visited.max(axis=0))
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def collect_paths(kept: Kept, variants: Sequence[str], played: Sequence[Played]) -> pd.DataFrame:
    """A row for each wall, goal and position of each variant's panel; in metres, rounded to millimetres."""
    rows: list[dict[str, Any]] = []
    for variant in variants:
        first = next(found for (own, _), found in kept.found.items() if own == variant)
        rows += [_make_box(variant, "wall", wall) for wall in first.walls]
        chosen = [(seed, n, kept.found[variant, seed].episodes[n]) for seed, n in played]
        for goal in dict.fromkeys(tuple(map(float, path.goal)) for _, _, path in chosen):
            ends = np.array([*np.subtract(goal, first.radius), *np.add(goal, first.radius)])
            rows.append(_make_box(variant, "goal", ends))
        for seed, number, path in chosen:
            total = kept.results[variant, seed].episodes[number].episode_return
            about = {"variant": variant, "mark": "path", "seed": seed, "episode": number, "return": total}
            rows += [
                {**about, "step": int(step), "x": _round(x), "y": _round(y)}
                for step, (x, y) in zip(path.steps, path.points, strict=True)
            ]
    return make_marks(rows, *_COLUMNS)


def _make_box(variant: str, mark: str, edges: np.ndarray) -> dict[str, Any]:
    return {"variant": variant, "mark": mark, **dict(zip(("x", "y", "x2", "y2"), map(_round, edges), strict=True))}


def _round(metres: Any) -> float:
    return round(float(metres), 3)


def draw_paths(marks: pd.DataFrame, styles: Mapping[str, Style], box: Box) -> Canvas:
    """The picture."""
    columns = min(_ACROSS, len(styles))
    lines = -(-len(styles) // columns)
    width, height = box[2] - box[0], box[3] - box[1]
    made = make_canvas(2.4 * columns + 0.2, (2.4 * height / width + 0.35) * lines + 0.1)
    grid = np.array(made.subplots(lines, columns, squeeze=False)).ravel()
    for axes in grid[len(styles) :]:
        axes.set_visible(False)
    for axes, (variant, look) in zip(grid, styles.items(), strict=False):
        _draw_panel(axes, select(marks, variant=variant), look)
        axes.set(xlim=(box[0], box[2]), ylim=(box[1], box[3]), xticks=[], yticks=[], aspect="equal")
        axes.spines[:].set_color(GRID)
        axes.set_title(textwrap.fill(variant, _LABEL_WIDTH), fontsize=9, color=INK)
    return made


def _draw_panel(axes: Axes, marks: pd.DataFrame, look: Style) -> None:
    for row in list_rows(pd.concat([select(marks, mark=kind) for kind in ("wall", "goal")])):
        size = row["x2"] - row["x"], row["y2"] - row["y"]
        if row["mark"] == "wall":
            axes.add_patch(Rectangle((row["x"], row["y"]), *size, color=_WALL, linewidth=0))
        else:
            middle = row["x"] + size[0] / 2, row["y"] + size[1] / 2
            axes.add_patch(Circle(middle, size[0] / 2, facecolor=_GOAL, alpha=0.25, edgecolor=_GOAL))
    for _, path in select(marks, mark="path").groupby(["seed", "episode"]):
        axes.plot(path["x"], path["y"], color=look.colour, linewidth=0.9, alpha=0.75)
        axes.plot(path["x"].iloc[0], path["y"].iloc[0], "o", color=look.colour, markersize=3.5)


def chart_paths(styles: Mapping[str, Style], box: Box) -> Spec:
    """The chart: panels side by side, as many as the page has room for."""
    colour = encode_colour(styles)["color"] | {"legend": None}
    aspect = (box[3] - box[1]) / (box[2] - box[0])

    def scale(field: str, low: float, high: float) -> Spec:
        return {
            "field": field,
            "type": "quantitative",
            "axis": None,
            "scale": {"domain": [low, high], "nice": False},
        }

    across, up = scale("x", box[0], box[2]), scale("y", box[1], box[3])
    ends = {"x": across, "y": up, "x2": {"field": "x2"}, "y2": {"field": "y2"}}
    told = tell("variant", "seed", "episode", ("return", ".1f"))
    detail = [{"field": "seed", "type": "nominal"}, {"field": "episode", "type": "nominal"}]
    path = {"x": across, "y": up, "color": colour, "detail": detail, "tooltip": told}
    goal = {"type": "rect", "cornerRadius": 1000, "fill": _GOAL, "fillOpacity": 0.25, "stroke": _GOAL}
    return {
        "facet": {"field": "variant", "type": "nominal", "sort": list(styles), "title": None},
        "columns": _ACROSS,
        "usermeta": {"aspect": aspect},
        "spec": {
            "width": _PANEL,
            "height": round(_PANEL * aspect),
            "layer": [
                {
                    "transform": keep("datum.mark === 'wall'"),
                    "mark": {"type": "rect", "color": _WALL, "stroke": _WALL, "strokeWidth": 0.7, "clip": True},
                    "encoding": ends,
                },
                {"transform": keep("datum.mark === 'goal'"), "mark": goal, "encoding": ends},
                {
                    "transform": keep("datum.mark === 'path'"),
                    "mark": {"type": "line", "strokeWidth": 1.3, "opacity": 0.75},
                    "encoding": {**path, "order": {"field": "step", "type": "quantitative"}},
                },
                {
                    "transform": keep("datum.mark === 'path' && datum.step === 0"),
                    "mark": {"type": "point", "filled": True, "opacity": 1, "size": 36},
                    "encoding": path,
                },
            ],
        },
    }
