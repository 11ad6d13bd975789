"""Text from files, made harmless for a terminal, a page or a table."""

import re

# Controls of terminals (C0 but tab and line feed, DEL, C1), line separators, marks of a line's direction.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean_text(text: str) -> str:
    r"""The text with control characters written out, such as `\x1b` for escape; tabs and line feeds stay."""
    if text.isprintable():  # which no control character is
        return text
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def clean_cell(value: object) -> object:
    """A value of a table that spreadsheets open: a text that they would take for a formula gets a `'` in front."""
    if not isinstance(value, str):
        return value
    text = clean_line(value)
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@")) else text


def clean_value(value: object) -> object:
    """A value for a file that programs read: a text on one line with control characters written out, or itself."""
    return clean_line(value) if isinstance(value, str) else value


def clean_line(text: str) -> str:
    """The same on one line: line feeds and tabs are spaces."""
    return text if text.isprintable() else clean_text(re.sub(r"[\t\n]+", " ", text))


def shorten_words(text: str, most: int = 1000) -> str:
    """The text with the midst of words left out that have more letters than `most`, as no name or path has."""
    return re.sub(rf"\S{{{most + 1},}}", lambda found: f"{found[0][: most // 2]}…{found[0][-most // 4 :]}", text)
