import numpy as np

from oddspec.detectors.learned.msnet import select_bands


def greedy(X, count):
    """The rule with a projection built anew for every band."""
    chosen = [int(X.var(axis=0).argmax())]
    while len(chosen) < count:
        Q, _ = np.linalg.qr(X[:, chosen])
        left = ((X - Q @ (Q.T @ X)) ** 2).sum(axis=0)
        left[chosen] = -1
        chosen.append(int(left.argmax()))
    return sorted(chosen)


def test_it_takes_the_band_of_which_most_is_left(rng):
    X = rng.gamma(2, 1, (200, 20)) @ rng.uniform(0, 1, (20, 20))
    for count in (1, 2, 7, 19):
        assert select_bands(X, count).tolist() == greedy(X, count)
    np.testing.assert_array_equal(select_bands(1e-6 * X, 7), select_bands(X, 7))


def test_copies_of_bands_are_left_out(rng):
    X = rng.normal(size=(100, 6)) + 3
    twice = np.hstack([X, 0.5 * X])
    np.testing.assert_array_equal(select_bands(twice, 12), np.arange(6))


def test_all_bands_are_returned_where_there_are_no_more(rng):
    X = rng.normal(size=(50, 5)) + 3
    before = X.copy()
    np.testing.assert_array_equal(select_bands(X, 64), np.arange(5))
    np.testing.assert_array_equal(X, before)
