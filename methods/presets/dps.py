"""The settings of the DPS baseline: CEP's, in whose paper and code it stands."""

from methods.presets.cep import BEHAVIOUR, CRITIC, ENERGY
from methods.presets.value import Presets, Settings

_code: Settings = {**ENERGY, **CRITIC, **BEHAVIOUR}

PRESETS: Presets = {"paper": _code, "official": _code}
