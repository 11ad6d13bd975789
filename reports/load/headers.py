"""What is read of a result file before it is known whether it is asked for; its other fields stay unchecked."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from reports.load.fields import Label, Name, Whole
from reports.load.schema import Data


class SourceHeader(BaseModel):
    """What tells which suite and data a result is of."""

    model_config = ConfigDict(strict=True)

    suite: Name
    data: Data


class ReferenceHeader(BaseModel):
    """What tells which components, of which seed, and which data set a result stands on."""

    model_config = ConfigDict(strict=True)

    seed: Whole
    components: Mapping[str, Label]
    data: Data


class ResultHeader(BaseModel):
    """What tells whether a result is asked for."""

    model_config = ConfigDict(strict=True)

    task: Name
    method: Name
    status: Any = None
