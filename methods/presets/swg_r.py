"""The settings of SWG with resampling: SWG's, and how SWG-JAX at e312c4f picks among candidates."""

from methods.presets.swg import PAPER
from methods.presets.swg import PRESETS as SWG
from methods.presets.value import Presets, Settings, Value

_draws: Settings = {
    "sampler.temperature": Value(1.0, f"{PAPER}; at the code's 0 all candidates are one"),
    "select": Value("critic", "SWG-JAX e312c4f: argmax of min target Q"),
}

PRESETS: Presets = {"paper": SWG["paper"], "official": {**SWG["official"], **_draws}}
