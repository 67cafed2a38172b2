import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist
from sklearn.cluster import DBSCAN

from oddspec.detectors.learned.sparsehad import background_search
from oddspec.errors import SettingError


def clumps(seed, n=400, b=6):
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, 1, (5, b))
    return centres[rng.choice(5, n, p=[0.4, 0.3, 0.15, 0.1, 0.05])] + rng.normal(0, 0.05, (n, b))


@given(seed=st.integers(0, 1000), eps=st.floats(0.01, 0.6))
def test_it_is_the_largest_connected_component(seed, eps):
    pixels = clumps(seed, 150)
    _, labels = connected_components(cdist(pixels, pixels) <= eps)
    member = background_search.largest_component(pixels, eps)
    assert member.sum() == np.bincount(labels).max()
    assert len(set(labels[member])) == 1


def test_it_is_dbscan_with_one_point_per_neighbourhood():
    pixels = clumps(1)
    labels = DBSCAN(eps=0.12, min_samples=1).fit_predict(pixels)
    member = background_search.largest_component(pixels, 0.12)
    np.testing.assert_array_equal(member, labels == np.bincount(labels).argmax())
    assert 20 < member.sum() < 400


def test_chunks_do_not_matter(monkeypatch):
    pixels = clumps(2)
    expected = (
        background_search.largest_component(pixels, 0.12),
        background_search.nearest_distances(pixels),
    )
    monkeypatch.setattr(background_search, "CHUNK", 7)
    np.testing.assert_array_equal(background_search.largest_component(pixels, 0.12), expected[0])
    np.testing.assert_allclose(background_search.nearest_distances(pixels), expected[1], atol=1e-12)


def test_nearest_distances_are_those_of_a_full_search():
    pixels = clumps(3)
    apart = cdist(pixels, pixels)
    np.fill_diagonal(apart, np.inf)
    np.testing.assert_allclose(
        background_search.nearest_distances(pixels), apart.min(axis=1), atol=1e-8
    )


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95, 1.0])
def test_eps_is_the_least_that_gives_the_share(share):
    pixels = clumps(4)
    eps, member = background_search.smallest_eps(
        pixels, background_search.nearest_distances(pixels), share
    )
    assert member.mean() >= share
    np.testing.assert_array_equal(member, background_search.largest_component(pixels, eps))
    assert background_search.largest_component(pixels, eps / 1.06).mean() < share


def test_a_search_takes_the_eps_it_is_given_or_looks_for_one():
    pixels = clumps(5)
    _, member = background_search.search(pixels, 0.12, 0.5)
    np.testing.assert_array_equal(member, background_search.largest_component(pixels, 0.12))
    found, member = background_search.search(pixels, None, 0.5)
    assert found.share == member.mean() >= 0.5
    np.testing.assert_array_equal(member, background_search.largest_component(pixels, found.eps))
    with pytest.raises(SettingError, match=r"eps=1e-06: .* group of pixels that close has 1 of"):
        background_search.search(pixels, 1e-6, 0.5)
    twins = np.concatenate([pixels, pixels[:1], pixels[:1]])
    with pytest.raises(SettingError, match=r"has 3 of .* without any difference"):
        background_search.search(twins, 1e-6, 0.5)


def test_equal_pixels_are_one_background():
    eps, member = background_search.smallest_eps(np.ones((30, 3)), np.zeros(30), 0.95)
    assert member.all()
    assert eps > 0


def test_no_neighbours_at_all():
    member = background_search.largest_component(np.arange(5.0)[:, None], 0.5)
    np.testing.assert_array_equal(member, [True, False, False, False, False])


@given(seed=st.integers(0, 1000), eps=st.floats(0.01, 0.6))
def test_categories_are_the_connected_components_the_largest_first(seed, eps):
    pixels = clumps(seed, 150)
    _, expected = connected_components(cdist(pixels, pixels) <= eps)
    found = background_search.categories(pixels, eps)
    assert len(set(zip(found, expected, strict=True))) == len(set(expected)) == found.max() + 1
    sizes = np.bincount(found)
    assert (np.diff(sizes) <= 0).all()
    np.testing.assert_array_equal(found == 0, background_search.largest_component(pixels, eps))
