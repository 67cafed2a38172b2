"""Detectors with windows: against Spectral Python, the machine's limit, and growing tiles."""

import os
import statistics
import time
import tracemalloc
from pathlib import Path

import numpy as np

import oddspec
from oddspec.detectors.representation.crd import CRD
from oddspec.detectors.statistical.local_rx import LocalRX
from oddspec.windows import Tile, Window
from oddspec.windows.ring_grams import Node, halvings, side_of, starts
from speed.machine import matmul_rate, seconds_in_turn

SANDIEGO = Path(__file__).parents[2] / "shared" / "data" / "sandiego-2.mat"


def scene(rows: int, columns: int, bands: int) -> np.ndarray:
    """The real scene where it lies beside the checkout, else one of its size."""
    if SANDIEGO.exists() and (rows, columns, bands) == (100, 100, 189):
        from scipy.io import loadmat

        return loadmat(SANDIEGO)["data"].astype(np.float64)
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(12, bands))
    return (
        3000
        + 80 * rng.normal(size=(rows, columns, 12)) @ mixing
        + rng.normal(0, 20, (rows, columns, bands))
    )


def run(small: bool = False) -> None:
    """Print all rows of the table; ``small`` only shows that they can be measured."""
    cube = scene(*((30, 30, 12) if small else (100, 100, 189)))
    print(f"windows, {cube.shape[0]} x {cube.shape[1]} x {cube.shape[2]}:")
    local_rx(cube, repeats=1 if small else 5)
    crd(cube, repeats=1 if small else 3)
    memory(20 if small else 60)


def local_rx(cube: np.ndarray, guard: int = 7, outer: int = 25, repeats: int = 5) -> None:
    """Local RX against SPy's, and against the operations that it cannot do without.

    Those are the Cholesky factorisation, b^3 / 3 per pixel, and the least that a ring's products
    take here: the last halving of a square adds ``guard + outer`` pixels, all halvings together
    `products_per_pixel`, each b^2 (a multiplication and an addition for half a matrix).
    """
    import spectral

    spectral.settings.show_progress = False
    h, w, b = cube.shape
    settings = {"guard": guard, "outer": outer, "ridge": 0.0}
    found, expected, mine, theirs = np.empty(0), np.empty(0), [], []
    for _ in range(repeats):
        start = time.perf_counter()
        found = oddspec.detect(cube, "local_rx", **settings)
        mine.append(time.perf_counter() - start)
        if len(theirs) < 2:  # half a minute each
            start = time.perf_counter()
            expected = spectral.rx(cube, window=(guard, outer))
            theirs.append(time.perf_counter() - start)
    apart = np.abs(found / expected - 1).max()
    taken, longer = statistics.median(mine), statistics.median(theirs)
    per_pixel = products_per_pixel(Window(guard, outer))
    limit = h * w * (b**3 / 3 + per_pixel * b**2) / matmul_rate()
    print(
        f"local_rx, guard {guard}, outer {outer}: {taken:.2f} s, "
        f"{1e6 * taken / h / w:.0f} us per pixel"
    )
    print(f"  Spectral Python: {longer:.1f} s, {longer / taken:.0f} times as long")
    print(f"  scores differ by at most {apart:.1e} (relative; its own are float32)")
    print(
        f"  share of the matrix-product limit: {limit / taken:.2f} (factorisation and "
        f"{per_pixel:.0f} b^2 for products shared by neighbours, instead of {outer**2 - guard**2})"
    )


def products_per_pixel(window: Window) -> float:
    """Ring pixels that are added up per tested pixel, far from the scene's border."""
    side = side_of(window)
    length = 4 * (window.outer + side)
    first = length // 2 // side * side
    span = (first, first + side)
    lines = starts(window, span, length, window.outer_start(first, length))

    def added(node: Node) -> int:
        return len(node.extra) + sum(added(half) for half in node.halves)

    return added(halvings(window, lines, lines)) / side**2


def crd(cube: np.ndarray, guard: int = 7, outer: int = 15, repeats: int = 3) -> None:
    """CRD against the operations of its Gram matrices (m b k) and factorisations (m^3 / 3)."""
    h, w, b = cube.shape
    size = outer**2 - guard**2
    (mine,) = seconds_in_turn(
        [lambda: oddspec.detect(cube, "crd", guard=guard, outer=outer)], repeats
    )
    m, k = min(size, b), max(size, b)
    limit = h * w * (m * m * k + m**3 / 3) / matmul_rate()
    print(f"crd, guard {guard}, outer {outer}: {mine:.2f} s, {1e6 * mine / h / w:.0f} us/pixel")
    print(f"  {mine / limit:.2f} times the limit of its Gram matrices and factorisations")


def memory(bands: int) -> None:
    """Memory beside the tile as its width grows, measured and as the detector says."""
    rng = np.random.default_rng(0)
    for detector in (LocalRX(3, 9), CRD(3, 9)):
        for width in (50, 100, 200):
            cube = rng.normal(size=(16, width, bands))
            tile = Tile.whole(cube, np.ones(cube.shape[:2], dtype=np.bool_))
            tracemalloc.start()
            detector.score_tile(tile)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            said = detector.scratch(16, width, bands)
            print(
                f"{type(detector).__name__}, tile 16 x {width} x {bands} of "
                f"{cube.nbytes / 1e6:.1f} MB: {peak / 1e6:.2f} MB beside it, {said / 1e6:.2f} said"
            )


if __name__ == "__main__":
    print(f"{len(os.sched_getaffinity(0))} CPUs, load {os.getloadavg()[0]:.1f}")
    run()
