"""Finds where our code departs from a method's paper: the `Deviation:` paragraphs of its file and of its imports.

The source is read without running it.
"""

import ast
import functools
import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import methods
from methods.core.method import Method, SlotMethod

MARK = "Deviation:"
ROOT = Path(inspect.getfile(methods)).parent.parent
PACKAGES = ("methods", "critics", "training")
FRAME = tuple(ROOT / "methods" / file for file in ("core/method.py", "core/setup.py", "diffusion/guidance.py"))
"""Files that every method imports, and through them the backbone and the sampler of methods of three slots."""


@dataclass(frozen=True)
class Deviation:
    """One departure.

    Attributes:
        file: its place in the repository; of a plug-in its name.
        text: what departs and why, in one line.
        own: whether the file is a method's; else it is shared by all methods.
    """

    file: str
    text: str
    own: bool


def find_deviations(cls: type[Method]) -> tuple[Deviation, ...]:
    """Every departure, in the order in which the method's imports lead to its file."""
    return tuple(
        Deviation(format_path(file), text, is_method(file))
        for file in find_files(cls)
        for text in find_paragraphs(file.read_text("utf-8"))
    )


def is_method(file: Path) -> bool:
    """Whether a file is a method's: it lies in `methods/` itself, or is a plug-in."""
    return file.parent == ROOT / "methods" or not any(file.is_relative_to(ROOT / name) for name in PACKAGES)


def find_files(cls: type[Method]) -> list[Path]:
    """The method's file and what it imports of our packages, directly or not, in the order it is met.

    A method that is not of three slots samples with nothing of `FRAME`'s imports, unless it imports it itself.
    """
    waiting, found = [Path(inspect.getfile(cls))], {}
    closed = () if issubclass(cls, SlotMethod) else FRAME
    while waiting:
        file = waiting.pop(0)
        if file not in found:
            found[file] = None
            waiting += [] if file in closed else find_imports(file)
    return list(found)


def find_imports(file: Path) -> Iterable[Path]:
    """Files of our packages that a file names in its imports; one of `methods` is where the name stands."""
    is_ours = any(file.is_relative_to(ROOT / name) for name in PACKAGES)
    return _read_own_imports(file) if is_ours else _read_imports(file)


@functools.cache
def _read_own_imports(file: Path) -> tuple[Path, ...]:
    """Those of a file of ours, which does not change while the program runs."""
    return tuple(_read_imports(file))


def _read_imports(file: Path) -> Iterator[Path]:
    tree = ast.parse(file.read_text("utf-8"))
    only_types = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test)]
    unseen = {id(inner) for node in only_types for inner in ast.walk(node)}
    for node in (node for node in ast.walk(tree) if id(node) not in unseen):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            if node.module == "methods":
                names += [methods.find_module(alias.name) for alias in node.names]
        else:
            continue
        for name in names:
            folder = ROOT.joinpath(*name.split("."))
            if name.split(".")[0] in PACKAGES:
                yield from filter(Path.is_file, (folder.with_suffix(".py"), folder / "__init__.py"))


def find_paragraphs(source: str) -> Iterator[str]:
    """The texts after `Deviation:` in docstrings and comments, up to an empty line or the end of either."""
    lines = source.splitlines()
    for number, line in enumerate(lines):
        before, mark, text = line.partition(MARK)
        if not mark or (before.strip(' "#') and "#" not in before):
            continue
        words, ended = [text.replace('"""', "")], '"""' in text
        for following in lines[number + 1 :]:
            comment = following.strip().startswith("#")
            rest = following.strip().lstrip("# ")
            if ended or not rest or MARK in rest or comment != ("#" in before):
                break
            ended = '"""' in rest
            words.append(rest.replace('"""', ""))
        yield " ".join(word.strip() for word in words if word.strip())


def format_path(file: Path) -> str:
    """A file of our packages by its place in the repository, a plug-in by its name."""
    return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else file.name
