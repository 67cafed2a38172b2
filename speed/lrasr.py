"""LRASR's solver: against the same iteration written as it is stated, in one run."""

import time
from pathlib import Path

import numpy as np

import oddspec
from oddspec.detectors.representation.lrasr import LRASR, sparse_lrr, typical_members
from oddspec.execution.executors import thread_pool
from oddspec.solvers.clusters import assign
from speed.machine import matmul_rate

SANDIEGO = Path(__file__).parents[2] / "shared" / "data" / "sandiego-1-raw224.mat"

NOISY = [*range(6), *range(32, 35), *range(93, 97), *range(106, 113), *range(152, 166)]
"""Bands that are left out beside the last four, as public codes do; 186 stay."""


def scene(small: bool) -> np.ndarray:
    """The real scene where it lies beside the checkout, else mixtures of its size."""
    if SANDIEGO.exists() and not small:
        from scipy.io import loadmat

        cube = loadmat(SANDIEGO)["data"].astype(np.float64)
        return np.delete(cube, [*NOISY, *range(220, 224)], axis=2)
    rows, columns, bands = (30, 30, 12) if small else (100, 100, 186)
    rng = np.random.default_rng(0)
    spectra = rng.uniform(100, 1000, (8, bands))
    return rng.dirichlet(np.ones(8), (rows, columns)) @ spectra + rng.normal(
        0, 5, (rows, columns, bands)
    )


def run(small: bool = False) -> None:
    """Print all rows of the table; ``small`` only shows that they can be measured."""
    cube = scene(small)
    h, w, b = cube.shape
    X = (cube / cube.max()).reshape(-1, b)
    chosen = typical_members(X, assign(X, 15, 0), 20, LRASR.ridge)[:280]
    atoms = np.ascontiguousarray(X[chosen])
    print(f"lrasr, {h} x {w} x {b}, {len(atoms)} atoms:")
    mine, steps, found = timed(lambda: solve(X, atoms))
    theirs, plain_steps, expected = timed(lambda: plain(X, atoms))
    again = timed(lambda: solve(X, atoms))[0]
    apart = np.abs(found - expected).max() / expected.max()
    taken = (mine + again) / 2
    print(f"  solver: {taken:.2f} s for {steps} steps ({mine:.2f} before, {again:.2f} after)")
    ratio = theirs / taken
    print(f"  plain loop: {theirs:.1f} s for {plain_steps} steps, {ratio:.1f} times as long")
    print(f"  scores differ by at most {apart:.1e} of the largest")
    m, n = len(atoms), len(X)
    limit = steps * n * m * (2 * b + m) / matmul_rate()
    print(f"  {taken / limit:.2f} times the limit of its products (n m b and n m^2 / 2 per step)")
    print(f"  whole detector: {timed(lambda: (0, oddspec.detect(cube, 'lrasr')))[0]:.2f} s")


def timed(work):
    """Seconds, and what the work returned."""
    start = time.perf_counter()
    steps, scores = work()
    return time.perf_counter() - start, steps, scores


def solve(X: np.ndarray, D: np.ndarray) -> tuple[int, np.ndarray]:
    """Ours, with the defaults' weights and tolerance."""
    problem = sparse_lrr.SparseLRRProblem.of(X, D, LRASR.sparsity, LRASR.penalty)
    state, steps = sparse_lrr.start(problem, LRASR.mu), 0
    with thread_pool() as threads:
        while state.unexplained > LRASR.tolerance:
            state, steps = sparse_lrr.step(state, problem, threads=threads), steps + 1
    return steps, state.lengths


def plain(X: np.ndarray, D: np.ndarray) -> tuple[int, np.ndarray]:
    """The iteration as it is stated, with whole arrays and a whole decomposition in every step."""
    n, m = len(X), len(D)
    S, J, Y2 = np.zeros((n, m)), np.zeros((n, m)), np.zeros((n, m))
    E, Y1 = np.zeros(X.shape), np.zeros(X.shape)
    beta, lam, mu, steps = LRASR.sparsity, LRASR.penalty, LRASR.mu, 0
    eta, size = np.linalg.norm(D, 2) ** 2, np.linalg.norm(X)
    while True:
        before = S, J, E
        A = S + ((X - S @ D - E + Y1 / mu) @ D.T - (S - J + Y2 / mu)) / eta
        U, s, Vt = np.linalg.svd(A, full_matrices=False)
        S = (U * np.maximum(s - 1 / (mu * eta), 0)) @ Vt
        Q = S + Y2 / mu
        J = np.sign(Q) * np.maximum(np.abs(Q) - beta / mu, 0)
        P = X - S @ D + Y1 / mu
        E = P * np.maximum(1 - lam / mu / np.linalg.norm(P, axis=1), 0)[:, None]
        rest = X - S @ D - E
        Y1, Y2, steps = Y1 + mu * rest, Y2 + mu * (S - J), steps + 1
        moved = [np.linalg.norm(a - b) for a, b in zip((S, J, E), before, strict=True)]
        change = mu * max(eta**0.5 * moved[0], *moved[1:]) / size
        if np.linalg.norm(rest) / size < LRASR.tolerance and change < 1e-2:
            return steps, np.linalg.norm(E, axis=1)
        mu = min(1.1 * mu, 1e10) if change < 1e-2 else mu
