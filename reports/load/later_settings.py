"""Settings that came after results had been written, and the values by which those without them were made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator


@dataclass(frozen=True)
class LaterSetting:
    """A setting that files of earlier versions lack; its field is `foundation.keys.UNLESS_DEFAULT`.

    Attributes:
        name: dotted.
        value: its default, which is what they were made by.
        after: the setting before it in its group, which they have.
    """

    name: str
    value: Any
    after: str


LATER_SETTINGS = (
    LaterSetting("data.return_range", 1000.0, after="data.seed"),
    LaterSetting("critic.imported", None, after="critic.precision"),
    LaterSetting("denoiser.first_level", 1, after="denoiser.initial"),
    LaterSetting("denoiser.layer_norm_epsilon", 1e-5, after="denoiser.first_level"),
    LaterSetting("denoiser.imported", None, after="denoiser.precision"),
    LaterSetting("sampler.precision", "fp32", after="sampler.clip"),
    LaterSetting("guidance.clip", None, after="guidance.rescale"),
    LaterSetting("guidance.normalise", False, after="guidance.clip"),
    LaterSetting("guidance.schedule", "constant", after="guidance.normalise"),
    LaterSetting("guidance.stop_gradient", False, after="guidance.schedule"),
    LaterSetting("swg.weigh_by", "target", after="swg.weight_head"),
    LaterSetting("swg-r.weigh_by", "target", after="swg-r.weight_head"),
    LaterSetting("swg-r.select", "best", after="swg-r.candidates"),
)


def fill_settings(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings by dotted name with those that came later, each in its place; those of another group have none."""
    for later in LATER_SETTINGS:
        if later.after in settings and later.name not in settings:
            filled: dict[str, Any] = {}
            for name, value in settings.items():
                filled |= {name: value, later.name: later.value} if name == later.after else {name: value}
            settings = filled
    return settings


Settings: TypeAlias = Annotated[Mapping[str, Any], AfterValidator(fill_settings)]
"""Settings by dotted name, as a file has them, with those that came later."""
