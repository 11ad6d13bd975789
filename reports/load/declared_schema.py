"""What a result says of the values that a run takes where none is given, which a sweep is compared at."""

from typing import Any

from reports.load.base_schema import Schema


class DeclaredRho(Schema):
    """The guidance scale that a run takes where none is given, and where it comes from, as in `rho_source`."""

    rho: float
    source: str


class DeclaredSetting(Schema):
    """The value of a setting that a run takes where it is not given.

    Attributes:
        value: of any kind that settings have.
        source: `tuned`, `published` by the method's source, or `default`: of the preset, the suite and the task.
    """

    value: Any
    source: str
