"""Whole detectors: some against stated times, and every one that is installed on a small scene."""

import functools
import statistics
import time
import warnings

import numpy as np

import oddspec
from oddspec.errors import OddspecError

ASKED = {"nmf": 3.0, "l1nmf": 3.0, "rnmf": 3.0, "ewnmf": 3.0, "lsmad": 2.0, "frfe": 10.0}
"""Seconds on 100 x 100 x 200 pixels; the factorizations with all of 500 sweeps."""


def run(small: bool = False) -> None:
    """Print all rows of the tables; ``small`` only shows that they can be measured."""
    against_stated_times(*((20, 12, 5) if small else (100, 200, 500)))
    every_detector(*((30, 12, 0.5) if small else (64, 50, 120.0)))


def scene(side: int, bands: int) -> np.ndarray:
    """Mixtures of eight spectra with noise."""
    rng = np.random.default_rng(0)
    spectra = rng.uniform(100, 1000, (8, bands))
    cube = rng.dirichlet(np.ones(8), (side, side)) @ spectra
    cube += rng.normal(0, 5, cube.shape)
    return cube


def against_stated_times(side: int, bands: int, sweeps: int) -> None:
    """Detectors that take seconds, against `ASKED`."""
    cube = scene(side, bands)
    print(f"{side} x {side} x {bands}:")
    for name, asked in ASKED.items():
        settings = {"iterations": sweeps, "tolerance": 0.0} if name.endswith("nmf") else {}
        detect = functools.partial(oddspec.detect, cube, name, **settings)
        taken = statistics.median(seconds(detect) for _ in range(3))
        print(f"  {name}: {taken:.2f} s, {asked:g} s asked for")


def every_detector(side: int, bands: int, limit: float) -> None:
    """One run of every detector with its defaults, called off after ``limit`` seconds."""
    cube = scene(side, bands)
    print(f"every detector, {side} x {side} x {bands}, defaults, called off after {limit:g} s:")
    for name in oddspec.list_detectors():
        begin = time.perf_counter()

        def call_off(done: float, total: float, stage: str, begin: float = begin) -> None:
            if time.perf_counter() - begin > limit:
                raise _TooLongError

        try:
            taken = seconds(functools.partial(oddspec.detect, cube, name, progress=call_off))
            print(f"  {name}: {taken:.2f} s")
        except _TooLongError:
            print(f"  {name}: more than {limit:g} s")
        except OddspecError as error:
            print(f"  {name}: {error}")


class _TooLongError(Exception):
    """A run has been called off."""


def seconds(detect: functools.partial[np.ndarray]) -> float:
    """Of one run, with whatever warnings it has."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        detect()
    return time.perf_counter() - start
