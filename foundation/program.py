"""The name that the command line was called by, for the help and for messages that say what to type."""

import sys
from pathlib import Path


def program_name() -> str:
    """`dgbench` where that command runs, in its worker processes too; else `python -m bench`."""
    return "dgbench" if Path("".join(sys.argv[:1])).stem == "dgbench" else "python -m bench"
