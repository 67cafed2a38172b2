import numpy as np
import pytest
import torch
from torch import nn

from oddspec.detectors.learned.auto_ad.network import SkipNetwork, possible_scales
from oddspec.detectors.learned.msnet.network import MultiscaleNetwork, edges
from oddspec.networks.images import as_image, convolution, redraw, squared_errors, train_in_parts


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
    errors = squared_errors(image, torch.zeros_like(image), valid)
    np.testing.assert_allclose(errors, (pixels**2).sum(axis=1), rtol=1e-5)


def test_weights_are_drawn_by_a_generator_of_their_own():
    def build():
        return nn.Sequential(convolution(3, 4), nn.BatchNorm2d(4, track_running_stats=False))

    before = torch.random.get_rng_state()
    one, _ = redraw(build, 1)
    same, _ = redraw(build, 1)
    other, _ = redraw(build, 2)
    assert torch.equal(before, torch.random.get_rng_state())
    for a, b, c in zip(one.parameters(), same.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert a.ndim == 1 or not torch.equal(a, c)
    bound = 27**-0.5
    assert 0.7 * bound < one[0].weight.abs().max() <= bound
    assert one[1].weight.tolist() == [1] * 4
    assert one[1].bias.tolist() == [0] * 4


def test_parts_are_one_training():
    """Adam's memory goes on from part to part, and progress counts all steps."""
    told = []

    def run(parts, steps, between=lambda part, losses: False):
        x = torch.zeros(2, requires_grad=True)
        wanted = torch.tensor([1.0, -3.0])
        found = train_in_parts(
            [x], lambda _: {"error": ((x - wanted) ** 2).sum()}, wanted[None],
            parts=parts, steps=steps, rate=0.1, between=between,
            progress=lambda done, total, stage: told.append((done, total)),
        )  # fmt: skip
        return x.detach(), found

    whole, first = run(1, 30)
    parted, second = run(3, 10)
    assert torch.equal(whole, parted)
    np.testing.assert_array_equal(first.losses, second.losses)
    assert told[-1] == (30, 30)
    assert [done for done, _ in told[-34:]] == sorted(done for done, _ in told[-34:])
    seen = []
    _, ended = run(3, 10, lambda part, losses: seen.append((part, len(losses))) or part == 2)
    assert seen == [(1, 10), (2, 20)]
    assert ended.settled
    assert len(ended.losses) == 20


@pytest.mark.parametrize(("side", "scales"), [(3, 1), (4, 1), (5, 2), (24, 4), (100, 5), (2, 0)])
def test_an_image_is_halved_as_often_as_it_can_be(side, scales):
    assert possible_scales(side, 5) == scales
    if scales:
        network, _ = redraw(lambda: SkipNetwork(3, 4, scales), 0)
        assert network(random(1, 3, side, side)).shape == (1, 3, side, side)


@pytest.mark.parametrize("size", [(17, 20), (20, 17), (33, 21)])
def test_odd_sizes_come_back(size):
    image = random(1, 3, *size)
    skip, _ = redraw(lambda: SkipNetwork(3, 4, 3), 0)
    made = skip(image)
    assert made.shape == image.shape
    assert 0 <= made.min() < made.max() <= 1
    many, _ = redraw(lambda: MultiscaleNetwork(3, 2, 3), 0)
    assert [one.shape for one in many(image)] == [image.shape] * 3


def test_a_skip_network_has_the_published_size():
    """About 3.2 million parameters for 190 bands."""
    network, _ = redraw(lambda: SkipNetwork(190, 128, 5), 0)
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
