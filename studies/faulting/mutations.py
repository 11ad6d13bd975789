"""Strategies of Hypothesis: files and command lines that are almost as they should be."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from .damages import list_leaves
from .edits import Raw, dump

NUMBERS = st.one_of(
    st.integers(-2, 3),
    st.integers(),
    st.sampled_from([2**31, 2**63 - 1, 2**63, 2**64, 10**30, -(2**63)]),
    st.floats(),
)
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["", "..", "../x", "/", "a\0b", "\x1b[2J", "=1+1", "nan", "1", "done", "seed-0.json", "x" * 300]
    ),
)
RAWS = st.sampled_from([Raw("NaN"), Raw("-Infinity"), Raw("1e999"), Raw("9" * 5000), Raw("[" * 300 + "]" * 300)])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, RAWS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
TOKENS = (
    b"",
    b"\0",
    b"\n",
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"-1",
    b"1e999",
    b"\xff\xfe",
    b"NaN",
)


@st.composite
def mutate_bytes(draw: st.DrawFn, contents: Sequence[bytes]) -> bytes:
    """One to four changes of bytes: flipped, put in, taken out, doubled, cut."""
    content = bytearray(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        length = draw(st.integers(1, 64))
        match draw(st.integers(0, 5)):
            case 0 if content:
                content[at] ^= 1 << draw(st.integers(0, 7))
            case 1:
                content[at:at] = draw(st.one_of(st.sampled_from(TOKENS), st.binary(max_size=8)))
            case 2:
                del content[at : at + length]
            case 3:
                content[at:at] = content[at : at + length]
            case 4:
                del content[at:]
            case _:
                content[at : at + length] = draw(st.sampled_from(TOKENS))
    return bytes(content)


@st.composite
def mutate_json(draw: st.DrawFn, contents: Sequence[bytes]) -> bytes:
    """One to three values of a JSON value replaced, taken out, or with others beside them."""
    value = json.loads(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(1, 3))):
        value = _change(draw, value)
    return dump(value).encode(errors="surrogatepass")


def _change(draw: st.DrawFn, value: Any) -> Any:
    leaves = list(list_leaves(value))
    if not leaves:
        return draw(VALUES)
    path = draw(st.sampled_from(leaves))
    path = path[: draw(st.integers(0, len(path)))] if draw(st.integers(0, 3)) == 0 else path
    if not path:
        return draw(VALUES)
    holder = value
    for step in path[:-1]:
        holder = holder[step]
    match draw(st.integers(0, 3)):
        case 0 if isinstance(holder, dict):
            del holder[path[-1]]
        case 1 if isinstance(holder, dict):
            holder[draw(TEXTS)] = draw(VALUES)
        case _:
            holder[path[-1]] = draw(VALUES)
    return value


@st.composite
def mutate_lines(draw: st.DrawFn, contents: Sequence[bytes]) -> bytes:
    """A line of a file changed, doubled, taken out or put elsewhere."""
    lines = draw(st.sampled_from(contents)).splitlines()
    at = draw(st.integers(0, len(lines) - 1))
    match draw(st.integers(0, 4)):
        case 0:
            lines.insert(draw(st.integers(0, len(lines))), lines[at])
        case 1:
            del lines[at]
        case 2:
            lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(at))
        case _:
            lines[at] = draw(mutate_json([lines[at]]))
    return b"".join(line + b"\n" for line in lines)


def mutate(contents: Sequence[bytes], suffix: str) -> st.SearchStrategy[bytes]:
    """Changed contents of a kind of file."""
    of_bytes = mutate_bytes(contents)
    if suffix in (".jsonl", ".log"):
        return st.one_of(of_bytes, mutate_lines(contents))
    if suffix == ".json":
        return st.one_of(
            of_bytes,
            mutate_json(contents),
            st.builds(lambda value: dump(value).encode(errors="surrogatepass"), VALUES),
        )
    return of_bytes
