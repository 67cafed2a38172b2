"""ADLR on a scene whose unmixing is known."""

import numpy as np
import pytest

import oddspec
from oddspec.detectors.representation.adlr import ADLR, centres_and_farthest
from oddspec.errors import SettingError


@pytest.fixture
def foreign(rng):
    """Mixtures of three materials, and three pixels with a part of a fourth."""
    spectra = rng.uniform(0.1, 1, (4, 20))
    shares = np.zeros((20, 20, 4))
    shares[..., :3] = rng.dirichlet(np.full(3, 0.3), (20, 20))
    odd = [(4, 5), (10, 12), (17, 3)]
    for where in odd:
        shares[where] = [0.2, 0.1, 0.1, 0.6]
    return shares @ spectra, odd


def test_pixels_with_a_foreign_material_score_high(foreign):
    cube, odd = foreign
    scores = oddspec.detect(cube, "adlr", endmembers=4, score="absolute")
    ordinary = np.ones((20, 20), dtype=np.bool_)
    ordinary[tuple(np.transpose(odd))] = False
    above = [(scores[ordinary] > scores[where]).mean() for where in odd]
    assert max(above) < 0.1


def test_signed_and_absolute_scores_are_sums_of_the_same_errors(cube):
    absolute = oddspec.detect(cube, "adlr", score="absolute")
    assert (absolute >= np.abs(oddspec.detect(cube, "adlr")) - 1e-12).all()


def test_atoms_are_centres_and_the_farthest_members(rng):
    S = rng.uniform(size=(30, 4))
    labels = rng.integers(0, 3, 30)
    labels[labels == 1] = 2
    centres = np.stack([S[labels == 0].mean(axis=0), S[0], S[labels == 2].mean(axis=0)])
    atoms = centres_and_farthest(S, centres, labels)
    assert len(atoms) == 4
    np.testing.assert_array_equal(atoms[[0, 2]], centres[[0, 2]])
    for k, label in ((1, 0), (3, 2)):
        members = S[labels == label]
        away = np.linalg.norm(members - centres[label], axis=1)
        np.testing.assert_array_equal(atoms[k], members[away.argmax()])


def test_a_weight_that_leaves_no_error_is_refused(cube):
    with pytest.raises(SettingError, match="all scores are 0"):
        oddspec.detect(cube, "adlr", penalty=1e3)


def test_the_weight_is_the_one_that_leaves_a_part_of_the_pixels_without_error(foreign):
    """And so a cube's number of pixels, which the published weight hangs on, does not count."""
    cube, _ = foreign
    for repeated in (cube, np.concatenate([cube, cube, cube])):
        for exact in (0.3, 0.6):
            settings = {"endmembers": 4, "score": "absolute", "exact": exact}
            scores = oddspec.detect(repeated, "adlr", axes="row,column,band", **settings)
            assert abs((scores == 0).mean() - exact) < 0.15


@pytest.mark.parametrize(
    "settings", [{"endmembers": 1}, {"bandwidth": 0.0}, {"mu_growth": 0.5}, {"exact": 1.0}]
)
def test_settings_without_sense_are_refused(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        ADLR(**settings)
