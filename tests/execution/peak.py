"""Runs one detector on a scene's file within its least budget; prints stated and measured bytes.

In a process of its own: tracemalloc sees nothing of what BLAS, LAPACK and PyTorch allocate, and a
process's peak also holds what was there before.
"""

import json
import sys
import time
import warnings

import numpy as np

from oddspec.detectors import load
from oddspec.execution.resources import Resources, peak_since_reset, reset_peak, resident
from oddspec.execution.run import run
from oddspec.execution.score_store import ScoreArray
from oddspec.execution.tiles import needed
from oddspec.io.open import open_source
from oddspec.io.source import ArraySource
from oddspec.scene import Scene

MARGIN = 1_000_000
"""Bytes above the stated ones: the process grows a little between being measured and being run."""


class Enough(Exception):
    """The run is called off; all that it holds was held before."""


def measure(name, path, seconds):
    rng = np.random.default_rng(0)
    mixed = rng.dirichlet(np.ones(5), (32, 32)) @ rng.uniform(100, 1000, (5, 30))
    # What is imported or built at the first use is not the scene's.
    attempt(name, Scene.of(ArraySource(mixed + rng.normal(0, 5, mixed.shape))), None, 2.0)
    scene = Scene.of(open_source(path))
    stated = needed(scene, load(name)())
    counted = reset_peak()
    before = resident()
    attempt(name, scene, before + stated + MARGIN, seconds)
    return {"counted": counted, "stated": stated, "peak": peak_since_reset() - before}


def attempt(name, scene, max_memory, seconds):
    begin = time.perf_counter()

    def progress(done, total, stage):
        if time.perf_counter() - begin > seconds:
            raise Enough

    try:
        store = ScoreArray(*scene.shape[:2])
        run(scene, load(name)(), store, Resources(max_memory, workers=1), progress)
    except Enough:
        pass


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(measure(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
