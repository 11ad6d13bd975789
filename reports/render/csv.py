"""The CSV files: every number of the report at full precision."""

import json
from collections.abc import Mapping, Sequence

import pandas as pd

from foundation.text import clean_cell
from reports.analysis.distances import OVERALL
from reports.analysis.online import OnlineAnalysis
from reports.analysis.published import Comparison
from reports.analysis.suite import Analysis, ControlAnalysis, DensityAnalysis
from reports.analysis.sweep_values import SweepValue
from reports.analysis.tracks import TRACKS, TrackRow
from reports.load.frames import describe_cell, make_timing_frame
from reports.load.schema import Density
from reports.load.timing_schema import TimingRow
from reports.render.document import Figure
from reports.render.sweep_tables import describe_sources

_AGGREGATES = (
    "suite,variant,baseline,aggregate,estimate,lower,upper,rliable_lower,rliable_upper,seeds,tasks,replicates,data"
)
_SWEEPS = (
    "suite,method,setting,value,variant,aggregate,estimate,lower,upper,seeds,tasks,declared,set,"
    "inverse_temperature"
)
_EXACTNESS = "suite,set,variant,inverse_temperature,multiple_of_floor,lower,upper,floor,floor_error,seeds"
_COMPARISON = (
    "experiment,table,suite,task,method,row,ours,ours_lower,ours_upper,published,published_spread,"
    "difference,difference_lower,difference_upper,seeds"
)
_PAIRS = (
    "suite,task,first,second,unit,difference,lower,upper,p,p_holm,p_sign_flip,p_equivalent,margin,improvement,"
    "improvement_lower,improvement_upper,more_seeds_low,more_seeds_high,seeds,is_primary"
)
_VARIANCE = (
    "suite,task,variant,seeds,episodes,seed_variance,episode_variance,correlation,correlation_lower,"
    "correlation_upper,seed_share_of_score,below_gap"
)
_PARTIAL = "suite,task,variant,seed,state,score"
_ONLINE = "suite,method,curve,budget,score,lower,upper,tasks,among"
_DENSITIES = ",".join(["suite,task,variant,seed", *Density.model_fields])
_TRACKS = "suite,task,variant,track,rho,score,lower,upper,episodes,seeds,absent"


def format_csv(header: str, rows: Sequence[tuple[object, ...]]) -> str:
    """Rows below a header of names with commas between them."""
    return _write_frame(pd.DataFrame(rows, columns=pd.Index(header.split(","))))


def _write_frame(frame: pd.DataFrame) -> str:
    """The frame as CSV in which no text is a formula; numbers stay as they are."""
    return frame.map(clean_cell).to_csv(index=False)


def export_marks(figure: Figure) -> str:
    """One row per mark of a figure."""
    return _write_frame(figure.marks)


def export_scores(analyses: Sequence[Analysis]) -> str:
    """One row per cell (task, variant, seed)."""
    rows = [
        describe_cell(variant, result)
        for a in analyses
        for task in a.every.tasks
        for variant in a.every.variants
        for result in a.every.of(task, variant)
    ]
    return _write_frame(pd.DataFrame(rows))


def export_partial(analyses: Sequence[Analysis]) -> str | None:
    """One row per cell of a suite of which some are missing, which too; None where no suite lacks any."""
    rows = []
    for scores in (a.every for a in analyses if a.every.partial is not None):
        assert scores.partial is not None, "others are left out above"
        for cell in scores.partial.whole.cells:
            found = scores.partial.there.get(cell)
            state = "compared" if cell in scores.cells else "left out" if found is not None else "missing"
            rows.append((scores.suite, *cell, state, None if found is None else found.score))
    return format_csv(_PARTIAL, rows) if rows else None


def export_aggregates(analyses: Sequence[Analysis]) -> str:
    """One row per suite, variant and aggregate, in scores divided by 100; only a header for densities alone."""
    rows = []
    for a in analyses:
        if not isinstance(a, ControlAnalysis):
            continue
        size = (len(a.scores.seeds), len(a.scores.tasks), a.replicates, a.scores.source)
        for variant in a.scores.variants:
            found = dict(a.aggregates[variant])
            if variant in a.improvements:
                found["probability of improvement"] = a.improvements[variant]
            for name, e in found.items():
                other = a.bootstrapped[variant].get(name)
                bounds = (e.lower, e.upper, *((other.lower, other.upper) if other else (None, None)))
                rows.append((a.scores.suite, variant, a.baseline, name, e.value, *bounds, *size))
    return format_csv(_AGGREGATES, rows)


def export_sweeps(analyses: Sequence[Analysis]) -> str | None:
    """One row per value of a sweep and aggregate; None where nothing is swept.

    Aggregates are scores divided by 100; of densities multiples of the noise floor and effective β, at a β.
    """
    rows = []
    for a in analyses:
        size = (len(a.every.seeds), len(a.every.tasks))
        for v in a.sweep_values:
            names = (a.every.suite, v.sweep.family, v.sweep.setting, v.value, v.variant)
            behind = (*size, describe_sources(v) or None)
            if isinstance(v, SweepValue):
                found = [(name, e, None, None) for name, e in v.aggregates.items()]
            else:
                found = [("multiple of the floor", e, *place) for place, e in v.multiples.items()]
                found += [("effective β", e, *place) for place, e in v.effective.items()]
            rows += [(*names, name, e.value, e.lower, e.upper, *behind, *place) for name, e, *place in found]
    return format_csv(_SWEEPS, rows) if rows else None


