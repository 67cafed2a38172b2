import numpy as np
import pytest
import torch

from oddspec.detectors.learned.bsdm.denoiser import BLOCKS, draw_denoiser, time_features
from oddspec.networks.dense import Network


@pytest.fixture
def network():
    return draw_denoiser(7, 500, torch.Generator().manual_seed(3))


def layer(network, x, number=0):
    return x @ network.weights[number].detach() + network.biases[number].detach()


def test_it_is_what_its_description_says(network):
    """The blocks written out, with the statistics as 2 b inputs and PyTorch's own pieces."""
    x = torch.randn((5, 7), generator=torch.Generator().manual_seed(4))
    norm = torch.nn.functional.layer_norm
    mean, deviation = x.mean(dim=1, keepdim=True), x.std(dim=1, keepdim=True, correction=0)
    both = torch.cat([mean.expand(5, 7), deviation.expand(5, 7)], dim=1)
    h = layer(network.first, x)
    h = h + layer(network.statistics, torch.tanh(layer(network.statistics, both)), 1)
    t = layer(network.clock, torch.from_numpy(time_features(500)))
    t = layer(network.clock, torch.tanh(t), 1)
    for block in network.blocks:
        deep = torch.tanh(norm(h, h.shape[1:]))
        deep = layer(block.inner, torch.tanh(layer(block.inner, deep)), 1)
        deep = deep + layer(block.time, torch.tanh(t))
        deep = layer(block.last, torch.tanh(norm(deep, deep.shape[1:])))
        h = deep + (h if block.skip is None else layer(block.skip, h))
    expected = layer(network.last, torch.tanh(h))
    np.testing.assert_allclose(network(x).detach(), expected, rtol=1e-4, atol=1e-5)


def test_arrays_and_tensors_agree(network):
    x = np.random.default_rng(0).normal(size=(6, 7)).astype(np.float32)
    found = network.frozen()(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, network(torch.from_numpy(x)).detach(), rtol=1e-4, atol=1e-5)


def test_everything_is_trained(network):
    count = sum(p.numel() for p in network.parameters)
    widths = [(7, 128), (14, 512), (512, 128), (128, 512), (512, 512), (128, 7)]
    for i, hidden, o in BLOCKS:
        widths += [(i, hidden), (hidden, o), (512, o), (o, o)] + [(i, o)] * (i != o)
        count -= 2 * (i + o)
    assert count == sum((i + 1) * o for i, o in widths)
    x = torch.randn((5, 7), generator=torch.Generator().manual_seed(4))
    (network(x) ** 2).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters)


def test_a_frozen_network_holds_arrays_only(network):
    frozen = network.frozen()
    assert isinstance(frozen.first, Network)
    assert all(isinstance(p, np.ndarray) for p in frozen.parameters)


def test_time_is_told_by_slower_and_slower_waves():
    features = time_features(500)
    assert features.shape == (1, 128)
    np.testing.assert_allclose(features[0, :64] ** 2 + features[0, 64:] ** 2, 1, rtol=1e-5)
    assert features[0, 0] == pytest.approx(np.cos(500), rel=1e-5)
    assert features[0, 127] == pytest.approx(np.sin(500 * 10000 ** (-63 / 64)), rel=1e-5)
