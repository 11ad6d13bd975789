"""The settings of SWG with resampling: SWG's, since neither paper nor code has any for it."""

from methods.presets.swg import PAPER
from methods.presets.swg import PRESETS as SWG
from methods.presets.value import Presets, Settings, Value

_draws: Settings = {"sampler.temperature": Value(1.0, f"{PAPER}; at the code's 0 all candidates are one")}

PRESETS: Presets = {"paper": SWG["paper"], "official": {**SWG["official"], **_draws}}
