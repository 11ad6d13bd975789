"""What differs between the training seeds of a suite's results, and what they have in common."""

from reports.load.scores import SuiteScores
from reports.render.document import Text

DRAWN = ["initial weights", "minibatches and the other draws of training"]


def describe_seeds(scores: SuiteScores) -> Text:
    """One line; whether the episodes' starts differ is read from the seeds of their resets."""
    if scores.is_control:
        starts = "the starting states of the episodes"
        varied = [*DRAWN, "the noise of the actions", *([starts] if _have_own_starts(scores) else [])]
        common = [] if _have_own_starts(scores) else [starts]
    else:
        varied, common = [*DRAWN, "the noise of the samples", "the target's samples"], []
    said = f"A seed varies {_join(varied)}; it does not vary {_join([*common, 'the data set'])}"
    return Text(f"{said}, which is one for each task, so no interval here speaks of other data sets.")


def _have_own_starts(scores: SuiteScores) -> bool:
    """Whether no two seeds of a task and variant share the seed of a reset."""
    for task in scores.tasks:
        for variant in scores.variants:
            resets = [{episode.seed for episode in result.episodes} for result in scores.of(task, variant)]
            if len(set().union(*resets)) < sum(map(len, resets)):
                return False
    return True


def _join(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
