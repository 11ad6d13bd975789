"""The Python interface of `publish`: a site of contributed runs with a leaderboard, in a folder."""

from pathlib import Path

from bench.config.check_settings import check_arguments
from bench.config.values import FilePath, read_path
from bench.progress import ProgressConsole
from foundation.errors import UserError
from foundation.stopping import handle_signals
from foundation.text import clean_line
from reports.load.contribution_schema import LONGEST_NAME, LONGEST_NOTE


def publish(
    results: FilePath, *, to: FilePath, name: str | None = None, note: str = "", progress: bool = True
) -> Path:
    """Add a results folder to a site of contributed runs: its results, records and report, and a leaderboard.

    Every file is checked before. The site is a folder of static files; nothing is sent anywhere. Results that the
    site has already are not added again, whatever their folder is called.

    Args:
        results: the results folder, which stays as it is.
        to: the site; made if it is not there.
        name: of the run or its contributor, at most 80 letters; the folder's if left out.
        note: on it, at most 500 letters.
        progress: print what is done.

    Returns:
        The folder of the run in the site.

    Raises:
        UserError: a file that is damaged or contradicts another, a missing result, a seed that was tuned on, a
            copy of another run under other seeds, or a `to` that is no site. No run is added then.
    """
    from bench.storage.publish import publish_folder

    check_arguments(publish, locals())
    folder, site = read_path("results", results), read_path("to", to)
    named = _read_words("name", folder.resolve().name if name is None else name, LONGEST_NAME)
    if not named:
        raise UserError(
            f"name {name!r} is empty: give the run a name of 1 to {LONGEST_NAME} letters, or leave it out."
        )
    noted = _read_words("note", note, LONGEST_NOTE)
    with handle_signals():
        return publish_folder(folder, site, named, noted, ProgressConsole(quiet=not progress).say)


def check_site(site: FilePath, *, progress: bool = True) -> list[str]:
    """Check a site of contributed runs again, from its files alone; nothing is changed.

    Every file is held against the hash that it had when it was added, every run is checked as when it was added,
    and the index is made anew and compared.

    Args:
        site: the folder.
        progress: print a line for each run.

    Returns:
        What is wrong, a sentence each; none where nothing is.

    Raises:
        UserError: it is no site, or one of another layout.
    """
    from bench.storage.publish import find_site_faults

    check_arguments(check_site, locals())
    with handle_signals():
        return find_site_faults(read_path("site", site), ProgressConsole(quiet=not progress).say)


def _read_words(what: str, text: str, most: int) -> str:
    """The contributor's words on one line, with control characters written out.

    Raises:
        UserError: more letters than there may be.
    """
    words = clean_line(text).strip()
    if len(words) > most:
        raise UserError(f"{what} has {len(words)} letters, and at most {most} are kept: give a shorter one.")
    return words
