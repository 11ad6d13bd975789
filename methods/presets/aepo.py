"""AEPO's settings: arXiv 2505.01822. No code of its authors was found, so `official` is the paper's too.

The paper leaves batch, learning rate, schedule, solver steps and reward transform open; they are CEP's, which it
builds on, and say so by their source. Of ε_θ its Table 4 has 7 blocks that are 256, 512 and 1,024 wide, and not
how they are joined; CEP's network has six of 128 to 512 and a last layer of 1,024, and stands for it here.
"""

from methods.presets.cep import BEHAVIOUR, CRITIC, GUIDANCE_NET
from methods.presets.cep import CODE as CEP
from methods.presets.value import Presets, Settings, Value, on_toy

PAPER = "arXiv 2505.01822"
OPEN = f"{PAPER} is silent"

_open: Settings = {
    name: Value(value.value, f"{OPEN}: {value.source}", value.where)
    for name, value in {**CRITIC, **BEHAVIOUR, **GUIDANCE_NET}.items()
}

_paper: Settings = {
    **_open,
    "denoiser.network": Value("u-shaped", f"{CEP}'s, for the 7 blocks of {PAPER}, Table 4", on_toy("mlp")),
    "denoiser.width": Value(256, f"{CEP}'s; {PAPER}, Table 4: 256, 512 and 1,024", on_toy(512)),
    "inverse_temperature": Value(3.0, f"{PAPER}, Table 4: one of 1 to 5, by task", on_toy(1.0)),
    "batch_size": Value(256, f"{OPEN}: CEP's", on_toy(2048)),
    "posterior": Value("noise", f"{PAPER}, eq. 22"),
    "expansion": Value("action", f"{PAPER}, eq. 46"),
    "offset": Value(1e-3, f"{PAPER}, Table 4"),
    "rho": Value(1.0, f"{PAPER}: ω from 0 to 3, by task"),
    "guidance.rescale": Value(True, f"{PAPER}, eq. 45"),
    "critic.kind": Value("iql", f"{PAPER}, eq. 27; Figure 1 compares three"),
    "critic.expectile": Value(0.7, f"{PAPER}, Figure 6; Table 4: one of 0.5 to 0.8"),
    "critic.layers": Value(3, f"{PAPER}, Table 4"),
    "critic.width": Value(256, f"{PAPER}, Table 4"),
    "guidance_net.width": Value(256, f"{PAPER}, Table 4", on_toy(512)),
    "guidance_net.layers": Value(3, f"{PAPER}, Table 4"),
}

PRESETS: Presets = {"paper": _paper, "official": _paper}
