import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from oddspec.statistics.gaussian import Health
from oddspec.statistics.scaling import bandz
from oddspec.statistics.summary import Moments, Sample, Tree, pack, unpack

values = st.floats(-1e6, 1e6, allow_nan=False)


@given(
    arrays(np.float64, st.tuples(st.integers(2, 30), st.integers(1, 5)), elements=values), st.data()
)
def test_moments_of_parts_add_up_to_those_of_the_whole(pixels, data):
    at = data.draw(st.integers(1, len(pixels) - 1))
    whole = Moments.of(pixels)
    parts = Moments.of(pixels[:at]) + Moments.of(pixels[at:])
    size = np.abs(pixels).max() ** 2 + 1
    assert parts.count == whole.count
    np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(parts.scatter, whole.scatter, rtol=1e-9, atol=1e-12 * size)


def test_moments_keep_their_digits_far_from_zero(rng):
    pixels = rng.normal(0, 1, (10_000, 3)) + 1e9
    shifted = Moments.of(pixels - 1e9).covariance
    np.testing.assert_allclose(Moments.of(pixels).covariance, shifted, rtol=1e-6, atol=1e-6)


def test_an_offset_in_one_band_changes_no_bit_of_another(rng):
    pixels = rng.normal(size=(5000, 4)) + 10
    far = pixels + np.array([0, 0, 1e10, 0])
    kept = [0, 1, 3]
    mine, plain = Moments.of(far), Moments.of(pixels)
    np.testing.assert_array_equal(mine.mean[kept], plain.mean[kept])
    np.testing.assert_array_equal(
        mine.scatter[np.ix_(kept, kept)], plain.scatter[np.ix_(kept, kept)]
    )
    np.testing.assert_allclose(mine.covariance, np.cov((far - [0, 0, 1e10, 0]).T), rtol=1e-6)


@pytest.mark.parametrize("value", [7.3, 0.1, 1234.567])
def test_a_constant_band_is_found_constant_in_a_scene_of_any_size(rng, value):
    pixels = np.column_stack([rng.normal(size=(100_000, 3)), np.full(100_000, value)])
    moments = Moments.of(pixels)
    assert moments.covariance[3, 3] < (1e-13 * value) ** 2
    assert Health.of(moments).constant_bands == 1
    assert abs(bandz(pixels)(pixels)[:, 3]).max() < 1e-12


def test_moments_agree_with_numpy(rng):
    pixels = rng.normal(size=(50, 4))
    np.testing.assert_allclose(Moments.of(pixels).covariance, np.cov(pixels.T), rtol=1e-12)


def test_moments_of_torch_tensors_equal_those_of_arrays(rng):
    torch = pytest.importorskip("torch")
    pixels = rng.normal(size=(200, 7))
    mine = Moments.of(torch.from_numpy(pixels[:80])) + Moments.of(torch.from_numpy(pixels[80:]))
    expected = Moments.of(pixels)
    np.testing.assert_allclose(mine.mean.numpy(), expected.mean, atol=1e-12)
    np.testing.assert_allclose(mine.scatter.numpy(), expected.scatter, atol=1e-10)


@given(st.integers(1, 60), st.integers(0, 3), st.data())
def test_a_sample_does_not_depend_on_the_cut(size, seed, data):
    pixels = np.arange(100.0)[:, None] * np.ones(2)
    index = np.arange(100)
    cuts = sorted(data.draw(st.lists(st.integers(0, 100), max_size=5)))
    parts = [
        Sample.of(p, i, size=size, seed=seed)
        for p, i in zip(np.split(pixels, cuts), np.split(index, cuts), strict=True)
    ]
    merged = parts[0]
    for part in parts[1:]:
        merged = merged + part
    whole = Sample.of(pixels, index, size=size, seed=seed)
    np.testing.assert_array_equal(merged.index, whole.index)
    np.testing.assert_array_equal(merged.pixels, whole.pixels)
    assert len(whole.index) == min(size, 100)
    np.testing.assert_array_equal(whole.pixels[:, 0], whole.index)


def test_a_sample_is_spread_evenly():
    index = np.arange(100_000)
    drawn = Sample.of(index[:, None].astype(float), index, size=5000, seed=7).index
    counts = np.histogram(drawn, bins=10, range=(0, 100_000))[0]
    assert abs(counts - 500).max() < 100


@pytest.mark.parametrize(
    "summary",
    [
        Moments.of(np.arange(12.0).reshape(6, 2)),
        Sample.of(np.arange(12.0).reshape(6, 2), np.arange(6), size=4, seed=1),
    ],
)
def test_packing_loses_nothing(summary):
    back = unpack(pack(summary))
    assert type(back) is type(summary)
    for name in summary.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(back, name), getattr(summary, name))


@given(st.integers(1, 40), st.randoms(use_true_random=False), st.sets(st.integers(0, 39)))
def test_a_tree_sums_the_same_bits_in_any_order(count, random, empty):
    values = [None if i in empty else 0.1 * i + 1e10 / (i + 1) for i in range(count)]
    in_order, shuffled, merged, half = Tree(), Tree(), Tree(), Tree()
    for i, value in enumerate(values):
        in_order.add(i, value)
    order = list(range(count))
    random.shuffle(order)
    for i in order:
        shuffled.add(i, values[i])
        (merged if i % 3 else half).add(i, values[i])
    merged.merge(half)
    assert shuffled.total() == in_order.total() == merged.total()
    if in_order.total() is not None:
        assert in_order.total() == pytest.approx(sum(v for v in values if v is not None))
    assert len(in_order.nodes) <= count.bit_length()
