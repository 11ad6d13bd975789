"""The error for a report that cannot be made."""

from foundation.errors import UserError


class ReportError(UserError):
    """A report cannot be made; the message is one sentence with the value, the choices and the remedy."""
