"""The settings of the MSE baseline: CEP's, in whose paper and code it stands."""

from methods.presets.cep import BEHAVIOUR, BOTH, CRITIC, ENERGY, GUIDANCE_NET
from methods.presets.value import Presets, Settings, Value, on_toy

_code: Settings = {**ENERGY, "batch_size": Value(256, BOTH, on_toy(2048)), **CRITIC, **BEHAVIOUR, **GUIDANCE_NET}

PRESETS: Presets = {"paper": _code, "official": _code}
