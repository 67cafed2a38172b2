import numpy as np
import pytest
from scipy.special import softmax

from oddspec.solvers import nmf
from oddspec.solvers.nmf import Factors
from oddspec.solvers.weighted_nmf import L1, L21, Entropy, Huber, evaluate_fit, step


def entropy(E, g):
    T = softmax(-(E**2) / g, axis=1)
    return (T * E**2).sum() + g * (T * np.log(np.maximum(20 * T, 1e-300))).sum()


LOSSES = {
    "l1": (L1(0.001), lambda E: np.sqrt(E**2 + 0.001**2).sum()),
    "l21": (L21(0.001), lambda E: np.sqrt((E**2).sum(axis=1) + 0.001**2).sum()),
    "huber": (
        Huber(0.05),
        lambda E: sum(e**2 if e < 0.05 else 0.1 * e - 0.0025 for e in np.linalg.norm(E, axis=1)),
    ),
    "entropy": (Entropy(1e-4), lambda E: entropy(E, 1e-4)),
    "sharp": (Entropy(1e-7), lambda E: entropy(E, 1e-7)),
    "even": (Entropy(1e3), lambda E: entropy(E, 1e3)),
}


def pixels(rng, n=300, b=20, rank=3, noise=0.01):
    exact = rng.dirichlet(np.ones(rank), n) @ rng.uniform(0.1, 1, (rank, b))
    return np.maximum(exact + rng.normal(0, noise, (n, b)), 0)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_the_written_one_and_never_rises(rng, name):
    loss, written = LOSSES[name]
    X = pixels(rng)
    state, curve = nmf.start(X, 3), []
    for _ in range(100):
        before = state
        state = step(before, X, loss)
        curve.append(state.objective)
    assert state.objective == pytest.approx(written(X - before.H @ before.W), rel=1e-9)
    assert evaluate_fit(before, X, loss)[0] == pytest.approx(state.objective, rel=1e-12)
    scale = max(abs(curve[0]), abs(curve[-1]))
    assert (np.diff(curve) <= 1e-12 * scale).all()
    assert curve[-1] < curve[0]


@pytest.mark.parametrize("name", LOSSES)
def test_a_step_is_the_written_one(rng, name):
    loss, _ = LOSSES[name]
    X = pixels(rng)
    first = nmf.start(X, 3)
    E = X - first.H @ first.W
    squares = E**2
    A = {
        "l1": lambda: 1 / np.sqrt(squares + 0.001**2),
        "l21": lambda: 1 / np.sqrt(squares.sum(axis=1) + 0.001**2)[:, None] + 0 * E,
        "huber": lambda: np.minimum(1, 0.05 / np.sqrt(squares.sum(axis=1)))[:, None] + 0 * E,
        "entropy": lambda: softmax(-squares / 1e-4, axis=1),
        "sharp": lambda: softmax(-squares / 1e-7, axis=1),
        "even": lambda: softmax(-squares / 1e3, axis=1),
    }[name]()
    H, W = first.H, first.W
    H = H * ((A * X) @ W.T) / ((A * (H @ W)) @ W.T)
    W = W * (H.T @ (A * X)) / (H.T @ (A * (H @ W)))
    found = step(first, X, loss)
    np.testing.assert_allclose(found.H @ found.W, H @ W, rtol=1e-9)
    per_pixel, per_band = evaluate_fit(first, X, loss)[1:]
    np.testing.assert_allclose(per_pixel, A.mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose(per_band, A.mean(axis=0), rtol=1e-9)


def test_even_weights_and_wide_losses_are_plain_factorization(rng):
    X = pixels(rng)
    energy = float((X * X).sum())
    plain = even = wide = nmf.start(X, 3)
    for _ in range(40):
        plain = nmf.step(plain, X, energy)
        even, wide = step(even, X, Entropy(1e12)), step(wide, X, Huber(1e3))
    np.testing.assert_allclose(even.H @ even.W, plain.H @ plain.W, rtol=1e-6)
    np.testing.assert_allclose(wide.H @ wide.W, plain.H @ plain.W, rtol=1e-9)


@pytest.mark.parametrize("loss", [L1, L21, Huber])
def test_odd_pixels_bend_these_less_than_squares(rng, loss):
    X = pixels(rng, noise=0.002)
    spoilt = X.copy()
    spoilt[:15] = rng.random((15, 20))
    energy = float((spoilt**2).sum())
    plain = nmf.start(spoilt, 3)
    for _ in range(200):
        plain = nmf.step(plain, spoilt, energy)
    robust = plain
    for d in np.geomspace(0.3, 0.01, 800):
        plain, robust = nmf.step(plain, spoilt, energy), step(robust, spoilt, loss(d))

    def typical(state):
        return np.median(np.linalg.norm(spoilt - state.H @ state.W, axis=1)[15:])

    assert typical(robust) < 0.8 * typical(plain)


@pytest.mark.parametrize("name", LOSSES)
def test_single_precision_goes_the_same_way(rng, name):
    loss, _ = LOSSES[name]
    X = pixels(rng)
    one = nmf.start(X, 3)
    half = Factors(one.H.astype(np.float32), one.W.astype(np.float32))
    single = X.astype(np.float32)
    for _ in range(20):
        one, half = step(one, X, loss), step(half, single, loss)
    assert half.H.dtype == half.W.dtype == np.float32
    tolerance = 0.02 if name == "sharp" else 1e-3
    assert np.abs(half.H @ half.W - one.H @ one.W).max() < tolerance


def test_dead_pixels_and_bands_divide_nothing_by_zero(rng):
    X = pixels(rng).astype(np.float32)
    X[5], X[:, 3] = 0, 0
    for loss, _ in LOSSES.values():
        first = nmf.start(X, 3)
        state = Factors(first.H.astype(np.float32), first.W.astype(np.float32))
        for _ in range(30):
            state = step(state, X, loss)
        assert np.isfinite(state.H).all()
        assert np.isfinite(state.W).all()
