"""Affine maps by oneDNN against double precision, rounded ones against torch's bf16, and when each is chosen."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from training import products
from training.products import apply_affine, goes_to_onednn, multiply, multiply_and_add, read_vendor

ROWS, INPUTS, OUTPUTS = 130, 128, 160


@pytest.fixture
def _on_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a processor that has AVX-512 and is not Intel's."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this torch has no oneDNN")
    monkeypatch.setattr(products, "prefers_onednn", lambda: True)


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def make_arguments(networks: int) -> tuple[Tensor, Tensor, Tensor]:
    return draw(networks, ROWS, INPUTS), draw(networks, INPUTS, OUTPUTS), draw(networks, 1, OUTPUTS)


def assert_near(found: Tensor, exact: Tensor) -> None:
    """To single precision, where numbers are sums of a hundred terms of order one."""
    assert found.dtype == torch.float32
    assert (found.double() - exact).abs().max() < 1e-6 * exact.abs().max()


@pytest.mark.usefixtures("_on_onednn")
@pytest.mark.parametrize("networks", [1, 3])
def test_an_affine_map_is_that_of_double_precision(networks: int):
    x, weight, bias = make_arguments(networks)
    assert goes_to_onednn(x, weight)
    assert_near(apply_affine(x, weight, bias), x.double() @ weight.double() + bias.double())


@pytest.mark.usefixtures("_on_onednn")
def test_its_gradients_and_their_gradients_are_those_of_double_precision():
    """Of sum(y^2 c), and of the gradients' squares: a penalty on a gradient can be trained."""
    given = make_arguments(2)

    def differentiate(dtype: torch.dtype) -> list[Tensor]:
        leaves = [each.to(dtype).requires_grad_() for each in given]
        with torch.enable_grad():
            first = torch.autograd.grad(apply_affine(*leaves).pow(2).sum(), leaves, create_graph=True)
            penalty = torch.stack([each.pow(2).mean() for each in first]).sum()
        return [*first, *torch.autograd.grad(penalty, leaves)]

    for found, exact in zip(differentiate(torch.float32), differentiate(torch.float64), strict=True):
        assert_near(found.detach(), exact.detach())


@pytest.mark.usefixtures("_on_onednn")
def test_a_network_alone_has_the_same_digits_as_beside_others():
    x, weight, bias = make_arguments(3)
    together = apply_affine(x, weight, bias)
    for place in range(3):
        alone = apply_affine(*(each[place : place + 1] for each in (x, weight, bias)))
        assert torch.equal(alone[0], together[place])


@pytest.mark.usefixtures("_on_onednn")
def test_products_without_gradients_are_those_of_double_precision():
    x, weight, bias = (each[0] for each in make_arguments(1))
    exact = x.double() @ weight.double()
    assert_near(multiply(x, weight), exact)
    assert_near(multiply(x, weight.t().contiguous().t()), exact)
    assert_near(multiply_and_add(bias[0], x, weight), exact + bias.double())
    rows = draw(ROWS, OUTPUTS)
    before = rows.clone()
    assert_near(multiply_and_add(rows, x, weight), exact + rows.double())
    assert torch.equal(rows, before)


@pytest.mark.usefixtures("_on_onednn")
def test_small_and_narrow_products_other_precisions_and_autocast_are_left_to_torch():
    x, weight = draw(1, ROWS, INPUTS), draw(1, INPUTS, OUTPUTS)
    assert not goes_to_onednn(x[:, :8], weight)
    assert not goes_to_onednn(draw(1, 4096, 31), draw(1, 31, 256))
    assert not goes_to_onednn(draw(1, 4096, 256), draw(1, 256, 6))
    assert not goes_to_onednn(draw(1, 1, 2048), draw(1, 2048, 1024))
    assert not goes_to_onednn(x.double(), weight.double())
    with torch.autocast("cpu", torch.bfloat16):
        assert not goes_to_onednn(x, weight)


def test_rounded_products_are_torchs_in_bf16_and_so_are_their_gradients(monkeypatch: pytest.MonkeyPatch):
    """To one rounding, 2^-8: sums are rounded once, in whatever order they are taken."""
    leaves = [each.requires_grad_() for each in make_arguments(2)]

    def differentiate(is_native: bool) -> list[Tensor]:
        monkeypatch.setattr(products, "has_bf16_products", lambda: is_native)
        with torch.enable_grad(), torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
            y = apply_affine(*leaves)
            assert y.dtype == torch.bfloat16
            return [y.detach(), *torch.autograd.grad(y.float().pow(2).mean(), leaves)]

    native, rounded = differentiate(True), differentiate(False)
    for found, exact in zip(rounded, native, strict=True):
        assert found.dtype == exact.dtype
        assert (found - exact).norm() < 2**-8 * exact.norm()
        assert (found - exact).abs().max() < 2**-6 * exact.abs().max()


def multiply_exactly(*factors: Tensor) -> tuple[Tensor, Tensor]:
    """x W in double precision, and the sum of the terms' sizes, by which rounding is bounded."""
    x, weight = (each.double() for each in factors)
    return x @ weight, x.abs() @ weight.abs()


@pytest.mark.parametrize("is_native", [True, False])
def test_products_with_weights_in_bf16_are_off_by_their_roundings(
    monkeypatch: pytest.MonkeyPatch, is_native: bool
):
    """|y - exact| ≤ u |exact| + (1 + u) ((2u + u²) Σ|x||W| + u |b|), u = 2^-8 of 8 bits; sums are nearly exact."""
    monkeypatch.setattr(products, "has_bf16_products", lambda: is_native)
    x, weight, bias = (each[0] for each in make_arguments(1))
    exact, size = multiply_exactly(x, weight)
    u, slack = 2**-8, 1e-5
    rounded = weight.bfloat16()
    inner = (2 * u + u**2) * size
    found = multiply(x, rounded)
    transposed = multiply(x, weight.t().contiguous().bfloat16().t())
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, transposed)
    off = (found.double() - exact).abs()
    assert (off <= u * exact.abs() + (1 + u) * inner + slack).all()
    assert off.max() > 2**-10 * exact.abs().max(), "something was rounded"
    of_all = multiply_and_add(bias[0].bfloat16(), x, rounded)
    target = exact + bias.double()
    assert of_all.dtype == torch.bfloat16
    bound = u * target.abs() + (1 + u) * (inner + u * bias.double().abs()) + slack
    assert ((of_all.double() - target).abs() <= bound).all()
    rows = draw(ROWS, OUTPUTS)
    of_each = multiply_and_add(rows, x, rounded)
    assert of_each.dtype == torch.float32
    assert torch.equal(of_each, rows + found.float()), "the sum is in single precision"


def test_the_vendor_is_read_from_the_system(tmp_path: Path):
    file = tmp_path / "cpuinfo"
    assert read_vendor(file) == "GenuineIntel"
    file.write_text("processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\n")
    assert read_vendor(file) == "AuthenticAMD"
