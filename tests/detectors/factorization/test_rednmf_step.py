import numpy as np
import pytest

from oddspec.detectors.factorization.rednmf import anomalies, published, solver
from oddspec.solvers import nmf
from oddspec.solvers.prox import row_norms, shrink_rows

BETAS = [0.0, 1.0, 10.0, 1000.0]


def planted(rng, n=300, b=20, rank=3, odd=8):
    """Mixtures of a few spectra with noise, and pixels that are none."""
    X = rng.dirichlet(np.ones(rank), n) @ rng.uniform(10, 100, (rank, b))
    X += rng.normal(0, 1, (n, b))
    where = rng.choice(n, odd, replace=False)
    X[where] += rng.uniform(20, 60, (odd, b)) * rng.choice([-1, 1], (odd, b))
    return np.maximum(X, 0), where


def begin(X, beta, relative=1.0, rank=3, unit_norm=True, warmup=100):
    factors, energy = nmf.start(X, rank), float((X * X).sum())
    for _ in range(warmup):
        factors = nmf.step(factors, X, energy)
    typical = np.median(row_norms(X - factors.H @ factors.W))
    problem = solver.REDNMFProblem.of(X, relative * float(typical), beta, unit_norm)
    M = solver.encoder(X, factors.H)
    return problem, solver.start(problem, factors.H, factors.W, M)


def run(problem, model, sweeps):
    models = [model]
    for _ in range(sweeps):
        models.append(solver.step(models[-1], problem))
    return models


def value(problem, H, W, M, S):
    return published.objective(problem, H, W, M, S)


@pytest.mark.parametrize("unit_norm", [True, False])
@pytest.mark.parametrize("beta", BETAS)
def test_the_objective_is_what_it_says_and_never_rises(rng, beta, unit_norm):
    X, _ = planted(rng)
    problem, model = begin(X, beta, unit_norm=unit_norm)
    models = run(problem, model, 200)
    objective = np.array([m.objective for m in models])
    assert (np.diff(objective) <= 1e-11 * objective[:-1]).all()
    assert objective[-1] < 0.99 * objective[0]
    last = models[-1]
    direct = value(problem, last.H, last.W, last.M, last.S.rows(X))
    assert objective[-1] == pytest.approx(direct, rel=1e-9)


@pytest.mark.parametrize("beta", BETAS)
def test_no_block_raises_the_objective(rng, beta):
    """H and S, W with its scale, M: one after the other, from the factors that a sweep gives."""
    X, _ = planted(rng)
    problem, model = begin(X, beta)
    for _ in range(30):
        following = solver.step(model, problem)
        S, H = model.S.rows(X), model.H
        values = [value(problem, H, model.W, model.M, S)]
        scale = _scale(problem, model, following)
        values.append(value(problem, H * scale, following.W, model.M * scale, S))
        values.append(value(problem, H * scale, following.W, following.M, S))
        values.append(value(problem, following.H, following.W, following.M, S))
        values.append(following.objective)
        assert (np.diff(values) <= 1e-11 * values[0]).all()
        model = following


def _scale(problem, model, following):
    """What the norms of the updated spectra were, worked out from the definition."""
    X, beta = problem.X, problem.beta
    Y = X - model.S.rows(X)
    gain = model.H.T @ Y
    apart = ((model.H - Y @ model.M) ** 2).sum(axis=0)
    cost = model.H.T @ model.H @ model.W + beta * apart[:, None] * model.W
    W = model.W * np.maximum(gain, 0) / (cost + np.maximum(-gain, 0))
    norms = np.linalg.norm(W, axis=1)
    np.testing.assert_allclose(W / norms[:, None], following.W, rtol=1e-8)
    return norms


