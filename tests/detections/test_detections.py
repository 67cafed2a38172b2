from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from oddspec.detections import (
    IN_CROWDED_LINE,
    ON_DEAD_LINE,
    ON_SCENE_EDGE,
    TOUCHES_MASKED,
    find_detections,
    flag_detections,
)
from oddspec.errors import BudgetError, InputError, SettingError

SQUARE = np.ones((3, 3))
CROSS = ndimage.generate_binary_structure(2, 1)

masks = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(lambda s: arrays(np.bool_, s))


@given(mask=masks, connectivity=st.sampled_from([4, 8]), seed=st.integers(0, 9))
@settings(max_examples=150, deadline=None)
def test_same_objects_as_scipy(mask, connectivity, seed):
    scores = np.random.default_rng(seed).integers(0, 5, mask.shape).astype(np.float64)
    found = find_detections(scores, mask, connectivity=connectivity)
    labels, count = ndimage.label(mask, SQUARE if connectivity == 8 else CROSS)
    assert len(found) == count
    assert {frozenset(zip(d.rows.tolist(), d.columns.tolist(), strict=True)) for d in found} == {
        frozenset(map(tuple, np.argwhere(labels == i).tolist())) for i in range(1, count + 1)
    }
    peaks = [d.peak for d in found]
    assert peaks == sorted(peaks, reverse=True)
    assert [d.id for d in found] == list(range(1, count + 1))
    for d in found:
        values = scores[d.rows, d.columns]
        assert d.peak == values.max() == scores[d.peak_row, d.peak_column]
        assert d.mean_score == pytest.approx(values.mean())
        first = int(np.argmax(values))
        assert (d.peak_row, d.peak_column) == (d.rows[first], d.columns[first])


@given(mask=masks, low=st.integers(1, 4), extra=st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_objects_of_other_sizes_are_left_out_and_counted(mask, low, extra):
    scores = np.arange(mask.size, dtype=np.float64).reshape(mask.shape)
    everything = find_detections(scores, mask)
    found = find_detections(scores, mask, min_size=low, max_size=low + extra)
    sizes = everything.sizes
    assert sorted(found.sizes) == sorted(sizes[(sizes >= low) & (sizes <= low + extra)])
    assert found.too_small == np.count_nonzero(sizes < low)
    assert found.too_large == np.count_nonzero(sizes > low + extra)


def test_measures_of_a_known_object():
    scores = np.zeros((6, 8))
    scores[2, 3], scores[3, 4], scores[5, 7] = 2.0, 4.0, 9.0
    first, second = find_detections(scores, scores > 0)
    assert (first.size, first.touches_edge, first.peak) == (1, True, 9.0)
    assert second.bounding_box == (2, 3, 4, 5)
    assert second.centroid == (3.0, 4.0)
    assert (second.peak_row, second.peak_column, second.touches_edge) == (3, 4, False)
    assert second.mean_score == 3.0


def test_a_row_does_not_continue_in_the_next():
    mask = np.zeros((3, 5), dtype=bool)
    mask[0, 4] = mask[1, 0] = mask[2, 4] = True
    assert len(find_detections(np.ones(mask.shape), mask)) == 3


def test_a_layer_with_invalid_pixels_can_be_given_as_mask():
    layer = np.array([[255, 1, 0], [0, 0, 255]], dtype=np.uint8)
    assert len(find_detections(np.ones((2, 3)), layer)) == 1


def test_nothing_detected():
    found = find_detections(np.ones((4, 5)), np.zeros((4, 5), dtype=bool))
    assert len(found) == 0
    assert list(flag_detections(found, np.ones((4, 5)))) == []


def test_sparse_mask_of_a_large_scene_from_disk(tmp_path: Path):
    """Rows of 40 million pixels on disk; only the few detected ones take memory."""
    import tracemalloc

    shape = (4000, 10_000)
    mask = np.memmap(tmp_path / "mask", np.uint8, "w+", shape=shape)
    scores = np.memmap(tmp_path / "scores", np.float32, "w+", shape=shape)
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(0, shape[0], 3000), rng.integers(0, shape[1], 3000)
    mask[rows, columns] = 1
    scores[rows, columns] = rng.random(3000)
    tracemalloc.start()
    found = find_detections(scores, mask)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.sizes.sum() == len(np.unique(rows * shape[1] + columns))
    assert peak < 40e6, f"{peak / 1e6:.0f} MB for a mask of 40 MB with 3000 pixels set"


def test_progress_is_told():
    told = []
    find_detections(
        np.ones((5, 5)), np.eye(5, dtype=bool), progress=lambda *args: told.append(args)
    )
    assert told[-1][:2] == (5, 5)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"connectivity": 6}, SettingError, "connectivity=6"),
        ({"min_size": 0}, SettingError, "min_size=0"),
        ({"min_size": 5, "max_size": 4}, SettingError, "max_size=4"),
        ({"most_pixels": 3}, BudgetError, "higher threshold"),
    ],
)
def test_what_is_refused(settings, error, words):
    with pytest.raises(error, match=words):
        find_detections(np.ones((5, 5)), np.eye(5, dtype=bool), **settings)


def test_shapes_must_agree():
    with pytest.raises(InputError, match="shape"):
        find_detections(np.ones((5, 5)), np.ones((5, 4), dtype=bool))


def test_a_marked_pixel_without_score_is_refused():
    scores = np.ones((3, 3))
    scores[1, 1] = np.nan
    with pytest.raises(InputError, match="1 pixels whose score is NaN"):
        find_detections(scores, np.ones((3, 3), dtype=bool))


def test_flags():
    scores = np.ones((9, 9))
    scores[4, 4] = np.nan
    mask = np.zeros((9, 9), dtype=bool)
    for place in ((5, 5), (2, 6), (0, 1), (7, 2)):
        mask[place] = True
        scores[place] = 10 - place[0]
    found = flag_detections(
        find_detections(scores, mask), scores, dead_rows=[2], dead_columns=[8, 2]
    )
    by_row = {int(d.rows[0]): d.flags for d in found}
    assert by_row == {
        0: (ON_SCENE_EDGE,),
        2: (ON_DEAD_LINE,),
        5: (TOUCHES_MASKED,),
        7: (ON_DEAD_LINE,),
    }


def test_objects_that_crowd_in_one_line_are_flagged():
    """Five of 8 objects in one of 50 columns: chance gives 56 / 50^5 x 50, one in 100 000."""
    scores = np.zeros((60, 50))
    for row, column in [(3, 20), (13, 20), (23, 20), (33, 20), (43, 20), (5, 2), (9, 40), (50, 44)]:
        scores[row, column] = 100 - row
    found = flag_detections(find_detections(scores, scores > 0), scores)
    crowded = {(d.peak_row, d.peak_column) for d in found if IN_CROWDED_LINE in d.flags}
    assert crowded == {(row, 20) for row in (3, 13, 23, 33, 43)}
    # Rows too; two in a line are no crowd.
    turned = flag_detections(find_detections(scores.T, scores.T > 0), scores.T)
    assert sum(IN_CROWDED_LINE in d.flags for d in turned) == 5
    few = np.where(np.arange(60)[:, None] > 20, 0, scores)
    assert not any(d.flags for d in flag_detections(find_detections(few, few > 0), few))
