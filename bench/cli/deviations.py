"""Every departure from a paper that a method stands on: the `Deviation:` paragraphs of its file and its imports.

What is imported is read from the source, within `methods` and `critics`; nothing is run.
"""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import methods
from methods.core.method import Method

MARK = "Deviation:"
ROOT = Path(inspect.getfile(methods)).parent.parent
PACKAGES = ("methods", "critics", "training")


def deviations(cls: type[Method]) -> list[tuple[str, str]]:
    """(file, text of the paragraph) of every deviation, the method's own file first, each text as one line."""
    return [(shown(file), text) for file in files_of(cls) for text in paragraphs(file.read_text("utf-8"))]


def files_of(cls: type[Method]) -> list[Path]:
    """The method's file and what it imports of the two packages, directly or not, in the order it is met."""
    waiting, found = [Path(inspect.getfile(cls))], {}
    while waiting:
        file = waiting.pop(0)
        if file not in found:
            found[file] = None
            waiting += imported(file)
    return list(found)


def imported(file: Path) -> Iterator[Path]:
    """Files of the two packages that a file names in its imports."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            path = ROOT.joinpath(*name.split(".")).with_suffix(".py")
            if name.split(".")[0] in PACKAGES and path.is_file():
                yield path


def paragraphs(source: str) -> Iterator[str]:
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


def shown(file: Path) -> str:
    """A file of the two packages by its place in the repository, a plug-in by its name."""
    return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else file.name
