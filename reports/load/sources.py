"""How a data source is named in plans and reports, by what results say of their data."""

from collections.abc import Iterable

from reports.load.schema import Data

_OWNERS = {"d4rl": "D4RL's", "minari": "Minari's"}


def describe_source(label: str, canonical: str | None) -> str:
    """A source with what it is, such as `local: made here, not D4RL's`.

    Args:
        label: see `Data.label`.
        canonical: the published source of the same tasks, `d4rl` or `minari`; None where nothing is published.
    """
    source = label.partition(":")[0]
    owner = _OWNERS.get(source)
    what = {"local": "made here", "file": "the user's own file"}.get(source, f"{owner} data" if owner else source)
    other = _OWNERS.get(canonical or "") if canonical != source and source != "file" else None
    return f"{label}: {what}{f', not {other}' if other else ''}"


def describe_data(data: Iterable[Data]) -> str:
    """`data local: made here, not D4RL's`, of results that have one source."""
    every = list(data)
    canonical = {each.canonical.source if each.canonical is not None else None for each in every}
    return f"data {describe_source(every[0].label, canonical.pop() if len(canonical) == 1 else None)}"
