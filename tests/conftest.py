"""Fixtures that all tests share, and run-time checking of array shapes."""

import os
from pathlib import Path

# Before NumPy is loaded: the tests run on several processes, each with one BLAS thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from jaxtyping import install_import_hook

install_import_hook(["oddspec"], "shapes.checked")

import hypothesis
import numpy as np
import pytest

from cubes import SEED, make_cube

# Busy machines are slow now and then; how long an example takes is no property to test.
hypothesis.settings.register_profile("oddspec", deadline=None)
hypothesis.settings.load_profile("oddspec")

SHARED = Path(__file__).parents[2] / "shared"
"""Real scenes and oracles lie beside the checkout where there are any."""


@pytest.fixture(scope="session")
def shared() -> Path:
    if not (SHARED / "data").is_dir():
        pytest.skip("the folder with real scenes is not beside this checkout")
    return SHARED


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(SEED)


@pytest.fixture
def cube(rng: np.random.Generator) -> np.ndarray:
    """A background of three mixed materials with noise, and one odd pixel at (9, 13)."""
    return make_cube(rng)
