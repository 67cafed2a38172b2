import numpy as np
import pytest
import torch
from torch import nn

from oddspec.detectors.learned.auto_ad import SkipNetwork, possible_scales
from oddspec.detectors.learned.msnet.network import MultiscaleNetwork, edges
from oddspec.networks.images import as_image, convolution, initialised, spectra_of, squared_errors


def random(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_pixels_lie_where_they_were_and_holes_get_the_mean(rng):
    valid = np.ones((4, 5), dtype=bool)
    valid[1, 2] = False
    pixels = rng.normal(size=(19, 3))
    image = as_image(pixels, valid)
    assert image.shape == (1, 3, 4, 5)
    np.testing.assert_array_equal(image[0, :, 1, 3], pixels[7].astype(np.float32))
    np.testing.assert_allclose(image[0, :, 1, 2], pixels.mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(spectra_of(image, valid), pixels.astype(np.float32))
    errors = squared_errors(image, torch.zeros_like(image), valid)
    np.testing.assert_allclose(errors, (pixels**2).sum(axis=1), rtol=1e-5)


def test_weights_are_drawn_by_a_generator_of_their_own():
    def build():
        return nn.Sequential(convolution(3, 4), nn.BatchNorm2d(4, track_running_stats=False))

    before = torch.random.get_rng_state()
    one, _ = initialised(build, 1)
    same, _ = initialised(build, 1)
    other, _ = initialised(build, 2)
    assert torch.equal(before, torch.random.get_rng_state())
    for a, b, c in zip(one.parameters(), same.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert a.ndim == 1 or not torch.equal(a, c)
    bound = 27**-0.5
    assert 0.7 * bound < one[0].weight.abs().max() <= bound
    assert one[1].weight.tolist() == [1] * 4
    assert one[1].bias.tolist() == [0] * 4


@pytest.mark.parametrize(("side", "scales"), [(3, 1), (4, 1), (5, 2), (24, 4), (100, 5), (2, 0)])
def test_an_image_is_halved_as_often_as_it_can_be(side, scales):
    assert possible_scales(side, 5) == scales
    if scales:
        network, _ = initialised(lambda: SkipNetwork(3, 4, scales), 0)
        assert network(random(1, 3, side, side)).shape == (1, 3, side, side)


@pytest.mark.parametrize("size", [(17, 20), (20, 17), (33, 21)])
def test_odd_sizes_come_back(size):
    image = random(1, 3, *size)
    skip, _ = initialised(lambda: SkipNetwork(3, 4, 3), 0)
    made = skip(image)
    assert made.shape == image.shape
    assert 0 <= made.min() < made.max() <= 1
    many, _ = initialised(lambda: MultiscaleNetwork(3, 2, 3), 0)
    assert [one.shape for one in many(image)] == [image.shape] * 3


def test_a_skip_network_has_the_published_size():
    """About 3.2 million parameters for 190 bands."""
    network, _ = initialised(lambda: SkipNetwork(190, 128, 5), 0)
    count = sum(p.numel() for p in network.parameters())
    assert count == pytest.approx(3.2e6, rel=0.1)


def test_edges_of_a_constant_are_none_and_of_a_point_are_the_kernel():
    assert edges(torch.full((1, 2, 6, 7), 3.0)).abs().max() == 0
    point = torch.zeros((1, 2, 9, 9))
    point[0, 1, 4, 4] = 1.0
    found = edges(point)
    assert found[0, 0].abs().max() == 0
    assert found[0, 1, 4, 2:7].tolist() == [-4, 8, 24, 8, -4]
    assert found.sum() == 0
