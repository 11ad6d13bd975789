"""Whether a suite's results are what a protocol asks for, computed from the results."""

from reports.analysis.protocol import FAIR, Protocol, list_shortfalls
from reports.load.scores import SuiteScores
from reports.render.document import Text


def describe_protocol(scores: SuiteScores, protocol: Protocol = FAIR) -> Text:
    """One paragraph: the protocol, and what the results lack of it."""
    lacking = list_shortfalls(scores, protocol)
    said = (
        f"not held: {'; '.join(lacking)}"
        if lacking
        else "by what they say of themselves these results have all of it"
    )
    return Text(f"Protocol `{protocol.name}` ({protocol.describe()}): {said}.")
