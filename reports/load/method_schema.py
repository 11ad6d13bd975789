"""The schema of `methods/NAME.json` and `commands.jsonl`: the code and the commands behind results."""

from reports.load.base_schema import Schema, Sealed
from reports.load.fields import Name
from reports.load.schema import Format


class Departure(Schema):
    """A paragraph `Deviation:` of the code.

    Attributes:
        file: its place in the repository; of a plug-in its name.
        text: what departs from the paper, and why.
        own: whether the file is a method's; else it is shared by all methods.
    """

    file: str
    text: str
    own: bool


class Facts(Schema):
    """What a method is, at its default settings.

    Attributes:
        law: `Exact`, `Not exact` or `No given law`; None where its file does not say.
        reason: the law that it aims at, and what makes its actions have it or not; None likewise.
        trained: kinds of the components that are trained for it, those that others are trained with first.
        further: those of them that are neither a critic nor what acts, such as a guidance network.
        gradient: through what the gradient of its guidance goes, in words; None where no gradient is known.
    """

    law: str | None
    reason: str | None
    trained: tuple[str, ...]
    further: tuple[str, ...]
    gradient: str | None


class MethodRecord(Sealed):
    """A method as the code of the last `run` into the folder has it.

    Attributes:
        title: its name as printed.
        paper: where it is defined.
        departures: of the code from the paper; None where the source could not be read.
        facts: None where they could not be read, and in what older versions wrote.
        created: when it was written, UTC, ISO 8601.
    """

    format: Format
    method: Name
    title: str
    paper: str
    departures: tuple[Departure, ...] | None
    created: str
    facts: Facts | None = None


class CommandRecord(Sealed):
    """A line of `commands.jsonl`: a command that wrote into the folder.

    Attributes:
        created: when it was first called, UTC, ISO 8601.
        command: `run`, `tune-rho`, `tune` or `time`, with all options that differ from their defaults, as typed.
        version: of this program; None where it is not installed as a package.
    """

    created: str
    command: str
    version: str | None
