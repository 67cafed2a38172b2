"""PAB_DC: patches, their clusters and atoms, and a scene with planted anomalies."""

import numpy as np
import pytest

import oddspec
from oddspec.detectors.representation.pab_dc import PABDC
from oddspec.detectors.representation.pab_dc.patch_atoms import (
    code_patches,
    largest,
    patch_clusters,
    patch_members,
)
from oddspec.errors import SettingError


def test_patches_are_centred_and_mirrored_at_the_border(rng):
    members = patch_members(np.ones((4, 5), dtype=np.bool_), 3)
    assert members.shape == (20, 9)
    np.testing.assert_array_equal(members[:, 4], np.arange(20))
    np.testing.assert_array_equal(members[7], [1, 2, 3, 6, 7, 8, 11, 12, 13])
    np.testing.assert_array_equal(members[0], [0, 0, 1, 0, 0, 1, 5, 5, 6])


def test_the_centre_stands_for_invalid_pixels():
    valid = np.ones((3, 3), dtype=np.bool_)
    valid[0, 0] = False
    members = patch_members(valid, 3)
    np.testing.assert_array_equal(members[3], [3, 0, 1, 2, 3, 4, 5, 6, 7])


def test_pixels_of_a_patch_may_change_places(rng):
    """Two textures that position by position are far apart, and as sets are the same."""
    board = np.indices((12, 12)).sum(axis=0) % 2
    plain = np.full((12, 12), 5)
    P = np.concatenate([board.ravel(), plain.ravel()])[:, None] + rng.normal(0, 0.01, (288, 1))
    members = np.concatenate([patch_members(np.ones((12, 12), bool), 3) + k for k in (0, 144)])
    labels = patch_clusters(P, members, 2, 0)
    assert len(set(labels[:144])) == len(set(labels[144:])) == 1
    assert labels[0] != labels[200]


def test_use_of_pixels_that_code_each_other():
    """Two pairs of equal pixels, and one between them that the first of all codes by half."""
    X = np.zeros((5, 8))
    X[[0, 1, 2, 3], [0, 0, 1, 1]] = 1.0
    X[4, :2] = np.sqrt(0.5)
    used = code_patches(X, np.arange(5)[:, None], np.zeros(5, dtype=np.int64), 1)
    np.testing.assert_array_equal(used.frequency, [2, 1, 1, 1, 0])
    mass = np.array([1 + np.sqrt(0.5), 1, 1, 1, 0])
    np.testing.assert_allclose(used.share, mass / np.linalg.norm(mass), rtol=1e-12)
    np.testing.assert_allclose(used.residual, [0, 0, 0, 0, np.sqrt(0.5)], atol=1e-7)
    np.testing.assert_allclose(used.level, used.residual * used.share / [2, 1, 1, 1, 1])


def test_at_most_those_above_zero():
    np.testing.assert_array_equal(largest(np.array([0.0, 3.0, 1.0, 2.0]), 2), [0, 1, 0, 1])
    assert largest(np.array([0.0, 3.0, 0.0]), 2).sum() == 1


def test_clusters_of_one_pixel_code_nothing():
    X = np.eye(3)
    used = code_patches(X, np.arange(3)[:, None], np.arange(3), 5)
    np.testing.assert_array_equal(used.level, 0)
    np.testing.assert_array_equal(used.residual, 1)


def test_a_planted_anomaly_scores_first(cube):
    scores = oddspec.detect(cube, "pab_dc", anomalies=0.1, sparsity=30.0)
    assert np.nanargmax(scores) == 9 * 26 + 13


@pytest.mark.parametrize(
    "settings", [{"width": 2}, {"background": 0.0}, {"anomalies": 2.0}, {"sparsity": 0.0}]
)
def test_settings_without_sense_are_refused(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        PABDC(**settings)
