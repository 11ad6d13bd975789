"""What differs between the training seeds of a suite's results, and what they have in common."""

from reports.load.scores import SuiteScores
from reports.render.document import Text

DRAWN = ["initial weights", "minibatches and the other draws of training"]


def describe_seeds(scores: SuiteScores) -> Text:
    """One line: starts differ where the seeds of the resets do, and data sets where their fingerprints do."""
    if scores.is_control:
        starts = "the starting states of the episodes"
        varied = [*DRAWN, "the noise of the actions", *([starts] if _have_own_starts(scores) else [])]
        common = [] if _have_own_starts(scores) else [starts]
    else:
        varied, common = [*DRAWN, "the noise of the samples", "the target's samples"], []
    own = [task for task in scores.tasks if _have_own_data(scores, task)]
    if len(own) == len(scores.tasks):
        varied, common = [*varied, "the data set"], [*common, "the recipe and the size of the data"]
        limit = "which are one for each task, so no interval here speaks of data made otherwise"
    else:
        of_some = f" of {_join(own)}" if own else ""
        varied += [f"the data set{of_some}"] if own else []
        common += ["the data set of the other tasks" if own else "the data set"]
        limit = "which is one for each task, so no interval here speaks of other data sets"
        limit += " of those tasks" if own else ""
    return Text(f"A seed varies {_join(varied)}; it does not vary {_join(common)}, {limit}.")


def _have_own_data(scores: SuiteScores, task: str) -> bool:
    """Whether no two seeds of a task share a data set."""
    sets = {r.seed: r.data.identity for v in scores.variants for r in scores.of(task, v)}
    return len(sets) > 1 and len(set(sets.values())) == len(sets)


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
