"""Writes a setting's value."""

from typing import Any


def format_value(value: Any) -> str:
    """A value as a reader writes it."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:g}"
    return str(value)