def test_gradients_agree_with_finite_differences(rng):
    """Of all four blocks: (gain - cost) of each rule, and what makes S a minimiser."""
    X, _ = planted(rng, n=40, b=8)
    problem, model = begin(X, 2.0)
    H, W, M, beta, lam = model.H, model.W, model.M, 2.0, problem.lam
    S = model.S.rows(X) + 0.1
    Y = X - S
    R, T = H @ W - Y, H - Y @ M
    analytic = {
        "H": 2 * R @ W.T + 2 * beta * T,
        "W": 2 * H.T @ R,
        "M": -2 * beta * Y.T @ T,
        "S": 2 * R + 2 * beta * T @ M.T + lam * S / row_norms(S)[:, None],
    }
    point = {"H": H, "W": W, "M": M, "S": S}
    for name, gradient in analytic.items():
        direction = rng.normal(size=gradient.shape) * np.abs(point[name]).mean()

        def along(t, name=name, direction=direction):
            return value(problem, **(point | {name: point[name] + t * direction}))

        step = 1e-5
        numeric = (along(step) - along(-step)) / (2 * step)
        assert numeric == pytest.approx((gradient * direction).sum(), rel=1e-6)


@pytest.mark.parametrize("beta", BETAS[1:])
def test_the_anomalies_are_the_exact_minimiser(rng, beta):
    X, _ = planted(rng)
    problem, model = begin(X, beta)
    model = run(problem, model, 5)[-1]
    S = model.S.rows(X)
    best = value(problem, model.H, model.W, model.M, S)
    np.testing.assert_allclose(model.S.norms, row_norms(S), atol=1e-7 * row_norms(S).max())
    for size in (1e-3, 1e-1, 1.0):
        other = S + size * rng.normal(size=S.shape)
        assert value(problem, model.H, model.W, model.M, other) > best
    odd = model.S.norms > 0
    unit = S[odd] / row_norms(S)[odd, None]
    R = (model.H @ model.W - X + S)[odd]
    T = (model.H - (X - S) @ model.M)[odd]
    gradient = 2 * R + 2 * beta * T @ model.M.T + problem.lam * unit
    assert np.abs(gradient).max() < 1e-6 * problem.lam


def test_pixels_that_are_not_odd_have_exactly_no_anomaly(rng):
    X, _ = planted(rng)
    problem, model = begin(X, 1.0, relative=20.0)
    for m in run(problem, model, 20)[1:]:
        S = m.S.rows(X)
        C = (X - m.H @ m.W) + problem.beta * (X @ m.M - m.H) @ m.M.T
        zero = row_norms(C) <= problem.lam / 2
        assert zero.any()
        assert not S[zero].any()
        assert (row_norms(S)[~zero] > 0).all()


def test_without_an_encoder_it_is_group_huber_factorization(rng):
    X, _ = planted(rng)
    problem, model = begin(X, 0.0)
    half = problem.lam / 2
    for m in run(problem, model, 30):
        E = X - m.H @ m.W
        np.testing.assert_allclose(m.S.rows(X), shrink_rows(E, half), atol=1e-6)
        t = row_norms(E)
        huber = np.where(t <= half, t**2, 2 * half * t - half**2).sum()
        assert m.objective == pytest.approx(huber, rel=1e-10)


def test_a_huge_penalty_leaves_plain_factorization(rng):
    X, _ = planted(rng)
    factors, energy = nmf.start(X, 3), float((X * X).sum())
    problem = solver.REDNMFProblem.of(X, 1e9, 0.0)
    model = solver.start(problem, factors.H, factors.W, np.zeros((20, 3)))
    for _ in range(40):
        factors, model = nmf.step(factors, X, energy), solver.step(model, problem)
        assert not model.S.norms.any()
    # Here W comes before H and there after it, so the objectives agree only in the end.
    assert model.objective == pytest.approx(factors.objective, rel=0.02)


def test_a_huge_penalty_leaves_the_encoder_decoder(rng):
    """The rules for S = 0, written out."""
    X, _ = planted(rng)
    problem, model = begin(X, 2.0)
    problem = solver.REDNMFProblem.of(X, 1e9, 2.0)
    model = solver.start(problem, model.H, model.W, model.M)
    for _ in range(10):
        H, W, M = model.H, model.W, model.M
        apart = ((H - X @ M) ** 2).sum(axis=0)
        W = W * (H.T @ X) / (H.T @ H @ W + 2 * apart[:, None] * W)
        norms = np.linalg.norm(W, axis=1)
        following = solver.step(model, problem)
        np.testing.assert_allclose(following.W, W / norms[:, None], rtol=1e-9)
        assert not following.S.norms.any()
        W, H, M = following.W, H * norms, following.M
        H = H * (X @ W.T + 2 * X @ M) / (H @ W @ W.T + 2 * H)
        np.testing.assert_allclose(following.H, H, rtol=1e-9)
        model = following


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_planted_pixels_are_the_only_odd_ones(rng, beta):
    X, where = planted(rng)
    problem, model = begin(X, beta, relative=10.0)
    last = run(problem, model, 300)[-1]
    assert set(np.flatnonzero(last.S.norms)) == set(where)


