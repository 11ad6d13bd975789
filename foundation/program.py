"""The command line: the name that it was called by, for messages that say what to type, and its error stream."""

import sys
from pathlib import Path

from foundation.text import clean_text


def program_name() -> str:
    """`dgbench` where that command runs, in its worker processes too; else `python -m bench`."""
    return "dgbench" if Path("".join(sys.argv[:1])).stem == "dgbench" else "python -m bench"


def say_aside(sentence: str) -> None:
    """Print a sentence on the error stream: of what happens while something else is done."""
    print(clean_text(sentence), file=sys.stderr, flush=True)
