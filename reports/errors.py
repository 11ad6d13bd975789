"""The one exception of this package: something about the results or the request a user can put right."""


class ReportError(ValueError):
    """A report cannot be made; the message is one sentence with the value, the choices and the remedy."""
