"""Settings that came after results had been written, and the values by which those without them were made.

And those that have another name now: CEP's critic was `cep.critic`, `shared` or `in-support`, with sizes and β of
CEP's own; it is the kind of the critic that all methods share.
"""

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
    LaterSetting("critic.value_layer_norm_epsilon", 1e-5, after="critic.value_layer_norm"),
    LaterSetting("critic.imported", None, after="critic.precision"),
    LaterSetting("critic.kind", "iql", after="critic.imported"),
    LaterSetting("critic.support_states", 1_000_000, after="critic.kind"),
    LaterSetting("critic.support_actions", 16, after="critic.support_states"),
    LaterSetting("critic.inverse_temperature", 1.0, after="critic.support_actions"),
    LaterSetting("critic.penalty", 5.0, after="critic.inverse_temperature"),
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

OF_CEP = {
    "critic.support_states": "cep.support_states",
    "critic.support_actions": "cep.support_actions",
    "critic.inverse_temperature": "cep.value_inverse_temperature",
}
"""What the shared critic of kind in-support has, to what CEP's in-support critic had it by."""


def move_settings(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings with those of CEP's critic under their names of today.

    Where `cep.support` is `data`, as on the toy sets, Q is known and the kind of the critic never mattered.
    """
    if "cep.critic" not in settings:
        return settings
    is_own = settings["cep.critic"] == "in-support" and settings.get("cep.support") != "data"
    moved: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in ("cep.critic", "cep.value_inverse_temperature"):
            moved[name] = value
        if name == "critic.precision" and is_own:
            moved |= {"critic.kind": "in-support", **{new: settings[old] for new, old in OF_CEP.items()}}
    return moved


def fill_settings(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings by dotted name as this version has them; those of another group than the given ones have none."""
    return _fill(move_settings(settings))


def _fill(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """With the settings that came later, each in its place."""
    for later in LATER_SETTINGS:
        if later.after in settings and later.name not in settings:
            filled: dict[str, Any] = {}
            for name, value in settings.items():
                filled |= {name: value, later.name: later.value} if name == later.after else {name: value}
            settings = filled
    return settings


Settings: TypeAlias = Annotated[Mapping[str, Any], AfterValidator(fill_settings)]
"""Settings by dotted name, as a file has them, with those that came later."""
