"""The settings of SWG with resampling: SWG's, since neither paper nor code has any for it."""

from methods.presets.swg import PRESETS as SWG
from methods.presets.value import Presets, Settings, Value

_draws: Settings = {"sampler.temperature": Value(1.0, "neither; at the code's 0 all candidates are one")}

PRESETS: Presets = {name: {**settings, **_draws} for name, settings in SWG.items()}
