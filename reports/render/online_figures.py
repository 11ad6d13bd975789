"""The picture of what running the tried policies finds: the score against evaluations, and against trials."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from reports.analysis.online import PULLS, REPEATS, OnlineAnalysis
from reports.render.document import Figure
from reports.render.figures import (
    INK,
    add_legend,
    add_title,
    label_log_axis,
    make_canvas,
    pick_colour,
    pick_marker,
    save_figure,
    tidy,
)
from reports.render.numbers import count_noun

_LEAST_HEIGHT = 2.0  # points


def _place_methods(online: OnlineAnalysis) -> list[int]:
    """The place of each method among the suite's, so that it has its own colour where no method was swept.

    A method that is there on other terms too gets a place after all.
    """
    methods = list(dict.fromkeys(map(online.scores.method, online.scores.variants)))
    places: list[int] = []
    for own in online.methods:
        place = methods.index(own.method)
        places.append(place if place not in places else len(methods) + len(places))
    return places


def draw_online(online: OnlineAnalysis) -> Figure:
    """All methods of a suite: the bandit's curve with its band beside the expected best of so many trials."""
    made = make_canvas(10.0, 4.6)
    left, right = made.subplots(1, 2, sharey=True)
    pulls = np.arange(1, PULLS + 1)
    for own, i in zip(online.methods, _place_methods(online), strict=True):
        left.plot(
            pulls, own.bandit.score, color=pick_colour(i), marker=pick_marker(i), markersize=5, linewidth=1.8,
            markevery=_space_markers(), label=own.label,
        )  # fmt: skip
        if own.bandit.lower is not None and own.bandit.upper is not None:
            left.fill_between(
                pulls, own.bandit.lower, own.bandit.upper, color=pick_colour(i), alpha=0.12, linewidth=0
            )
        trials = np.arange(1, len(own.best.score) + 1)
        right.plot(
            trials, own.best.score, color=pick_colour(i), marker=pick_marker(i), markersize=5, linewidth=1.8
        )
    left.set_xscale("log")
    label_log_axis(left.xaxis)
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    _name_axes(left, "bandit", "evaluation episodes, of each task")
    _name_axes(right, "best of so many trials", "trials, of each task")
    left.set_ylabel("normalised score of the policy found", color=INK)
    low, high = left.get_ylim()
    if high - low < _LEAST_HEIGHT:  # where all policies score the same, rounding would fill the axis
        left.set_ylim((low + high - _LEAST_HEIGHT) / 2, (low + high + _LEAST_HEIGHT) / 2)
    add_legend(made, [own.label for own in online.methods])
    add_title(made, online.scores)
    caption = (
        f"Score of the policy that is found, mean over {count_noun(len(online.tasks), 'task')}. Left: a bandit "
        f"among {online.drawn} trained policies, mean of {REPEATS:,} repeats; the bands hold the middle half of "
        "the repeats and are no confidence intervals. Right: the best of so many trials, chosen by half of its "
        "episodes and scored by the others."
    )
    return save_figure(made, f"{online.scores.suite}-online", caption)


def _space_markers() -> list[int]:
    """Places on the logarithmic axis that are about equally far apart."""
    return [0, 1, 2, 4, 7, 13, 24, 44, 79, 141]


def _name_axes(axes: Axes, title: str, budget: str) -> None:
    axes.set_title(title, fontsize=10, color=INK)
    axes.set_xlabel(budget, color=INK)
    tidy(axes, "both")
