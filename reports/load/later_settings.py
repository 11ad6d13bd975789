"""Settings that came after results had been written, and the values by which those without them were made."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator

LATER_SETTINGS: Mapping[str, Any] = {
    "data.return_range": 1000.0,
    "denoiser.first_level": 1,
    "denoiser.layer_norm_epsilon": 1e-5,
    "sampler.precision": "fp32",
    "guidance.clip": None,
    "guidance.normalise": False,
    "guidance.schedule": "constant",
    "guidance.stop_gradient": False,
    "swg.weigh_by": "target",
    "swg-r.weigh_by": "target",
}
"""By dotted name; their fields are `foundation.keys.UNLESS_DEFAULT`, and the values are the defaults."""


def fill_settings(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings with those that came later, each behind the others of its group.

    Args:
        settings: by dotted name; where a group is missing, its later settings are not added.
    """
    for name, value in LATER_SETTINGS.items():
        group = f"{name.rpartition('.')[0]}."
        places = [place for place, other in enumerate(settings) if other.startswith(group)]
        if places and name not in settings:
            every = list(settings.items())
            settings = dict([*every[: places[-1] + 1], (name, value), *every[places[-1] + 1 :]])
    return settings


Settings: TypeAlias = Annotated[Mapping[str, Any], AfterValidator(fill_settings)]
"""Settings by dotted name, as a file has them, with those that came later."""
