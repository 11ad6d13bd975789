"""The files of a results folder, written and read by the schema; a damaged one is refused in one sentence."""

import math
import os
import reprlib
import stat
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from foundation.files import is_temporary, write_atomically
from foundation.program import program_name
from foundation.text import clean_line
from reports.errors import NoScores, ReportError
from reports.load.base_schema import Schema, Sealed
from reports.load.fields import PATTERNS
from reports.load.headers import ResultHeader
from reports.load.schema import FORMAT, FailedResult, Result
from reports.load.seals import SEAL, is_intact, seal_file
from reports.load.tuning_schema import Choice, Choices

EXPERIMENTS, TUNED, TIMING = "experiments.json", "tuned.json", "timing.json"
MOST_BYTES = 256 * 2**20
"""Of one file: some thousand times as many as a large result has."""
MOST_BYTES_OF_LINES = 16 * MOST_BYTES
MOST_SHOWN = 200  # letters of a name that a file has
_UNWALKED = ("logs",)  # other programs write there, with links of their own

Read = TypeVar("Read", bound=BaseModel)


def write_file(path: Path, content: Schema) -> None:
    """Write the whole file or nothing.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    text = content.model_dump_json(indent=1, by_alias=True)
    write_atomically(path, seal_file(text) if isinstance(content, Sealed) else f"{text}\n".encode())


def read_file(path: Path, kind: type[Read]) -> Read:
    """The file's content, checked.

    Raises:
        ReportError: not JSON, another format, a field that is missing, unknown or not as it should be, or other
            bytes than its hash says.
    """
    return parse_file(path, read_bytes(path), kind)


def parse_file(path: Path, content: bytes, kind: type[Read]) -> Read:
    """The same of content that was read; see `read_file`."""
    try:
        found = kind.model_validate_json(content)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        first = next((e for e in faults if e["loc"] == ("format",)), faults[0])
        raise ReportError(
            f"file {str(path)!r} {_describe(first)}: it was cut short or edited, or another version wrote it; "
            "delete it and run the same `bench` command again."
        ) from error
    if not is_intact(content, getattr(found, SEAL, None)):
        raise ReportError(
            f"file {str(path)!r} is not as it was written, as its hash says: it was damaged or edited; delete it "
            "and run the same `bench` command again."
        )
    return found.model_copy(update={SEAL: None}) if isinstance(found, Sealed) else found


def read_lines(path: Path) -> bytes:
    """The content of a file that lines are added to, which a folder may lack; see `read_bytes`."""
    return read_bytes(path, MOST_BYTES_OF_LINES) if path.exists() else b""


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """A file's content.

    Raises:
        ReportError: it cannot be read, is no ordinary file, or is larger than any such file of a results folder.
    """
    refuse_large(path, most)
    try:
        return path.read_bytes()
    except OSError as error:
        raise _report_unreadable(path, error) from error


def refuse_large(path: Path, most: int) -> None:
    """Refuse what is no ordinary file, or has more bytes than are read.

    Raises:
        ReportError: it is one of them, or is not there.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise _report_unreadable(path, error) from error
    if not stat.S_ISREG(found.st_mode):
        raise ReportError(f"{str(path)!r} should be a file and is none; remove it, then run the command again.")
    if found.st_size > most:
        raise ReportError(
            f"file {str(path)!r} has {found.st_size:,} bytes, and at most {most:,} are read: no file of "
            "a results folder is so large; remove it, then run the command again."
        )


def _report_unreadable(path: Path, error: OSError) -> ReportError:
    return ReportError(f"file {str(path)!r} cannot be read ({error.strerror or error}).")


def read_finished(path: Path) -> Result | FailedResult:
    """A result; its score may be NaN.

    Raises:
        ReportError: see `read_file`; also a result that lies where one of another task, method or seed belongs.
    """
    content = read_bytes(path)
    try:
        result = parse_file(path, content, Result)
    except ReportError:
        header = parse_file(path, content, ResultHeader)
        result = parse_file(path, content, FailedResult if header.status == "failed" else Result)
    task, label = path.parent.parent.name, path.parent.name
    is_of_method = label.startswith(f"{result.method}-")
    if not is_of_method or (task, path.stem) != (result.task, f"seed-{result.seed}"):
        raise ReportError(
            f"file {str(path)!r} holds the result of {result.method} on {result.task}, seed {result.seed}, which "
            "belongs elsewhere: it was moved or edited; delete it and run the same `bench` command again."
        )
    return result.model_copy(update={"path": path})


