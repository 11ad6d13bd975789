r"""Tables in LaTeX: a `tabular` with booktabs' rules, in a file to be read with `\input`."""

import re

from foundation.text import clean_line
from reports.render.document import Table

_CHARACTERS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": "$<$", ">": "$>$", "|": r"\textbar{}",
    '"': "{''}", "`": r"\textasciigrave{}", "[": "{[}", "]": "{]}", "*": "{*}", "±": r"$\pm$", "−": "$-$",
    "–": "--", "—": "---", "×": r"$\times$", "·": r"$\cdot$", "²": "$^2$", "≤": r"$\leq$", "≥": r"$\geq$",
    "≈": r"$\approx$", "→": r"$\rightarrow$", "∞": r"$\infty$", "…": r"\ldots{}", "’": "'", "α": r"$\alpha$",
    "β": r"$\beta$", "δ": r"$\delta$", "ε": r"$\varepsilon$", "λ": r"$\lambda$", "μ": r"$\mu$", "ρ": r"$\rho$",
    "σ": r"$\sigma$", "τ": r"$\tau$", "χ": r"$\chi$",
}  # fmt: skip
_LETTERS = frozenset(c for c in map(chr, range(0xC0, 0x100)) if c.isalpha()) - set("ÐÞðþ")
"""Letters with accents, which LaTeX knows without a package and in every encoding of its fonts."""
_MARKS = re.compile(r"\*\*([^*]+)\*\*|`([^`]+)`")
_MINUS = re.compile(r"(?<![\w.])-(?=[\d.])")
_APART = "\x00"  # in no cleaned text: between hyphens that would become a dash
_HEADER = r"% \input this file in a document with \usepackage{booktabs}."


def escape_latex(text: str) -> str:
    r"""A text that LaTeX sets as it is, whatever is in it: no command, no mathematics, no ligature.

    A character that LaTeX has no letter for is set as its number, such as U+6BD4.
    """
    signed = _MINUS.sub("−", clean_line(text))
    return "".join(map(_escape_character, re.sub(r"-(?=-)", f"-{_APART}", signed))).replace(_APART, "{}")


def _escape_character(character: str) -> str:
    known = _CHARACTERS.get(character)
    if known is not None or character.isascii():
        return character if known is None else known
    return character if character in _LETTERS else rf"\texttt{{U+{ord(character):04X}}}"


def format_latex(table: Table) -> str:
    r"""The table as a `tabular`: words to the left, numbers to the right, `**bold**` and `code` set as such.

    Args:
        table: with cells as for Markdown.

    Returns:
        What a document with booktabs can `\input` as it is.
    """
    header, *rows = (" & ".join(map(_format_cell, row)) + r" \\" for row in (table.header, *table.rows))
    columns = "l" * table.words + "r" * (len(table.header) - table.words)
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", header, r"\midrule", *rows, r"\bottomrule"]
    return "\n".join([_HEADER, *lines, r"\end{tabular}"]) + "\n"


def _format_cell(text: str) -> str:
    parts, end = [], 0
    for found in _MARKS.finditer(text):
        bold, code = found.groups()
        inner = rf"\textbf{{{_format_cell(bold)}}}" if code is None else rf"\texttt{{{escape_latex(code)}}}"
        parts += [escape_latex(text[end : found.start()]), inner]
        end = found.end()
    return "".join([*parts, escape_latex(text[end:])])
