"""The settings of the unguided behaviour model: IDQL's, without what selects."""

from methods.presets.idql import PRESETS as IDQL
from methods.presets.value import Presets

PRESETS: Presets = {
    preset: {name: value for name, value in settings.items() if name.startswith(("denoiser.", "sampler."))}
    for preset, settings in IDQL.items()
}
