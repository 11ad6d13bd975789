"""Writes into a results folder what its methods are and where their code departs from the papers."""

import datetime
from collections.abc import Mapping
from pathlib import Path

from bench.reference.deviations import find_deviations
from bench.reference.docstrings import read_law
from bench.reference.methods import describe_gradient, list_further, list_trained
from methods.core.method import Method
from reports.errors import ReportError
from reports.load.files import write_file
from reports.load.method_schema import Departure, Facts, MethodRecord
from reports.load.origins import find_method_record, read_method_record
from reports.load.schema import FORMAT


def record_methods(methods: Mapping[str, Method], results: Path) -> None:
    """Write the record of each method, unless the same one is there.

    Args:
        methods: by name.
        results: the folder.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    for name, method in methods.items():
        record, place = make_method_record(name, type(method)), find_method_record(results, name)
        if not _is_recorded(record, place):
            write_file(place, record)


def make_method_record(name: str, cls: type[Method]) -> MethodRecord:
    """What a method's class and source say."""
    try:
        found = find_deviations(cls, name)
    except (OSError, TypeError, ValueError, SyntaxError):  # a class of a notebook has no file, or one of cells
        found = None
    return MethodRecord(
        format=FORMAT,
        method=name,
        title=cls.title,
        paper=cls.paper,
        departures=None if found is None else tuple(Departure(**vars(each)) for each in found),
        facts=find_facts(cls),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def find_facts(cls: type[Method]) -> Facts | None:
    """What a method is at its default settings; None of one that cannot be made with them at other sizes."""
    law = read_law(cls)
    try:
        method = cls()
        return Facts(
            law=None if law is None else law.title,
            reason=None if law is None else law.text,
            trained=list_trained(method),
            further=list_further(method),
            gradient=describe_gradient(method),
        )
    except Exception:  # whatever a plug-in raises on the small task; the run itself may be on another
        return None


def _is_recorded(record: MethodRecord, place: Path) -> bool:
    if not place.exists():
        return False
    try:
        known = read_method_record(place)
    except ReportError:  # damaged, and written again
        return False
    return known.model_copy(update={"created": record.created}) == record
