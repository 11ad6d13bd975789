"""Checks at the start that all packages come from one folder, since other packages may have their names."""

import importlib.util
import sys
from pathlib import Path

PACKAGES = ("bench", "methods", "critics", "training", "suites", "reports", "foundation")


def check_one_root() -> None:
    """Leave with exit code 2 if another package of the same name hides one of ours."""
    root = Path(__file__).resolve().parent.parent
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        folders = list(spec.submodule_search_locations or ()) if spec is not None else []
        place = Path(folders[0]).resolve().parent if folders else None
        if place != root:
            print(
                f"error: package {name!r} comes from {place} and bench from {root}; "
                "run from the project's folder or take the other package off the path.",
                file=sys.stderr,
            )
            sys.exit(2)
