"""Settings that were a method's and are now shared: the old names are refused with the new one."""

from collections.abc import Mapping

from foundation.errors import UserError

MOVED: Mapping[str, str] = {
    "cep.critic": "critic.kind",
    "cep.value_inverse_temperature": "critic.inverse_temperature",
}
"""Old names to new ones, both dotted."""


def refuse_moved(name: str) -> None:
    """Refuse the old name of a setting, with `_` or `-` in it.

    Raises:
        UserError: it names the new one.
    """
    new = MOVED.get(name.replace("-", "_"))
    if new is not None:
        flag = new.replace("_", "-")
        kind = " in-support" if new == "critic.kind" else ""
        raise UserError(
            f"{name} is no setting any more: all methods of a comparison share one critic, so set "
            f"--{flag}{kind} in its place."
        )
