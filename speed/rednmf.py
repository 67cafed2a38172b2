"""REDNMF: a whole run, and a sweep against the two products with the data that it cannot avoid."""

import numpy as np

import oddspec
from oddspec.detectors.factorization.rednmf import solver as rednmf
from oddspec.solvers import nmf
from speed.machine import seconds, seconds_in_turn


def scene(rows: int, columns: int, bands: int) -> np.ndarray:
    """Mixtures of eight spectra with noise, and some pixels that are none."""
    rng = np.random.default_rng(0)
    spectra = rng.uniform(100, 1000, (8, bands))
    cube = rng.dirichlet(np.ones(8), (rows, columns)) @ spectra
    cube += rng.normal(0, 5, cube.shape)
    cube[::7, ::11] += rng.uniform(0, 300, bands)
    return np.maximum(cube, 0)


def run(small: bool = False) -> None:
    """Print all rows of the table; ``small`` only shows that they can be measured."""
    cube = scene(*((30, 30, 12) if small else (100, 100, 200)))
    rank, sweeps = (3, 20) if small else (10, 500)
    h, w, b = cube.shape
    settings = {"rank": rank, "iterations": sweeps, "tolerance": 0.0}
    whole = seconds(lambda: oddspec.detect(cube, "rednmf", **settings), 1 if small else 3)
    print(f"rednmf, {h} x {w} x {b}, rank {rank}, {sweeps} sweeps: {whole:.2f} s")
    sweep(cube.reshape(-1, b), rank)


def sweep(X: np.ndarray, rank: int) -> None:
    """One sweep in the middle of a run, in turn with its two products and a sweep of plain NMF."""
    energy = float(np.vdot(X, X))
    factors = nmf.start(X, rank)
    for _ in range(5):
        factors = nmf.step(factors, X, energy)
    typical = float(np.median(nmf.residual_norms(factors.H, factors.W, *_products(X, factors.W))))
    problem = rednmf.REDNMFProblem.of(X, typical, 1.0)
    model = rednmf.start(problem, factors.H, factors.W, rednmf.encoder(X, factors.H))
    for _ in range(5):
        model = rednmf.step(model, problem)
    rng = np.random.default_rng(0)
    A, Z = rng.random((X.shape[1], 2 * rank)), rng.random((len(X), 2 * rank))
    whole, bare, plain = seconds_in_turn(
        [
            lambda: rednmf.step(model, problem),
            lambda: (X @ A, X.T @ Z),
            lambda: nmf.step(factors, X, energy),
        ],
        30,
    )
    print(f"  a sweep: {1e3 * whole:.1f} ms, {whole / bare:.1f} times its two products")
    print(f"  a sweep of the factorization that it starts from: {1e3 * plain:.1f} ms")


def _products(X: np.ndarray, W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return X @ W.T, np.vecdot(X, X)
