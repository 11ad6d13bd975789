"""Finds where our code departs from a method's paper: the `Deviation:` paragraphs of its file and of its imports.

In a file that methods share, `Deviation (swg, idql):` names those that it concerns; one without names concerns
every method that the file is imported for. The source is read without running it.
"""

import ast
import functools
import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import methods
from methods.core.method import Method, SlotMethod

MARK = re.compile(r"Deviation(?: \(([\w\-]+(?:, [\w\-]+)*)\))?:")
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


def find_deviations(cls: type[Method], name: str) -> tuple[Deviation, ...]:
    """Every departure that concerns the method, in the order in which its imports lead to the file.

    Args:
        cls: the method.
        name: as it is registered.
    """
    return tuple(
        Deviation(format_path(file), text, is_method(file))
        for file in find_files(cls)
        for concerned, text in find_paragraphs(file.read_text("utf-8"))
        if not concerned or name in concerned
    )


def is_method(file: Path) -> bool:
    """Whether a file is a method's: it lies in `methods/` itself, or is a plug-in."""
    return file.parent == ROOT / "methods" or not any(file.is_relative_to(ROOT / name) for name in PACKAGES)


def find_files(cls: type[Method]) -> list[Path]:
    """The method's file and what it imports of our packages, directly or not, in the order it is met.

    A method that is not of three slots samples with nothing of `FRAME` and what that imports, unless it imports it
    itself.
    """
    waiting, found = [Path(inspect.getfile(cls))], {}
    closed = () if issubclass(cls, SlotMethod) else FRAME
    while waiting:
        file = waiting.pop(0)
        if file not in found and file not in closed:
            found[file] = None
            waiting += find_imports(file)
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
                names += [methods.find_module(alias.name) for alias in node.names if alias.name != "*"]
        else:
            continue
        for name in names:
            folder = ROOT.joinpath(*name.split("."))
            if name.split(".")[0] in PACKAGES:
                yield from filter(Path.is_file, (folder.with_suffix(".py"), folder / "__init__.py"))


def find_paragraphs(source: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """The methods named by each `Deviation:` in docstrings and comments, and its text.

    A text ends at an empty line or at the end of its docstring or comment.
    """
    lines = source.splitlines()
    for number, line in enumerate(lines):
        mark = MARK.search(line)
        if mark is None:
            continue
        before, text = line[: mark.start()], line[mark.end() :]
        if before.strip(' "#') and "#" not in before:
            continue
        words, ended = [text.replace('"""', "")], '"""' in text
        for following in lines[number + 1 :]:
            comment = following.strip().startswith("#")
            rest = following.strip().lstrip("# ")
            if ended or not rest or MARK.search(rest) or comment != ("#" in before):
                break
            ended = '"""' in rest
            words.append(rest.replace('"""', ""))
        concerned = tuple(mark[1].split(", ")) if mark[1] else ()
        yield concerned, " ".join(word.strip() for word in words if word.strip())


def format_path(file: Path) -> str:
    """A file of our packages by its place in the repository, a plug-in by its name."""
    return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else file.name
