"""The error for a report that cannot be made."""

from foundation.errors import UserError


class ReportError(UserError):
    """A report cannot be made; the message is one sentence with the value, the choices and the remedy."""


class NoScores(ReportError):
    """Every result that is there has failed, or none is there; more of a run may bring some."""