def read_result(path: Path) -> Result | FailedResult:
    """A result for a report.

    Raises:
        ReportError: see `read_finished`; also a score that is NaN or infinite.
    """
    result = read_finished(path)
    if isinstance(result, Result) and not math.isfinite(result.score):
        raise ReportError(
            f"file {str(path)!r} has {result.score} for `score`: the run diverged, so no report holds it; "
            "leave it out with --tasks or --methods, or run with other settings into another folder (--results)."
        )
    return result


def check_folder(folder: Path) -> None:
    """Refuse a results folder of another format.

    Raises:
        ReportError: its file `FORMAT` has another number, or is not there, or a link leads out of the folder.
    """
    marker = folder / "FORMAT"
    found = read_bytes(marker).decode(errors="replace").strip() if marker.is_file() else None
    if found != str(FORMAT):
        said = "has no FORMAT file" if found is None else f"has format {clean_line(found[:20])}"
        raise ReportError(
            f"results folder {str(folder)!r} is from another version: it {said}, this version reads and writes "
            f"format {FORMAT}; name another folder with --results, or run `{program_name()} run` into a new one."
        )
    refuse_links(folder)


def refuse_links(folder: Path) -> None:
    """Refuse a results folder with a link that leads out of it: what is written there would land elsewhere.

    The folder itself may be a link.

    Raises:
        ReportError: the first such link, and where it leads.
    """
    root = os.path.realpath(folder)
    for place, folders, files in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *files)):
            if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root):
                raise ReportError(
                    f"link {str(path)!r} leads out of the results folder, to {os.path.realpath(path)!r}: what is "
                    "read and written would lie elsewhere; put a copy in its place, or remove it."
                )
        folders[:] = [name for name in folders if Path(place) != folder or name not in _UNWALKED]


def read_optional(path: Path, kind: type[Read]) -> Read | None:
    """The content of `tuned.json` or another file that a folder may lack, then None; see `read_file`."""
    return read_file(path, kind) if path.exists() else None


def read_choices(folder: Path) -> tuple[Choice, ...]:
    """The choices of ρ in `tuned.json`."""
    kept = read_optional(folder / TUNED, Choices)
    return kept.choices if kept else ()


def read_headers(folder: Path) -> dict[Path, ResultHeader]:
    """Every result file of a folder in the order of their paths, its other fields still unchecked.

    Raises:
        ReportError: no such folder, a folder of another format, no results in it, or a file that is not JSON.
    """
    if not folder.is_dir():
        raise ReportError(
            f"there is no results folder at {folder}: run `{program_name()} run` first, or name the folder "
            "with `--results`."
        )
    if not any(not is_temporary(path) for path in folder.iterdir()):
        raise ReportError(f"the results folder {str(folder)!r} is empty: run `{program_name()} run` first.")
    check_folder(folder)
    found = {path: read_file(path, ResultHeader) for path in sorted((folder / "runs").glob("*/*/seed-*.json"))}
    if not found:
        raise NoScores(f"the results folder {str(folder)!r} holds no results: run `{program_name()} run` first.")
    return found


def _describe(error: ErrorDetails) -> str:
    """What is wrong with a file, from pydantic's words for it."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    field = clean_line(path)[:MOST_SHOWN]  # its names are the file's
    match error["type"]:
        case "json_invalid":
            return f"is not JSON ({error['msg'].removeprefix('Invalid JSON: ')})"
        case "missing":
            return f"lacks the field `{field}`"
        case "extra_forbidden":
            return f"has the unknown field `{field}`"
        case "value_error":
            return error["msg"].removeprefix("Value error, ")
        case "string_pattern_mismatch":
            wanted = PATTERNS[error.get("ctx", {})["pattern"]]
            return f"has {reprlib.repr(error['input'])} for `{field}`, which should be {wanted}"
        case "model_type" if not field:
            return "holds no JSON object"
    expected = error["msg"].removeprefix("Input should be ")
    return f"has {reprlib.repr(error['input'])} for `{field}`, which should be {expected}"
