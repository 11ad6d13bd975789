"""What is wrong with data is answered in one sentence that names the remedy."""

from foundation.errors import UserError


class DataError(UserError):
    """Data are missing, malformed or from a source that the task does not declare."""
