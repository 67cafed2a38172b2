import numpy as np
import pytest
import torch

from oddspec.detectors.learned import _unfolded_network as unfolded
from oddspec.detectors.learned._unfolded_network import Unfolding, learn
from oddspec.errors import SettingError

HOW = {"epochs": 40, "rate": 0.05, "patience": 100, "tolerance": 1e-3}


def descend(x, stage, factors, free):
    """Gradient descent on an ill-conditioned quadratic, with a step size of its own per stage."""
    step = 0.01 * factors["size"] * torch.tensor([1.0, 10.0], dtype=torch.float64) * x
    return x - (step @ free[0] if free else step)


START = torch.ones(2, dtype=torch.float64)


def factors(network):
    return network.logs.detach().exp().numpy()


def last(network):
    *_, state = network(START, descend)
    return state


def test_untrained_it_is_the_iteration_itself():
    x = START
    for _ in range(7):
        x = descend(x, 0, {"size": 1.0}, [])
    for network in (Unfolding(["size"], 7), Unfolding(["size"], 7, matrices=[2])):
        np.testing.assert_array_equal(last(network).detach().numpy(), x.numpy())


@pytest.mark.parametrize("matrices", [[], [2]])
def test_training_lowers_the_loss_and_moves_every_constant(matrices):
    network = Unfolding(["size"], 5, matrices)
    losses = learn(network, lambda: (last(network) ** 2).sum(), **HOW)
    assert losses[-1] < 0.7 * losses[0]
    assert (factors(network) != 1).all()
    assert float((last(network) ** 2).sum()) <= losses.min() + 1e-15
    assert all((change != 0).any() for change in network.changes)


def test_the_best_parameters_are_kept_when_training_goes_astray():
    network = Unfolding(["size"], 5)
    losses = learn(network, lambda: (last(network) ** 2).sum(), **{**HOW, "rate": 3.0})
    assert losses[-1] > losses.min()
    assert float((last(network) ** 2).sum()) == losses.min()


def test_no_epochs_leave_the_solver():
    network = Unfolding(["size"], 3)
    losses = learn(network, lambda: (last(network) ** 2).sum(), **{**HOW, "epochs": 0})
    assert losses.size == 0
    assert (factors(network) == 1).all()


def test_a_loss_that_is_no_number_is_named():
    network = Unfolding(["size"], 3)
    with pytest.raises(SettingError, match="became nan in epoch 1"):
        learn(network, lambda: last(network).sum() * float("nan"), **HOW)


@pytest.mark.parametrize("matrices", [[], [2]])
def test_stages_that_are_computed_again_learn_the_same(monkeypatch, matrices):
    def trained():
        network = Unfolding(["size"], 5, matrices)
        losses = learn(network, lambda: (last(network) ** 2).sum(), **HOW)
        return losses, factors(network)

    saved, calls = trained(), []
    monkeypatch.setattr(unfolded, "SAVED_BYTES", 0)
    checkpoint = unfolded.checkpoint
    monkeypatch.setattr(
        unfolded, "checkpoint", lambda *a, **k: (calls.append(1), checkpoint(*a, **k))[1]
    )
    again = trained()
    assert len(calls) == 4 * HOW["epochs"], "all stages but the first"
    for one, other in zip(saved, again, strict=True):
        np.testing.assert_array_equal(one, other)
