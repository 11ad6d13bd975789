"""The error for a report that cannot be made."""

from foundation.errors import UserError


class ReportError(UserError):
    """A report cannot be made; the message is one sentence with the value, the choices and the remedy."""


class MissingResults(ReportError):
    """Results are missing that a plan or a table needs: which, and what to do."""

    def __init__(self, lacking: str, remedy: str):
        super().__init__(lacking, remedy)
        self.lacking, self.remedy = lacking, remedy

    def __str__(self) -> str:
        return f"{self.lacking}; {self.remedy}"


class NoScores(ReportError):
    """Every result that is there has failed, or none is there; more of a run may bring some."""
