"""Small cubes that many tests use."""

import numpy as np

__all__ = ["SEED", "make_cube"]

SEED = 20261121
"""Of the generator that the tests share."""


def make_cube(rng: np.random.Generator, h: int = 24, w: int = 26, b: int = 12) -> np.ndarray:
    materials = rng.uniform(100, 1000, (3, b))
    weights = rng.dirichlet(np.ones(3), (h, w))
    cube = weights @ materials + rng.normal(0, 5, (h, w, b))
    cube[9, 13] = rng.uniform(100, 1000, b)
    return cube
