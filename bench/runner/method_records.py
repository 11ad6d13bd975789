"""Writes into a results folder what the code of its methods departs from, for its report."""

import datetime
from collections.abc import Mapping
from pathlib import Path

from bench.reference.deviations import find_deviations
from methods.core.method import Method
from reports.errors import ReportError
from reports.load.files import write_file
from reports.load.method_schema import Departure, MethodRecord
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
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _is_recorded(record: MethodRecord, place: Path) -> bool:
    if not place.exists():
        return False
    try:
        known = read_method_record(place)
    except ReportError:  # damaged, and written again
        return False
    return known.model_copy(update={"created": record.created}) == record
