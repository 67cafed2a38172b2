import pytest
import torch

from oddspec.networks import dense
from oddspec.networks.dense import affine
from oddspec.networks.images import convolution


def random(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("shape", [(50, 40, 60), (1, 64, 33), (7, 3, 40), (7, 40, 3), (0, 40, 40)])
def test_outputs_and_gradients_are_those_in_double_precision(shape, fast, monkeypatch):
    monkeypatch.setattr(dense, "FAST", fast and dense.FAST)
    rows, inputs, outputs = shape
    single = [random(rows, inputs), random(outputs, inputs).T, random(outputs)]
    double = [values.double().requires_grad_() for values in single]
    for values in single:
        values.requires_grad_()
    gradient = random(rows, outputs)
    found, expected = affine(*single), double[0] @ double[1] + double[2]
    torch.testing.assert_close(found, expected.float(), rtol=1e-4, atol=1e-4)
    found.backward(gradient)
    expected.backward(gradient.double())
    for one, other in zip(single, double, strict=True):
        torch.testing.assert_close(one.grad, other.grad.float(), rtol=1e-4, atol=1e-4)
    plain = affine(single[0], single[1], None)
    torch.testing.assert_close(plain, found - single[2], rtol=1e-4, atol=1e-4)


def test_what_needs_no_gradient_gets_none():
    x, weight, bias = random(9, 40), random(40, 50).requires_grad_(), random(50)
    affine(x, weight, bias).sum().backward()
    assert x.grad is None
    assert bias.grad is None
    torch.testing.assert_close(weight.grad, x.sum(dim=0)[:, None].expand(40, 50))


def test_double_precision_stays():
    assert affine(random(9, 40).double(), random(40, 50).double(), None).dtype == torch.float64


def test_a_convolution_of_single_pixels_is_one():
    """Whichever way the image lies in memory."""
    layer = convolution(40, 50, 1)
    image = random(2, 40, 5, 4)
    expected = torch.nn.functional.conv2d(image, layer.weight, layer.bias)
    for lies in (torch.contiguous_format, torch.channels_last):
        found = layer(image.to(memory_format=lies))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        assert found.is_contiguous(memory_format=torch.channels_last)
