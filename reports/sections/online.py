"""The section on what running a method's policies finds, from the tuning episodes in the ledger alone."""

from collections.abc import Mapping

from reports.analysis.online import DRAWN, PULLS, REPEATS, OnlineAnalysis, OnlineMethod
from reports.figures.online import make_online_figure
from reports.render.document import Block, Heading, Table, Text, name_table

_SHOWN_PULLS = (10, 50, PULLS)


def make_online_section(online: OnlineAnalysis | None) -> list[Block]:
    """The picture, the numbers behind it and what they are; nothing for densities and where nothing was tuned."""
    if online is None or (not online.methods and not _was_tuned(online)):
        return []
    heading = Heading(3, online.scores.add_source("Expected online performance"))
    if not online.methods:
        return [heading, Text(f"There are no curves. {_list_absent(online.absent)}")]
    return [
        heading,
        Text(_describe_data(online)),
        Text(_describe_curves(online)),
        *([Text(f"Without a curve: {_list_absent(online.absent)}")] if online.absent else []),
        make_online_figure(online),
        name_table(_tabulate(online), online.scores.suite, "online"),
    ]


def _was_tuned(online: OnlineAnalysis) -> bool:
    return any(reason != "no tuning of it on these data is in the ledger" for reason in online.absent.values())


def _list_absent(absent: Mapping[str, str]) -> str:
    """Each reason once, after the methods that it holds for."""
    of_reason: dict[str, list[str]] = {}
    for label, reason in absent.items():
        of_reason.setdefault(reason, []).append(f"`{label}`")
    return "; ".join(f"{', '.join(labels)}: {reason}" for reason, labels in of_reason.items()) + "."


def _describe_data(online: OnlineAnalysis) -> str:
    """What the numbers are computed from."""
    seeds = sorted({seed for own in online.methods for seed in own.seeds})
    tasks = [online.scores.label_task(task) for task in online.tasks]
    left_out = len(online.scores.tasks) - len(tasks)
    others = f" (not every method here was tuned on the other {left_out})" if left_out else ""
    return (
        "How good a policy is found by running those that were tried? Computed from the tuning episodes in the "
        f"ledger, of training seeds {', '.join(map(str, seeds))}, without any reported one; the mean over "
        f"{', '.join(tasks)}{others}. A policy is chosen by one half of its episodes and scored by the other, "
        "both ways round, so that luck with episodes does not flatter the score (luck with the tuning seeds does),"
        f" and a curve may fall.{_describe_diverged(online)}"
    )


def _describe_diverged(online: OnlineAnalysis) -> str:
    """How many trials of which method are left out, or nothing."""
    found = [f"{own.diverged} of `{own.label}`" for own in online.methods if own.diverged]
    return f" Trials that diverged are left out: {', '.join(found)}." if found else ""


def _describe_curves(online: OnlineAnalysis) -> str:
    """What the two curves are, with the numbers behind them."""
    fewer = "" if online.drawn == DRAWN else f" (not {DRAWN}: a method here has no more on some task)"
    least, most = min(m.episodes[0] for m in online.methods), max(m.episodes[1] for m in online.methods)
    drawn_from = str(most) if least == most else f"{least} to {most}"
    return (
        "Left: the bandit protocol of arXiv 2504.11453. A policy is here that of one training seed, with its "
        f"settings and ρ. Each of {REPEATS:,} repeats draws {online.drawn}{fewer} policies of a method, upper "
        "confidence bounds choose whose episode is run next, and the one with the greatest mean so far is what is "
        "found. Bands hold the middle half of the repeats: how single searches differ, no confidence interval. A "
        f"policy's episodes are drawn with replacement from {drawn_from}, so that the right end says what these "
        "can tell. Right: the best of so many trials, drawn at random from those that were made; a trial is one ρ "
        "with its settings, on all its training seeds. Neither curve says how well new training seeds would do."
    )


def _tabulate(online: OnlineAnalysis) -> Table:
    """A row for each method: the bandit's curve at some budgets, the best of k trials and its optimism."""
    header = ("method", "policies", *(f"{pulls} evaluations" for pulls in _SHOWN_PULLS))
    header += ("k trials", "best of k", "on the episodes it was chosen by", "better there by")
    return Table(header, tuple(_tabulate_method(own) for own in online.methods))


def _tabulate_method(own: OnlineMethod) -> tuple[str, ...]:
    best, flattered = own.best.score[-1], own.flattered.score[-1]
    return (
        own.label,
        " to ".join(map(str, dict.fromkeys((min(own.policies), max(own.policies))))),
        *(f"{own.bandit.score[pulls - 1]:.1f}" for pulls in _SHOWN_PULLS),
        str(len(own.best.score)),
        f"{best:.1f}",
        f"{flattered:.1f}",
        f"{flattered - best:+.1f}",
    )
