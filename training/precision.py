"""Matrix products in bfloat16: those of training, and those of sampling, each by a setting of its own.

bfloat16 has the range of float32 and 8 bits of precision, so no loss has to be scaled. In training PyTorch's
autocast rounds what enters a product; weights, optimisers, averages and losses stay in single precision. Networks
that are prepared for sampling hold weights that are rounded once. What a perceptron or a noise network gives is
single precision again.
"""

from typing import Literal, TypeAlias

import torch
from torch import Tensor

Precision: TypeAlias = Literal["fp32", "bf16"]


def round_products(precision: Precision, device: torch.device) -> torch.autocast:
    """A context in which matrix products are computed in that precision.

    Without autocast's cache: a weight that is first used without gradients would have none afterwards.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16", cache_enabled=False)


def narrow(x: Tensor, precision: Precision) -> Tensor:
    """A tensor as a product of that precision takes it: in bfloat16, or as it is."""
    return x.bfloat16() if precision == "bf16" else x


def widen(x: Tensor) -> Tensor:
    """A bfloat16 tensor in single precision, any other as it is."""
    return x.float() if x.dtype == torch.bfloat16 else x