def test_without_unit_norm_the_encoder_can_be_scaled_away(rng):
    X, _ = planted(rng)
    problem, model = begin(X, 1.0, unit_norm=False)
    S = model.S.rows(X)
    rest = solver.REDNMFProblem.of(X, problem.lam, 0.0)
    terms = []
    for e in (1.0, 0.1, 0.01):
        H, W, M = e * model.H, model.W / e, e * model.M
        terms.append(value(problem, H, W, M, S) - value(rest, H, W, M, S))
    np.testing.assert_allclose(terms, terms[0] * np.array([1, 1e-2, 1e-4]), rtol=1e-5)


def test_with_unit_norm_the_weight_of_the_encoder_matters(rng):
    X, _ = planted(rng)

    def misfit(beta):
        last = run(*begin(X, beta), 300)[-1]
        return np.linalg.norm(last.H - last.YM) / np.linalg.norm(last.H)

    assert misfit(100.0) < 0.5 * misfit(0.01)


def test_the_printed_rules_raise_the_objective(rng):
    """Eq. 14 and eq. 17 do, one by one, where the corrected ones lower it."""
    X, _ = planted(rng)
    problem, model = begin(X, 1.0)
    factors, M = nmf.start(X, 3), model.M
    H, W = factors.H, factors.W
    S = shrink_rows(X - H @ W, problem.lam / 2)
    before = value(problem, H, W, M, S)
    printed = W * (H.T @ X + H.T @ S) / (H.T @ H @ W + H.T @ S)
    plus, minus = np.maximum(S, 0), np.maximum(-S, 0)
    right = W * (H.T @ X + H.T @ minus) / (H.T @ H @ W + H.T @ plus)
    assert value(problem, H, printed, M, S) > 1.5 * before
    assert value(problem, H, right, M, S) < before
    H, W, S = model.H, model.W, model.S.rows(X)
    before = value(problem, H, W, M, S)
    assert value(problem, H, W, M, shrink_rows((X - H @ W).T, problem.lam).T) > before
    assert value(problem, H, W, M, shrink_rows(X - H @ W, problem.lam)) > before


def test_the_printed_algorithm_does_not_descend(rng):
    X, _ = planted(rng)
    problem, model = begin(X, 1.0)
    factors = nmf.start(X, 3)
    state = published.Published(factors.H, factors.W, model.M, 0 * X)
    objective = []
    with np.errstate(all="ignore"):
        for _ in range(10):
            state = published.step(state, problem)
            objective.append(state.objective)
    assert max(np.diff(objective)) > 10 * min(objective)


def test_torch_and_numpy_agree(rng):
    torch = pytest.importorskip("torch")
    X, _ = planted(rng, n=100)
    problem, model = begin(X, 1.0)
    on_torch = solver.REDNMFProblem.of(torch.from_numpy(X), problem.lam, 1.0)
    other = solver.start(on_torch, *(torch.from_numpy(a) for a in (model.H, model.W, model.M)))
    for _ in range(20):
        model, other = solver.step(model, problem), solver.step(other, on_torch)
    assert other.objective == pytest.approx(model.objective, rel=1e-10)
    np.testing.assert_allclose(other.S.rows(on_torch.X).numpy(), model.S.rows(X), atol=1e-7)


def test_products_with_what_is_left_need_no_anomaly_array(rng):
    X, _ = planted(rng)
    problem, model = begin(X, 3.0)
    S = run(problem, model, 3)[-1].S
    assert isinstance(S, anomalies.Anomalies)
    A, Z = rng.normal(size=(20, 2)), rng.normal(size=(300, 2))
    Y = X - S.rows(X)
    np.testing.assert_allclose(S.times(X @ A, A), Y @ A, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(S.transposed_times(X, Z), Y.T @ Z, rtol=1e-9, atol=1e-7)
