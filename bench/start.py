"""The five packages have common names, so at the start they are checked to come from one place."""

import importlib.util
import sys
from pathlib import Path

PACKAGES = ("bench", "methods", "critics", "suites", "reports")


def check_one_root() -> None:
    """Leave with exit code 2 if another package of the same name hides one of ours."""
    root = Path(__file__).resolve().parent.parent
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        place = Path(spec.origin).resolve().parent.parent if spec is not None and spec.origin else None
        if place != root:
            print(
                f"error: package {name!r} comes from {place} and bench from {root}; "
                "run from the project's folder or take the other package off the path.",
                file=sys.stderr,
            )
            sys.exit(2)
