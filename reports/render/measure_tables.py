"""The table of what is measured of a density's samples beside their distance, and what that sees."""

from reports.analysis.measures import Effective
from reports.analysis.suite import DensityAnalysis
from reports.render.document import Table
from reports.render.numbers import count_noun, format_estimate, format_number

NEAR = 2.0  # multiples of the floor
_SHOWN = 4


def format_effective(effective: Effective) -> str:
    """`9.9 [9.7, 10.1]`, or `≥ 8.6` and `≤ 0.3` where the interval goes on beyond the range that was searched."""
    if effective.is_most or effective.is_least:
        if effective.is_most and effective.is_least:
            return "any"
        return f"≥ {effective.lower:.2f}" if effective.is_most else f"≤ {effective.upper:.2f}"
    if effective.value != effective.value:
        return "–"
    return f"{effective.value:.2f} [{effective.lower:.2f}, {effective.upper:.2f}]"


def tabulate_measures(analysis: DensityAnalysis) -> Table:
    """Set, variant and β: the multiple of the floor beside effective β, divergence and accuracy."""
    rows = [
        (
            task,
            variant,
            f"{beta:g}",
            format_estimate(analysis.multiples[task, beta, variant], 1),
            format_effective(m.effective),
            f"{format_estimate(m.divergence, 3)} ({format_number(m.divergence_floor, 3)})",
            format_estimate(m.classifier, 3),
        )
        for (task, beta, variant), m in analysis.measures.items()
    ]
    header = ("set", "variant", "β", "floors", "effective β", "KL in nats (exact samples)", "classifier")
    return Table(header, tuple(rows), words=2)


def describe_measures(analysis: DensityAnalysis) -> str:
    """What each measure is, what it sees, and where the effective β says more than the distance."""
    errors = {m.classifier_error for m in analysis.measures.values()}
    brackets = (
        "in brackets its 95 % interval"
        if len(analysis.scores.seeds) == 1
        else "median over seeds; in brackets the outermost ends of the seeds' 95 % intervals"
    )
    return (
        "The distance weighs a fault by how far mass is moved. The effective β is the one that the samples have "
        "by maximum likelihood on the known energy "
        + f"({brackets}): it sees whatever shifts the mean energy, above all a wrong temperature, wherever the "
        "mass lies. KL(target || samples), on cells of side 0.25, sees missing mass; of exact samples it is what "
        "stands in parentheses. The classifier is the accuracy of telling held-out samples from the target's by "
        f"51 nearest neighbours (Lopez-Paz and Oquab 2017): 0.5 for equal laws, with a standard error of "
        f"{max(errors):.4f}. What each sees of known faults is in the documentation's study of the toy sets. "
        f"{_describe_hidden(analysis)}"
    )


def _describe_hidden(analysis: DensityAnalysis) -> str:
    """The cells within two floors whose effective β is not the one asked for."""
    near = [
        (cell, m)
        for cell, m in analysis.measures.items()
        if analysis.multiples[cell].value <= NEAR and cell[1] > 0
    ]
    if not near:
        return f"No result at a β above 0 is within {NEAR:g} floors."
    hidden = [(cell, m) for cell, m in near if m.effective.excluded]
    seeds = count_noun(len(analysis.scores.seeds), "seed")
    said = (
        f"Of {count_noun(len(near), 'result')} within {NEAR:g} floors at a β above 0, {len(hidden)} "
        f"{'has' if len(hidden) == 1 else 'have'} another effective β by the interval of every seed ({seeds})"
    )
    shown = [
        f"{variant} on {task} at β = {beta:g}: {format_effective(m.effective)}"
        for (task, beta, variant), m in hidden[:_SHOWN]
    ]
    more = f", and {len(hidden) - _SHOWN} more" if len(hidden) > _SHOWN else ""
    return f"{said}{': ' if shown else ''}{'; '.join(shown)}{more}."
