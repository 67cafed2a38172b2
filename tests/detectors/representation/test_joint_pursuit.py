"""Simultaneous orthogonal matching pursuit against its definition."""

import numpy as np
import pytest

from oddspec.detectors.representation.pab_dc.patch_atoms import code_jointly


@pytest.fixture
def atoms(rng):
    D = rng.normal(size=(40, 25))
    return D / np.linalg.norm(D, axis=1)[:, None]


def by_definition(P, D, own, count):
    """One patch, with the residuals themselves and least squares in every step."""
    rest, support, barred = P, [], [own] if own >= 0 else []
    for _ in range(count):
        strength = np.abs(rest @ D.T).sum(axis=0)
        strength[barred + support] = -1
        support.append(int(np.argmax(strength)))
        codes = np.linalg.lstsq(D[support].T, P.T, rcond=None)[0]
        rest = P - codes.T @ D[support]
    return support, codes, np.linalg.norm(rest, axis=1)


@pytest.mark.parametrize("count", [1, 4, 7])
def test_equals_its_definition(rng, atoms, count):
    patches = rng.normal(size=(6, 3, 25))
    own = np.array([-1, 0, 5, 7, -1, 39])
    coded = code_jointly(patches, atoms, own, count)
    for i in range(6):
        support, codes, lengths = by_definition(patches[i], atoms, own[i], count)
        np.testing.assert_array_equal(coded.support[i], support)
        np.testing.assert_allclose(coded.coefficients[i], codes, atol=1e-10)
        np.testing.assert_allclose(coded.residuals[i], lengths, rtol=1e-8)


def test_a_planted_joint_support_is_found(rng, atoms):
    planted = np.array([3, 17, 30])
    weights = rng.uniform(1, 2, (5, 9, 3)) * rng.choice([-1, 1], (5, 9, 3))
    patches = weights @ atoms[planted]
    coded = code_jointly(patches, atoms, np.full(5, -1), 3)
    for i in range(5):
        order = np.argsort(coded.support[i])
        np.testing.assert_array_equal(coded.support[i][order], planted)
        np.testing.assert_allclose(coded.coefficients[i][order], weights[i].T, rtol=1e-9)
    assert coded.residuals.max() < 1e-6


def test_ones_own_atom_is_not_used(atoms):
    patches = atoms[:4, None]
    free = code_jointly(patches, atoms, np.full(4, -1), 1)
    np.testing.assert_array_equal(free.support[:, 0], np.arange(4))
    coded = code_jointly(patches, atoms, np.arange(4), 5)
    assert not (coded.support == np.arange(4)[:, None]).any()
    assert coded.residuals.min() > 0.1


def test_equal_atoms_bring_nothing_new(atoms):
    D = np.tile(atoms[:1], (6, 1))
    coded = code_jointly(2 * atoms[:1, None], D, np.array([-1]), 4)
    np.testing.assert_allclose(coded.coefficients[0, :, 0], [2, 0, 0, 0], atol=1e-12)
