"""Where `dgbench` and `python -m bench` begin: checks of Python and its packages, then the command line.

This file and those that are imported before it (`bench/__init__.py`, `bench/__main__.py`) use the standard library
alone and no syntax newer than Python 3.8, so that a Python outside the environment reads as far as its remedy.
"""

import importlib.util
import os
import signal
import sys
from pathlib import Path

OLDEST = (3, 11)
PACKAGES = ("bench", "methods", "critics", "training", "suites", "reports", "foundation")
# The dependencies of pyproject.toml by the names that they are imported by.
REQUIRED = (
    "torch",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "gymnasium",
    "mujoco",
    "gymnasium_robotics",
    "minari",
    "h5py",
    "huggingface_hub",
    "optuna",
    "rliable",
    "arch",
    "matplotlib",
    "vl_convert",
    "safetensors",
    "rich",
    "tyro",
    "jaxtyping",
    "annotated_types",
    "pydantic",
)


STOPPED = "Stopped; what is finished is kept. Run the same command again to go on."


def main() -> None:
    """Run the command line; leave with exit code 2 where this Python cannot run it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave_at_once)
    root = Path(__file__).resolve().parent.parent
    check_python(root)
    check_one_root(root)
    check_required(root)
    # Only now: with a foreign or a missing package this import would fail before the checks could name it.
    from bench.cli.main import main as run_command_line

    run_command_line()


def leave_at_once(number: int, _: object) -> None:
    """What a signal does while the command line is imported, when there is nothing to be kept."""
    os.write(2, f"\n{STOPPED}\n".encode())
    os._exit(128 + number)


def check_python(root: Path) -> None:
    """Leave with exit code 2 if this Python is too old."""
    if sys.version_info < OLDEST:
        needed = ".".join(str(number) for number in OLDEST)
        fail(f"{describe_python()} is too old, {needed} or newer is needed: {suggest_environment(root)}.")


def check_one_root(root: Path) -> None:
    """Leave with exit code 2 if another package of the same name hides one of ours."""
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        folders = list(spec.submodule_search_locations or ()) if spec is not None else []
        place = Path(folders[0]).resolve().parent if folders else None
        if place != root:
            is_module = Path(sys.argv[0]).name == "__main__.py"
            dgbench = "run `dgbench`, which does not import from the working folder, or " if is_module else ""
            fail(
                f"package {name!r} comes from {place} and bench from {root}; {dgbench}"
                "run from the project's folder or take the other package off the path."
            )


def check_required(root: Path) -> None:
    """Leave with exit code 2 if packages that the project needs are not installed."""
    missing = [name for name in REQUIRED if importlib.util.find_spec(name) is None]
    if missing:
        names = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        plural = "s" if len(missing) > 1 else ""
        fail(f"{describe_python()} lacks the package{plural} {names}: {suggest_environment(root)}.")


def describe_python() -> str:
    """Version and path of this Python."""
    return f"Python {'.'.join(str(number) for number in sys.version_info[:3])} ({sys.executable})"


def suggest_environment(root: Path) -> str:
    """What to type to get an environment that has what is needed.

    Args:
        root: the folder of the packages: the project's, or site-packages where they are installed.
    """
    environment = root / ".venv"
    shown = Path(".venv") if Path.cwd() == root else environment
    if Path(sys.prefix).resolve() == environment.resolve():
        lock = shown.parent / "requirements.lock"
        return f"type `{shown}/bin/python -m pip install -r {lock}`, which completes this environment"
    if (environment / "bin" / "python").exists():
        return f"type `source {shown}/bin/activate`, or use {shown}/bin/python"
    if (root / "Makefile").is_file():
        folder = "" if Path.cwd() == root else f" -C {root}"
        python = "" if sys.version_info >= OLDEST else " PYTHON=python3.12"
        return f"type `make{folder}{python} .venv`, which makes an environment, then use {shown}/bin/python"
    return "in the project's folder, type `python3 -m pip install .` with the Python of your environment"


def fail(sentence: str) -> None:
    """Print one sentence and leave with exit code 2."""
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(2)
