"""What all schemas of files are made of: objects with exactly their fields, and those that end in a hash."""

from pydantic import BaseModel, ConfigDict, Field


class Schema(BaseModel):
    """A JSON object with exactly these fields, each of exactly its type."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, ser_json_inf_nan="constants",
        populate_by_name=True,
    )  # fmt: skip


class Sealed(Schema):
    """A file, or a line of one, whose last field is the hash of all text before it; see `reports.load.seals`.

    Attributes:
        sha256: as it is parsed; None in memory and in what older versions wrote.
    """

    sha256: str | None = Field(default=None, exclude=True)
