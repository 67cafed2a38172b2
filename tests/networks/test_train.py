import numpy as np
import pytest
import torch

from oddspec.errors import SettingError
from oddspec.networks.train import check_spread, epochs_of, train


def line(rng, n=64):
    x = torch.from_numpy(rng.normal(size=(n, 2))).float()
    return torch.cat([x, (x @ torch.tensor([[2.0], [-1.0]]))], dim=1)


def miss(slope):
    return lambda rows: {"fit": ((rows[:, :2] @ slope - rows[:, 2]) ** 2).mean()}


@pytest.mark.parametrize("batch", [None, 10])
def test_it_finds_the_least_squares(rng, batch):
    slope = torch.zeros(2, requires_grad=True)
    shuffle = torch.Generator().manual_seed(0)
    found = train(
        [slope], miss(slope), line(rng), epochs=400, rate=0.05, batch=batch, generator=shuffle
    )
    np.testing.assert_allclose(slope.detach(), [2, -1], atol=1e-3)
    assert found.terms == ("fit",)
    assert found.losses.shape == (400, 1)
    assert found.losses[-1, 0] < 1e-5 * found.losses[0, 0]
    assert not found.settled


def test_the_first_recorded_loss_is_that_of_the_start(rng):
    data, slope = line(rng), torch.zeros(2, requires_grad=True)
    found = train([slope], miss(slope), data, epochs=1, rate=0.1)
    assert found.losses[0, 0] == pytest.approx(float((data[:, 2] ** 2).mean()), rel=1e-6)


def test_every_row_is_seen_once_per_epoch(rng):
    seen = []
    slope = torch.zeros(2, requires_grad=True)

    def loss(rows):
        seen.append(rows[:, 0].clone())
        return miss(slope)(rows)

    data = line(rng, 25)
    shuffle = torch.Generator().manual_seed(0)
    train([slope], loss, data, epochs=2, rate=0.1, batch=8, generator=shuffle)
    assert [len(part) for part in seen] == [8, 8, 8, 1] * 2
    first, second = torch.cat(seen[:4]), torch.cat(seen[4:])
    assert not torch.equal(first, second)
    for epoch in (first, second):
        np.testing.assert_array_equal(np.sort(epoch), np.sort(data[:, 0]))


@pytest.mark.parametrize(
    ("rows", "sizes"), [(33, [16, 17]), (34, [16, 16, 2]), (17, [17]), (32, [16, 16]), (9, [9])]
)
def test_a_handful_of_rows_makes_no_batch_of_its_own(rng, rows, sizes):
    seen = []
    slope = torch.zeros(2, requires_grad=True)

    def loss(part):
        seen.append(len(part))
        return miss(slope)(part)

    epochs, batch = epochs_of(2 * len(sizes), 16, rows)
    assert epochs == 2
    train([slope], loss, line(rng, rows), epochs=epochs, rate=0.1, batch=batch)
    assert seen == sizes * 2


def test_it_stops_when_the_loss_has_settled(rng):
    slope = torch.zeros(2, requires_grad=True)
    found = train([slope], miss(slope), line(rng), epochs=5000, rate=0.1, patience=30)
    assert found.settled
    assert len(found.losses) < 1000
    np.testing.assert_allclose(slope.detach(), [2, -1], atol=0.05)


def test_a_loss_below_zero_settles_too(rng):
    slope = torch.zeros(2, requires_grad=True)
    plain = miss(slope)

    def shifted(rows):
        return {"fit": plain(rows)["fit"] - 100}

    assert train([slope], shifted, line(rng), epochs=5000, rate=0.1, patience=30).settled


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_named_with_its_epoch(rng, bad):
    slope = torch.zeros(2, requires_grad=True)
    calls = []

    def loss(rows):
        calls.append(None)
        return {"fine": slope.sum(), "spiky": slope.sum() * (bad if len(calls) == 3 else 1.0) + 1}

    slope.data += 1
    with pytest.raises(SettingError, match=r"lren: the spiky loss became .* in epoch 3 .*rate"):
        train([slope], loss, line(rng), epochs=9, rate=1e-3, name="lren")


def test_progress_is_told_and_may_call_off(rng):
    told = []
    slope = torch.zeros(2, requires_grad=True)

    def progress(done, total, stage):
        told.append((done, total, stage))
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train([slope], miss(slope), line(rng), epochs=9, rate=0.1, progress=progress, name="net")
    assert told == [(0, 9, "net"), (1, 9, "net"), (2, 9, "net"), (3, 9, "net")]


def test_one_seed_one_result_and_no_global_generator(rng):
    data = line(rng)
    before = torch.random.get_rng_state()
    results = []
    for seed in (1, 1, 2):
        slope = torch.zeros(2, requires_grad=True)
        shuffle = torch.Generator().manual_seed(seed)
        train([slope], miss(slope), data, epochs=3, rate=0.1, batch=8, generator=shuffle)
        results.append(slope.detach())
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    assert torch.equal(before, torch.random.get_rng_state())


def test_before_is_called_with_each_batch(rng):
    met = []
    slope = torch.zeros(2, requires_grad=True)
    train(
        [slope], miss(slope), line(rng, 20), epochs=2, rate=0.1, batch=8,
        before=lambda rows: met.append(len(rows)),
    )  # fmt: skip
    assert met == [8, 8, 4] * 2


def test_collapsed_outputs_are_refused(rng):
    check_spread(rng.normal(size=(5, 2)), "net", 3)
    with pytest.raises(SettingError, match=r"net: after 3 epochs .* same for all 5 pixels"):
        check_spread(np.ones((5, 2)), "net", 3)
    with pytest.raises(SettingError, match="not finite"):
        check_spread(np.array([[1.0], [np.nan]]), "net", 3)
