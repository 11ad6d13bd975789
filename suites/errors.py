"""The error for data that cannot be used, and the shortening of a library's own message within it."""

from foundation.errors import UserError


class DataError(UserError):
    """Data are missing, malformed or from a source that the task does not declare."""


class SuiteError(UserError):
    """A suite or a task of it is declared in a way that cannot work."""


def shorten(error: BaseException) -> str:
    """An exception's text, on one line and of at most 160 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else f"{text[:157]}..."
