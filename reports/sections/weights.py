"""The section on weights: those of the data beside those that a method predicts for what it draws."""

from collections.abc import Sequence

from reports.analysis.weights import WeightShares, collect_weights
from reports.figures.weights import make_weights_figure
from reports.load.scores import SuiteScores
from reports.render.document import Block, Details, Heading, Table, Text, name_table

_NOTE = (
    "At states of the data: the weights that the denoiser was trained on, by the critic, and those that it "
    "predicts for the candidates it draws there with the reported ρ, before one is selected. Without guidance "
    "both would be of one law if the denoiser had learned it exactly; guidance is to move the second to greater "
    "weights. They are the model's own weights, and say nothing of the critic's errors."
)


def make_weights_section(scores: SuiteScores) -> list[Block]:
    """The picture and the means behind it; nothing where no variant has both histograms."""
    found = collect_weights(scores)
    if not found:
        return []
    table = name_table(_tabulate(scores, found), scores.suite, "weights", splits=True)
    return [
        Heading(3, scores.add_source("Weights of the data and predicted weights")),
        Text(f"{_NOTE}{_describe_absent(scores, found)}"),
        make_weights_figure(scores, found),
        Details("Mean weights", (table,)),
    ]


def _describe_absent(scores: SuiteScores, found: Sequence[WeightShares]) -> str:
    """Variants that have histograms on some tasks alone."""
    known = {(own.task, own.variant) for own in found}
    lacking = {
        variant: [task for task in scores.tasks if (task, variant) not in known]
        for variant in dict.fromkeys(own.variant for own in found)
    }
    parts = [f"`{variant}` on {', '.join(tasks)}" for variant, tasks in lacking.items() if tasks]
    return f" Not stored with every seed: {'; '.join(parts)}." if parts else ""


def _tabulate(scores: SuiteScores, found: Sequence[WeightShares]) -> Table:
    """The mean weight of the data and of the draws, each weight taken for the middle of its bin."""
    rows = tuple(
        (
            scores.label_task(own.task),
            own.variant,
            f"{own.average(own.learned):.3f}",
            f"{own.average(own.predicted):.3f}",
            f"{own.average(own.predicted) - own.average(own.learned):+.3f}",
        )
        for own in found
    )
    return Table(("task", "variant", "of the data", "predicted", "greater by"), rows, words=2)
