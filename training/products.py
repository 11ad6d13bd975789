"""Affine maps, by the one of torch's libraries that is fast on this processor.

torch multiplies with MKL, which uses AVX-512 on Intel's processors alone. On others that have it, oneDNN, which
torch contains too, is up to 2.3 times as fast (docs/studies/speed.md). Processor and sizes decide, so that a
machine gives the same digits every time. Where oneDNN has no products in bfloat16, torch's own take some sixty
times as long as those in single precision; there rounded numbers are multiplied in single precision and the
product is rounded, which differs in the order of the sum alone. All else is left to torch.
"""

from functools import cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx

NARROW = 32  # fewer inputs or outputs: oneDNN is seldom faster
SMALL = 1_500_000  # fewer multiplications: its call costs more than it gains


@cache
def prefers_onednn() -> bool:
    """Whether the processor has AVX-512, is not Intel's, and torch has both libraries."""
    backends, operator = torch.backends, getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    has_both = backends.mkl.is_available() and backends.mkldnn.is_available() and operator is not None
    return has_both and backends.cpu.get_cpu_capability() == "AVX512" and read_vendor() != "GenuineIntel"


def read_vendor(file: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's vendor; "GenuineIntel" where the system does not say."""
    lines = file.read_text().splitlines() if file.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("vendor_id")), "GenuineIntel")


@cache
def has_bf16_products() -> bool:
    """Whether oneDNN multiplies in bfloat16 on this processor."""
    operator = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return torch.backends.mkldnn.is_available() and operator is not None and bool(operator())


def lacks_bf16_products(device: torch.device) -> bool:
    """Whether products in bfloat16 are computed in single precision there, of rounded numbers."""
    return device.type == "cpu" and not has_bf16_products()


def rounds_here(x: Tensor) -> bool:
    """Whether a product under autocast in bfloat16 is computed in single precision, of rounded numbers."""
    is_asked = x.device.type == "cpu" and torch.is_autocast_enabled("cpu")
    return is_asked and torch.get_autocast_dtype("cpu") == torch.bfloat16 and lacks_bf16_products(x.device)


def goes_to_onednn(x: Tensor, weight: Tensor) -> bool:
    """Whether the product of the last two axes is oneDNN's."""
    rows, inputs, outputs = *x.shape[-2:], weight.shape[-1]
    return (
        rows > 1  # a product of one row reads the weight once, and oneDNN copies it first
        and rows * inputs * outputs >= SMALL
        and min(inputs, outputs) >= NARROW
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and prefers_onednn()
        and not torch.is_autocast_enabled("cpu")
    )


def apply_affine(
    x: Float[Tensor, "network batch inputs"],
    weight: Float[Tensor, "network inputs outputs"],
    bias: Float[Tensor, "network 1 outputs"],
) -> Float[Tensor, "network batch outputs"]:
    """x W + b of every network."""
    if rounds_here(x):
        with torch.autocast("cpu", enabled=False):
            rounded = (each.bfloat16().float() for each in (bias, x, weight))
            return torch.baddbmm(*rounded).bfloat16()
    if goes_to_onednn(x, weight):
        return Affine.apply(x, weight, bias)  # pyright: ignore[reportReturnType]
    return torch.baddbmm(bias, x, weight)


def multiply(
    x: Float[Tensor, "row inputs"], weight: Float[Tensor, "inputs outputs"]
) -> Float[Tensor, "row outputs"]:
    """x W, without a gradient; W may be a transposed view. Where W is in bfloat16, x is rounded and so is x W."""
    if weight.dtype == torch.bfloat16:
        return _multiply_rounded(x, weight, None)
    return _multiply_rows(x, weight, None) if goes_to_onednn(x, weight) else x.mm(weight)


def multiply_and_add(
    bias: Float[Tensor, "*row outputs"],
    x: Float[Tensor, "row inputs"],
    weight: Float[Tensor, "inputs outputs"],
) -> Float[Tensor, "row outputs"]:
    """x W + b, without a gradient; b may be of every row.

    Where W is in bfloat16, x is rounded. A b that all rows share is in bfloat16 too, and so is the result; to a b
    of every row the rounded x W is added in the precision of b.
    """
    if weight.dtype == torch.bfloat16:
        return _multiply_rounded(x, weight, bias) if bias.dim() == 1 else bias + _multiply_rounded(x, weight, None)
    if not goes_to_onednn(x, weight):
        return torch.addmm(bias, x, weight)
    if bias.dim() == 1:
        return _multiply_rows(x, weight, bias)
    return _multiply_rows(x, weight, None).add_(bias)


class Affine(torch.autograd.Function):
    """x W + b by oneDNN, network by network; its gradients are such products, and have gradients themselves."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        biases = [None] * len(x) if bias is None else bias[:, 0].unbind()
        found = [_multiply_rows(*each) for each in zip(x.unbind(), weight.unbind(), biases, strict=True)]
        return found[0][None] if len(found) == 1 else torch.stack(found)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (x, weight) = grad_outputs, ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            _multiply_networks(gradient, weight.transpose(-2, -1)) if of_x else None,
            _multiply_networks(x.transpose(-2, -1), gradient) if of_weight else None,
            gradient.sum(-2, keepdim=True) if of_bias else None,
        )


def _multiply_rounded(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    x = x.bfloat16()
    if lacks_bf16_products(x.device):
        wide = x.float(), weight.float()
        return (multiply(*wide) if bias is None else multiply_and_add(bias.float(), *wide)).bfloat16()
    return x.mm(weight) if bias is None else torch.addmm(bias, x, weight)


def _multiply_networks(x: Tensor, y: Tensor) -> Tensor:
    return Affine.apply(x, y, None) if goes_to_onednn(x, y) else x.bmm(y)  # pyright: ignore[reportReturnType]


def _multiply_rows(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight.t(), bias, "none", [], "")
