"""Writes the files of a report or an export into its folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from foundation.files import write_atomically
from reports.errors import ReportError
from reports.figures.kept import FOLDER, KeptPictures
from reports.render.csv import export_marks
from reports.render.document import Animation, Block, find_figures


def write_files(out: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write files by their names, each whole or not at all; the paths in the same order.

    Raises:
        ReportError: the folder is a file.
        UserError: the disk is full or the folder cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise ReportError(f"the report cannot go to {out}, which is a file: name a folder.")
    for name, content in files.items():
        write_atomically(out / name, content)
    return [out / name for name in files]


def write_report_files(
    out: Path, files: Mapping[str, bytes], blocks: Sequence[Block], pictures: bool
) -> list[Path]:
    """Write a report's files and those of its figures, and keep the pictures for the next report.

    Without pictures those that an earlier report drew of the same figures are removed: they may be of other
    numbers.

    Args:
        out: the report's folder.
        files: name to content, figures apart.
        blocks: of the report, with its figures.
        pictures: whether figures are drawn for print.

    Returns:
        The written files, `files` first.
    """
    found, kept = list(find_figures(blocks)), KeptPictures(out / FOLDER)
    files = {**files, **{f"{figure.name}.csv": export_marks(figure).encode() for figure in found}}
    files |= {f"{block.name}.gif": block.content for block in blocks if isinstance(block, Animation)}
    for figure in found if pictures else ():
        files |= {f"{figure.name}.png": kept.draw(figure, "png"), f"{figure.name}.pdf": kept.draw(figure, "pdf")}
    written = write_files(out, files)
    if pictures:
        write_files(kept.folder, kept.list_new())
        kept.remove_unused()
        return written
    for figure in found:
        for kind in ("png", "pdf"):
            (out / f"{figure.name}.{kind}").unlink(missing_ok=True)
    return written
