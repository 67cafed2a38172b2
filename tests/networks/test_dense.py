import numpy as np
import pytest
import torch

from oddspec.networks.dense import activate, draw_network


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(3)


def test_the_forward_pass_equals_torch_nn(generator, rng):
    network = draw_network((7, 5, 3), ("tanh", "leaky_relu"), generator)
    with torch.no_grad():
        network.biases[0].uniform_(-1, 1, generator=generator)
        network.biases[1].uniform_(-1, 1, generator=generator)
    first, second = torch.nn.Linear(7, 5), torch.nn.Linear(5, 3)
    for layer, weight, bias in zip((first, second), network.weights, network.biases, strict=True):
        layer.weight.data, layer.bias.data = weight.T.detach().clone(), bias.detach().clone()
    reference = torch.nn.Sequential(first, torch.nn.Tanh(), second, torch.nn.LeakyReLU(0.2))
    x = torch.from_numpy(rng.normal(size=(20, 7))).float()
    torch.testing.assert_close(network(x), reference(x))


def test_numpy_and_torch_agree(generator, rng):
    for last in ("linear", "tanh", "leaky_relu", "softmax"):
        network = draw_network((7, 5, 3), ("tanh", last), generator)
        x = rng.normal(size=(20, 7)).astype(np.float32)
        found = network.frozen()(x)
        assert isinstance(found, np.ndarray)
        np.testing.assert_allclose(
            found, network(torch.from_numpy(x)).detach().numpy(), rtol=1e-5, atol=1e-6
        )


def test_a_frozen_network_scores_tensors_too(generator):
    network = draw_network((4, 2), ("linear",), generator)
    x = torch.ones(3, 4)
    torch.testing.assert_close(network.frozen()(x), network(x).detach())


def test_a_seed_gives_one_network_and_the_global_generator_is_left_alone():
    before = torch.random.get_rng_state()
    one, two = (draw_network((6, 4), ("tanh",), torch.Generator().manual_seed(s)) for s in (1, 1))
    other = draw_network((6, 4), ("tanh",), torch.Generator().manual_seed(2))
    assert torch.equal(one.weights[0], two.weights[0])
    assert not torch.equal(one.weights[0], other.weights[0])
    assert torch.equal(before, torch.random.get_rng_state())


def test_what_is_frozen_no_longer_changes(generator):
    network = draw_network((6, 4), ("tanh",), generator)
    frozen = network.frozen()
    kept = frozen.weights[0].copy()
    with torch.no_grad():
        network.weights[0].add_(1)
    np.testing.assert_array_equal(frozen.weights[0], kept)


def test_softmax_rows_sum_to_one_far_from_zero():
    shares = activate("softmax", np.array([[1e4, 0.0, -1e4], [1.0, 1.0, 1.0]]))
    np.testing.assert_allclose(shares, [[1, 0, 0], [1 / 3] * 3])


def test_an_unknown_activation_is_named():
    with pytest.raises(ValueError, match="sine"):
        activate("sine", np.zeros((1, 1)))


def test_tanh_is_torchs(rng):
    x = torch.from_numpy(np.concatenate([rng.normal(size=500) * 4, [-1e3, 0, 1e3]]))
    found = activate("tanh", x)
    np.testing.assert_allclose(found.numpy(), np.tanh(x.numpy()), atol=1e-15)
    single = activate("tanh", x.float())
    np.testing.assert_allclose(single.numpy(), np.tanh(x.float().numpy()), atol=3e-7)
    near = torch.linspace(-3, 3, 20, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: activate("tanh", z), (near,))
