"""The schema of an unfinished evaluation: what of it is done, and what was counted meanwhile."""

from collections.abc import Mapping
from typing import Any

from reports.load.base_schema import Schema
from reports.load.fields import NotNegative, Whole
from reports.load.schema import Episode, Format


class Counted(Schema):
    """What a policy counted in an episode or a block of samples.

    Attributes:
        interventions: name to counts by level of the schedule.
        evaluations: of the policy's networks, by name.
    """

    interventions: Mapping[str, tuple[Whole, ...]]
    evaluations: Mapping[str, Whole]


class Trajectory(Schema):
    """Where an episode in a maze led, seen from above, in metres.

    Attributes:
        steps: the numbers of the environment's steps after which `points` were reached, 0 first.
        points: (x, y), thinned.
        goal: the episode's.
    """

    steps: tuple[Whole, ...]
    points: tuple[tuple[float, float], ...]
    goal: tuple[float, float]


class DoneEpisode(Schema):
    """An episode that is over.

    Attributes:
        trajectory: of those in a maze that are kept, else None.
    """

    episode: Episode
    counted: Counted
    trajectory: Trajectory | None = None


class DoneBlock(Schema):
    """Samples of a density that were drawn together.

    Attributes:
        points: their coordinates in single precision, as base64 of their bytes.
    """

    points: str
    counted: Counted


class UnfinishedEvaluation(Schema):
    """What is done of an evaluation.

    Attributes:
        of: what it is an evaluation of, and with what it is computed.
        seconds: that it took.
        episodes: by their numbers.
        blocks: by `PLACE-FIRST`, the place of β and the number of the first sample.
    """

    format: Format
    of: Mapping[str, Any]
    seconds: NotNegative
    episodes: Mapping[Whole, DoneEpisode]
    blocks: Mapping[str, DoneBlock]
