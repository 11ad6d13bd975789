"""The Python interface of `merge`: one results folder from several."""

from pathlib import Path

from bench.config.check_settings import check_arguments
from bench.config.values import FilePath, Paths, read_path, read_paths
from bench.progress import ProgressConsole
from foundation.stopping import handle_signals


def merge(results: Paths, *, to: FilePath, progress: bool = True) -> Path:
    """Make one results folder from several, such as those of different seeds; nothing in them is changed.

    A cell that several have with equal content is taken once. Ledgers, plans and looks follow each other in new
    chains, and the old ones are kept beside them in `sources/`. Reports, logs and what is unfinished stay behind.

    Args:
        results: the folders, two or more.
        to: the new folder.
        progress: print what was taken from where.

    Returns:
        The new folder.

    Raises:
        UserError: a folder of another format, a damaged file, two contents of one cell, a seed that one folder
            tuned on and another reports, different choices of ρ or frozen plans, or a `to` that holds something.
    """
    from bench.storage.merge import merge_folders

    check_arguments(merge, locals())
    folders, place = read_paths("results", results), read_path("to", to)
    with handle_signals():
        merge_folders(folders, place, ProgressConsole(quiet=not progress).say)
    return place
