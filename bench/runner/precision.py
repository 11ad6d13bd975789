"""Whether bfloat16 is worth asking for on the processor at hand."""

from collections.abc import Iterable

import torch

from bench.config.spec import Config
from training import Component, Trained
from training.products import lacks_bf16_products


def explain_slow_bf16(
    components: Iterable[Component], configs: Iterable[Config], device: torch.device
) -> str | None:
    """A line of a plan that asks for products in bf16 where they are slower than in fp32; else None.

    Args:
        components: still to be made.
        configs: the settings by which policies are to act.
        device: what computes.
    """
    trains = any(isinstance(each, Trained) and each.precision == "bf16" for each in components)
    if not lacks_bf16_products(device) or not (trains or any(c.sampler.precision == "bf16" for c in configs)):
        return None
    return "  bf16: not in this processor, which rounds and multiplies in fp32; fp32 is faster here"