def export_densities(analyses: Sequence[Analysis]) -> str | None:
    """One row per density result and β, of sweeps at every value, or None where no suite has densities."""
    rows = [
        (scores.suite, task, variant, r.seed, *d.model_dump().values())
        for scores in (a.every for a in analyses)
        for task in scores.tasks
        for variant in scores.variants
        for r in scores.of(task, variant)
        for d in r.densities
    ]
    return format_csv(_DENSITIES, rows) if rows else None


def export_exactness(analyses: Sequence[Analysis]) -> str | None:
    """One row per set (and for all of them together), variant and β, or None where no suite has densities."""
    rows = []
    for a in analyses:
        if not isinstance(a, DensityAnalysis):
            continue
        floors = {cell: (floor.value, floor.error) for cell, floor in a.floors.items()}
        found = {(task, beta, v): (e, floors[task, beta]) for (task, beta, v), e in a.multiples.items()}
        if len(a.scores.tasks) > 1:
            found |= {(OVERALL, beta, v): (e, (None, None)) for (beta, v), e in a.overall.items()}
        rows += [
            (a.scores.suite, task, v, beta, e.value, e.lower, e.upper, *floor, len(a.scores.seeds))
            for (task, beta, v), (e, floor) in found.items()
        ]
    return format_csv(_EXACTNESS, rows) if rows else None


def export_comparisons(comparisons: Sequence[Comparison]) -> str | None:
    """One row per published number that ours is compared with, or None where no experiment was run."""
    rows = []
    for c in comparisons:
        for score in c.scores:
            ours, less = score.ours, score.difference
            names = (c.experiment, c.table, score.suite, score.task or "mean over tasks", score.method, score.row)
            numbers = (ours.value, ours.lower, ours.upper, score.published, score.spread)
            rows.append((*names, *numbers, less.value, less.lower, less.upper, score.seeds))
    return format_csv(_COMPARISON, rows) if comparisons else None


def export_pairs(analyses: Sequence[Analysis]) -> str:
    """One row per pair of variants, over all tasks and on each."""
    rows = []
    for a in analyses:
        if a.pairs is None:
            continue
        unit = "log distance" if a.pairs.is_ratio else "points"
        for task, pairs in {"all tasks": a.pairs.overall, **a.pairs.by_task}.items():
            for p in pairs:
                d, better, more = p.difference, p.improvement, p.more_seeds or (None, None)
                names = (a.scores.suite, task, p.first, p.second, unit)
                tests = (p.p, p.adjusted, p.flip, p.equivalence, a.pairs.margin)
                bounds = (better.value, better.lower, better.upper)
                rows.append(
                    (*names, d.value, d.lower, d.upper, *tests, *bounds, *more, a.pairs.seeds, p.is_primary)
                )
    return format_csv(_PAIRS, rows)


def export_variance(analyses: Sequence[Analysis]) -> str:
    """One row per cell of a control suite whose variance can be split."""
    rows = []
    for a in analyses:
        if not isinstance(a, ControlAnalysis):
            continue
        for (task, variant), v in a.variances.items():
            c = v.correlation
            parts = (v.seeds, v.episodes, v.between, v.within, c.value, c.lower, c.upper, v.share)
            rows.append((a.scores.suite, task, variant, *parts, a.collapsed[task, variant]))
    return format_csv(_VARIANCE, rows)


def export_online(analyses: Sequence[OnlineAnalysis]) -> str | None:
    """One row per method, curve and budget, or None where no suite has a curve."""
    rows = []
    for a in analyses:
        for own in a.methods:
            curves = {"bandit": own.bandit, "best of k": own.best, "best of k, same episodes": own.flattered}
            for name, curve in curves.items():
                for i, score in enumerate(curve.score):
                    band = [None if edge is None else edge[i] for edge in (curve.lower, curve.upper)]
                    among = a.drawn if name == "bandit" else i + 1
                    rows.append((a.scores.suite, own.label, name, i + 1, score, *band, len(a.tasks), among))
    return format_csv(_ONLINE, rows) if rows else None


def export_tracks(tracks: Mapping[str, Sequence[TrackRow]]) -> str | None:
    """One row per task, variant and track; None where no method has two tracks on a task.

    Args:
        tracks: of each suite.
    """
    rows = []
    for suite, own in tracks.items():
        for row in own if any(len(r.found) > 1 for r in own) else ():
            for track in TRACKS:
                found, names = row.found.get(track), (suite, row.task, row.family, track)
                if found is None:
                    rows.append((*names, *[None] * 6, row.absent[track]))
                    continue
                seeds = None if found.by_seed is None else str(len(found.by_seed))
                e = found.score
                rows.append((*names, found.rho, e.value, e.lower, e.upper, found.origin, seeds, None))
    return format_csv(_TRACKS, rows) if rows else None


def export_costs(rows: Sequence[TimingRow]) -> str | None:
    """One row per measurement of `time`, settings as JSON; None where nothing was timed."""
    if not rows:
        return None
    frame = make_timing_frame(rows)
    frame["settings"] = [json.dumps(settings, sort_keys=True) for settings in frame["settings"]]
    return _write_frame(frame)
