"""Whole detectors that take seconds, on 100 x 100 x 200 pixels, against stated times."""

import statistics
import time
import warnings

import numpy as np

import oddspec

ASKED = {"nmf": 3.0, "l1nmf": 3.0, "rnmf": 3.0, "ewnmf": 3.0, "lsmad": 2.0, "frfe": 10.0}
"""Seconds; the factorizations with all of 500 sweeps."""


def run(small: bool = False) -> None:
    """Print all rows of the table; ``small`` only shows that they can be measured."""
    side, bands, sweeps = (20, 12, 5) if small else (100, 200, 500)
    rng = np.random.default_rng(0)
    spectra = rng.uniform(100, 1000, (8, bands))
    cube = rng.dirichlet(np.ones(8), (side, side)) @ spectra
    cube += rng.normal(0, 5, cube.shape)
    print(f"{side} x {side} x {bands}:")
    for name, asked in ASKED.items():
        settings = {"iterations": sweeps, "tolerance": 0.0} if name.endswith("nmf") else {}
        taken = statistics.median(seconds(cube, name, settings) for _ in range(3))
        print(f"  {name}: {taken:.2f} s, {asked:g} s asked for")


def seconds(cube: np.ndarray, name: str, settings: dict[str, float]) -> float:
    """Of one run, with whatever warnings it has."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oddspec.detect(cube, name, **settings)
    return time.perf_counter() - start
