import numpy as np
import pytest
import torch

from oddspec.errors import SettingError
from oddspec.networks.train import _settled, check_spread, epochs_of, train


def line(rng, n=64):
    x = torch.from_numpy(rng.normal(size=(n, 2))).float()
    return torch.cat([x, (x @ torch.tensor([[2.0], [-1.0]]))], dim=1)


def miss(weights):
    return lambda rows: {"fit": ((rows[:, :2] @ weights - rows[:, 2]) ** 2).mean()}


@pytest.mark.parametrize(("batch", "steps"), [(0, 400), (10, 400 * 7)])
def test_it_finds_the_least_squares(rng, batch, steps):
    weights = torch.zeros(2, requires_grad=True)
    shuffle = torch.Generator().manual_seed(0)
    found = train(
        [weights], miss(weights), line(rng), steps=steps, rate=0.05, batch=batch, rng=shuffle
    )
    np.testing.assert_allclose(weights.detach(), [2, -1], atol=1e-3)
    assert found.terms == ("fit",)
    assert found.losses.shape == (400, 1)
    assert found.losses[-1, 0] < 1e-5 * found.losses[0, 0]
    assert not found.settled


def test_the_first_recorded_loss_is_that_of_the_start(rng):
    data, weights = line(rng), torch.zeros(2, requires_grad=True)
    found = train([weights], miss(weights), data, steps=1, rate=0.1)
    assert found.losses[0, 0] == pytest.approx(float((data[:, 2] ** 2).mean()), rel=1e-6)


def test_every_row_is_seen_once_per_epoch(rng):
    seen = []
    weights = torch.zeros(2, requires_grad=True)

    def loss(rows):
        seen.append(rows[:, 0].clone())
        return miss(weights)(rows)

    data = line(rng, 25)
    shuffle = torch.Generator().manual_seed(0)
    train([weights], loss, data, steps=8, rate=0.1, batch=8, rng=shuffle)
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
    weights = torch.zeros(2, requires_grad=True)

    def loss(part):
        seen.append(len(part))
        return miss(weights)(part)

    steps = 2 * len(sizes)
    assert epochs_of(steps, 16, rows) == (2, min(16, rows))
    train([weights], loss, line(rng, rows), steps=steps, rate=0.1, batch=16)
    assert seen == sizes * 2


def test_an_epoch_that_has_begun_is_finished(rng):
    weights = torch.zeros(2, requires_grad=True)
    found = train([weights], miss(weights), line(rng, 30), steps=4, rate=0.1, batch=10)
    assert len(found.losses) == 2
    assert epochs_of(7, 0, 30) == (7, 30)
    assert epochs_of(0, 10, 30) == (0, 10)


def test_it_stops_when_the_loss_has_settled(rng):
    weights = torch.zeros(2, requires_grad=True)
    found = train([weights], miss(weights), line(rng), steps=5000, rate=0.1, patience=30)
    assert found.settled
    assert len(found.losses) < 1000
    np.testing.assert_allclose(weights.detach(), [2, -1], atol=0.05)


def test_a_loss_below_zero_settles_too(rng):
    weights = torch.zeros(2, requires_grad=True)
    plain = miss(weights)

    def shifted(rows):
        return {"fit": plain(rows)["fit"] - 100}

    assert train([weights], shifted, line(rng), steps=5000, rate=0.1, patience=30).settled


@pytest.mark.parametrize(
    ("before", "last", "settled"),
    [
        ([4.0, 4.0], [0.0, 0.0], False),  # a quarter of the whole fall: not less than that
        ([4.0, 3.875], [0.0, 0.0], True),
        ([3.875, 4.0], [0.0, 0.0], True),
        ([7.0, 0.875], [0.25, -0.25], True),  # means decide, not single epochs
        ([7.0, 1.0], [0.25, -0.25], False),
        ([0.0, 0.0], [1.0, 1.0], True),  # it rises again
    ],
)
def test_it_has_settled_below_the_tolerance_and_not_at_it(before, last, settled):
    """Mean of the last two epochs against that of the two before, as a part of the whole fall."""
    losses = [np.array([value]) for value in (16.0, 9.0, *before, *last)]
    assert _settled(losses, 2, 0.25) is settled


def test_all_terms_of_the_loss_count_together():
    """Sums fall from 16 over 4 to 0, which is a quarter; any first term alone would be less."""
    losses = [np.array(terms) for terms in ((18.0, -2.0), (3.0, 1.0), (1.0, -1.0))]
    assert not _settled(losses, 1, 0.25)
    assert _settled(losses, 1, 0.2501)


