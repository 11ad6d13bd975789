"""bfloat16 a second time, in double precision: what enters a product and what leaves it is rounded to 8 bits.

The functions of `torch.frexp` and exact products, of networks as they are trained; the code under test rounds by
torch's bfloat16, and sums in single precision.
"""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from methods.core.guidance_net import GuidanceNet
from methods.diffusion.denoiser import NetworkDenoiser

PRODUCTS = "training.networks.apply_affine"


def round_to_8_bits(x: Tensor) -> Tensor:
    """The nearest number of 8 significant bits, of two the even one."""
    mantissa, exponent = torch.frexp(x)
    return torch.ldexp((mantissa * 2**8).round() / 2**8, exponent)


class RoundedAffine(torch.autograd.Function):
    """x W + b of rounded numbers, rounded, and its gradient in x alike."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        x, weight, bias = map(round_to_8_bits, (x, weight, bias))
        ctx.save_for_backward(weight)
        return round_to_8_bits(torch.baddbmm(bias, x, weight))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        return round_to_8_bits(round_to_8_bits(grad_outputs[0]) @ weight.mT), None, None


class RoundedModel:
    """A module whose products are rounded while it is called."""

    def __init__(self, module: Any):
        self.module, self.schedule = module, module.schedule

    def __call__(self, *given: Any) -> Tensor:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(PRODUCTS, RoundedAffine.apply)
            return self.module(*given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)


def make_double(models: dict[str, Any]) -> dict[str, Any]:
    """Copies in double precision."""
    return {
        name: copy.deepcopy(model).double() if isinstance(model, nn.Module) else model
        for name, model in models.items()
    }


def make_rounded(models: dict[str, Any]) -> dict[str, Any]:
    """Copies in double precision, of which the products of denoisers and guidance networks are rounded."""
    doubled = make_double(models)
    is_rounded = {name: isinstance(model, NetworkDenoiser | GuidanceNet) for name, model in doubled.items()}
    return {name: RoundedModel(model) if is_rounded[name] else model for name, model in doubled.items()}


def measure(found: Tensor, exact: Tensor) -> float:
    """Distance of a row, in the median: some gradients jump, at ReLU's kink and where a weight is clipped."""
    return float(torch.linalg.vector_norm(found.double() - exact, dim=-1).median())
