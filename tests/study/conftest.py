"""Folders with small scenes and their truths."""

import numpy as np
import pytest
from scipy import io

from cubes import make_cube


def make_scenes(folder):
    """hill.mat holds its truth, that of lake.npy lies beside it."""
    folder.mkdir()
    truth = np.zeros((24, 26), dtype=np.uint8)
    truth[9, 13] = truth[3, 4] = 1
    for seed, name in enumerate(("hill", "lake")):
        cube = make_cube(np.random.default_rng(seed))
        cube[3, 4] += 60
        if name == "hill":
            io.savemat(folder / "hill.mat", {"data": cube, "map": truth})
        else:
            np.save(folder / "lake.npy", cube)
            np.save(folder / "lake-truth.npy", truth)
    return folder


@pytest.fixture
def scenes(tmp_path):
    return make_scenes(tmp_path / "scenes")


@pytest.fixture(scope="module")
def lasting_scenes(tmp_path_factory):
    return make_scenes(tmp_path_factory.mktemp("study") / "scenes")