def test_it_cannot_settle_before_there_are_two_patiences_and_one_epoch():
    """The first epoch is what the fall is measured from, and in no mean."""
    calm = [np.array([value]) for value in (4.0, 0.0, 2.0, 2.0, 1.0)]
    assert not _settled(calm[:4], 2, 0.25)
    assert _settled(calm, 2, 0.25)
    rising = [np.array([value]) for value in (4.0, 5.0, 5.0)]
    assert not _settled(rising, 2, 0.25)


def test_a_loss_that_has_not_fallen_has_not_settled():
    """Nothing is less than no part of nothing: a start without gradients is not an end."""
    assert not _settled([np.array([1.0])] * 9, 2, 0.25)


@pytest.mark.parametrize("steps", [50, 7, 6, 5])
@pytest.mark.parametrize(("tolerance", "stop"), [(0.01, 6), (0.2501, 5), (0.25, 6)])
def test_training_stops_in_the_epoch_that_settles(steps, tolerance, stop):
    """Means of epochs 2 and 3, and of 4 and 5: a fall of 2 of 8 in all. One later: none."""
    script = iter([9.0, 5.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    weight = torch.zeros(1, requires_grad=True)
    found = train(
        [weight], lambda _: {"fit": weight.sum() * 0 + next(script)}, torch.zeros(3, 1),
        steps=steps, rate=0.1, patience=2, tolerance=tolerance,
    )  # fmt: skip
    assert len(found.losses) == min(steps, stop)
    assert found.settled is (steps > stop)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_named_with_its_epoch(rng, bad):
    weights = torch.zeros(2, requires_grad=True)
    calls = []

    def loss(rows):
        calls.append(None)
        return {
            "fine": weights.sum(),
            "spiky": weights.sum() * (bad if len(calls) == 3 else 1.0) + 1,
        }

    weights.data += 1
    with pytest.raises(SettingError, match=r"lren: the spiky loss became .* in epoch 3 .*rate"):
        train([weights], loss, line(rng), steps=9, rate=1e-3, name="lren")


def test_progress_is_told_and_may_call_off(rng):
    told = []
    weights = torch.zeros(2, requires_grad=True)

    def progress(done, total, stage):
        told.append((done, total, stage))
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train([weights], miss(weights), line(rng), steps=9, rate=0.1, progress=progress, name="net")
    assert told == [(0, 9, "net"), (1, 9, "net"), (2, 9, "net"), (3, 9, "net")]


def test_one_seed_one_result_and_no_global_generator(rng):
    data = line(rng)
    before = torch.random.get_rng_state()
    results = []
    for seed in (1, 1, 2):
        weights = torch.zeros(2, requires_grad=True)
        shuffle = torch.Generator().manual_seed(seed)
        train([weights], miss(weights), data, steps=3 * 8, rate=0.1, batch=8, rng=shuffle)
        results.append(weights.detach())
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    assert torch.equal(before, torch.random.get_rng_state())


def test_before_is_called_with_each_batch(rng):
    met = []
    weights = torch.zeros(2, requires_grad=True)
    train(
        [weights], miss(weights), line(rng, 20), steps=2 * 3, rate=0.1, batch=8,
        before=lambda rows: met.append(len(rows)),
    )  # fmt: skip
    assert met == [8, 8, 4] * 2


def test_collapsed_outputs_are_refused(rng):
    check_spread(rng.normal(size=(5, 2)), "net", 3)
    with pytest.raises(SettingError, match=r"net: after 3 epochs .* same for all 5 pixels"):
        check_spread(np.ones((5, 2)), "net", 3)
    with pytest.raises(SettingError, match="not finite"):
        check_spread(np.array([[1.0], [np.nan]]), "net", 3)


def test_what_is_called_after_each_epoch_sees_all_losses_and_may_end_the_training():
    """Looking up changes nothing: it is one training, with one memory of its optimiser."""

    def run(after=None):
        x, told = torch.zeros(2, requires_grad=True), []
        wanted = torch.tensor([1.0, -3.0])
        found = train(
            [x], lambda _: {"error": ((x - wanted) ** 2).sum()}, wanted[None], steps=30, rate=0.1,
            after=after, progress=lambda done, total, stage: told.append((done, total)),
        )  # fmt: skip
        return x.detach(), found, told

    whole, first, _ = run()
    seen = []
    looked, second, told = run(lambda losses: bool(seen.append(len(losses))))
    assert torch.equal(whole, looked)
    np.testing.assert_array_equal(first.losses, second.losses)
    assert seen == list(range(1, 31))
    assert told == [(done, 30) for done in range(31)]
    _, ended, told = run(lambda losses: len(losses) == 20)
    np.testing.assert_array_equal(ended.losses, first.losses[:20])
    assert ended.settled
    assert told == [(done, 30) for done in (*range(20), 30)]
