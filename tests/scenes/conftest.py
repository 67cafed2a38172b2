"""What the tests of made scenes share."""

import numpy as np
import pytest

from oddspec.scenes import Recipe


def target_abundance(recipe: Recipe) -> np.ndarray:
    """Part of each pixel that a target fills."""
    result = np.zeros((recipe.rows, recipe.columns), dtype=np.float32)
    for target in recipe.planned:
        rows = slice(target.row, target.row + target.height)
        result[rows, target.column : target.column + target.width] = target.abundance
    return result


@pytest.fixture(name="target_abundance")
def target_abundance_of():
    return target_abundance
