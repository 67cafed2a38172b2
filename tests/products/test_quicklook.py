import warnings
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from oddspec.detections import find_detections
from oddspec.io.source import ArraySource, Georeference, Metadata
from oddspec.products import colours
from oddspec.products.axes import _ticks
from oddspec.products.charts import write_png
from oddspec.products.colours import choose_bands, composite, largest_in_blocks
from oddspec.products.quicklook import DPI, draw_quicklook
from oddspec.products.table import tabulate
from oddspec.scene import Scene


def scene_of(cube, **metadata):
    return Scene.of(ArraySource(cube, Metadata(**metadata)))


@pytest.mark.parametrize(
    ("waves", "bands", "title"),
    [
        ([450, 550, 650, 860], (2, 1, 0), "True colour (650, 550, 450 nm)"),
        ([860, 550, 650, 1650], (0, 2, 1), "False colour (860, 650, 550 nm)"),
        ([1000, 1200, 1600, 2200], (3, 2, 0), "Bands 4, 3, 1 (no visible bands)"),
        (None, (3, 2, 0), "Bands 4, 3, 1 (no wavelengths given)"),
    ],
)
def test_bands_shown(waves, bands, title):
    given = None if waves is None else np.array(waves, dtype=np.float64)
    assert choose_bands(scene_of(np.zeros((2, 2, 4)), wavelengths=given)) == (bands, title)


def test_bad_bands_are_not_shown():
    waves = np.array([450.0, 455, 550, 650])
    bad = np.array([True, False, False, False])
    scene = scene_of(np.zeros((2, 2, 4)), wavelengths=waves, bad_bands=bad)
    assert choose_bands(scene)[0] == (3, 2, 1)


def test_stretch_ignores_outliers_and_masked_pixels(rng):
    cube = rng.uniform(100, 200, (50, 60, 3))
    cube[0, 0] = 1e9
    cube[1] = np.nan
    scores = np.ones((50, 60))
    scores[2] = np.nan
    picture, _ = composite(scene_of(cube), scores, 100, 100)
    assert picture.shape == (50, 60, 3)
    assert (picture[1:3] == 0.8).all()
    assert 0.4 < picture[3:].mean() < 0.75
    assert picture.min() == 0.0
    assert picture.max() == 1.0


@pytest.mark.parametrize("shape", [(97, 41), (1, 200), (200, 1), (30, 30)])
def test_largest_in_blocks(rng, shape):
    scores = rng.normal(size=shape)
    scores[rng.random(shape) < 0.3] = np.nan
    shown = largest_in_blocks(scores, 30, 20)
    assert shown.shape[0] <= 30
    assert shown.shape[1] <= 20
    assert np.nanmax(shown) == np.nanmax(scores)
    down, right = -(-shape[0] // 30), -(-shape[1] // 20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        first = np.nanmax(scores[:down, :right])
    assert np.array_equal(shown[0, 0], first, equal_nan=True)


def test_a_large_scene_is_read_by_single_rows(monkeypatch):
    reads = []

    class Watched(ArraySource):
        def read(self, rows, columns):
            reads.append((rows, columns))
            return super().read(rows, columns)

    cube = np.broadcast_to(np.arange(4000.0)[:, None, None], (4000, 50, 3))
    scene = Scene.of(Watched(cube))
    monkeypatch.setattr(colours, "_ROW_BYTES", 250 * 50 * 3 * 8)
    picture, _ = composite(scene, np.ones((4000, 50)), 800, 800)
    assert len(reads) == len(picture) == 250
    assert all(rows[1] - rows[0] == 1 for rows, _ in reads)
    assert (np.diff(picture[8:-8, 0, 0]) > 0).all()


def test_ticks_are_round_map_coordinates():
    positions, labels = _ticks((0, 100), -3.5, 3280000.5, 6)
    assert labels[0] == "3279700"
    assert positions[0] == pytest.approx((3279700 - 3280000.5) / -3.5)
    assert all(0 <= position <= 100 for position in positions)
    assert _ticks((0, 100), 1e-5, 9.14, 4)[1][0] == "9.1400"


PLACES = {
    "none": None,
    "map": Georeference(CRS.from_epsg(32617), Affine(3.5, 0, 368000, 0, -3.5, 3280000)),
    "degrees": Georeference(CRS.from_epsg(4326), Affine(1e-5, 0, 9, 0, -1e-5, 45)),
    "rotated": Georeference(CRS.from_epsg(32617), Affine(3, 1, 368000, 1, -3, 3280000)),
}
AXES = {
    "none": ("column", "row"),
    "map": ("x (m), EPSG:32617", "y (m)"),
    "degrees": ("longitude (°)", "latitude (°)"),
    "rotated": ("column, grid rotated on the map", "row"),
}


@pytest.mark.parametrize("place", PLACES)
def test_axes_tell_their_unit(rng, place):
    cube, scores = rng.random((30, 40, 4)), rng.random((30, 40))
    table = tabulate(find_detections(scores, scores > 0.99), PLACES[place])
    scene = scene_of(cube, georeference=PLACES[place])
    figure = draw_quicklook(scene, scores, table, threshold=0.99)
    left = figure.axes[0]
    assert (left.get_xlabel(), left.get_ylabel()) == AXES[place]
    assert left.get_xlim() == (0, 40)
    assert left.get_ylim() == (30, 0)


@pytest.mark.parametrize("shape", [(2000, 60), (60, 2000), (1, 40), (40, 1), (1, 1), (90, 100)])
def test_any_shape_gives_a_picture_of_sane_size(tmp_path: Path, rng, shape):
    from PIL import Image

    cube, scores = rng.random((*shape, 4)), rng.random(shape)
    table = tabulate(find_detections(scores, scores >= scores.max()))
    title = r"$\frac{ scene with \x1b[31m 日本 " + "long " * 50
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw_quicklook(scene_of(cube), scores, table, title=title)
        write_png(tmp_path / "q.png", figure, DPI)
    with Image.open(tmp_path / "q.png") as picture:
        assert all(300 < side < 2200 for side in picture.size)


@pytest.mark.parametrize("kind", ["constant", "all masked", "infinite", "negative", "heavy"])
def test_any_scores_give_a_picture(tmp_path: Path, rng, kind):
    scores = {
        "constant": np.ones((20, 30)),
        "all masked": np.full((20, 30), np.nan),
        "infinite": np.where(rng.random((20, 30)) > 0.9, np.inf, 1.0),
        "negative": rng.normal(size=(20, 30)),
        "heavy": np.exp(3 * rng.normal(size=(20, 30))),
    }[kind]
    with np.errstate(invalid="ignore"):
        table = tabulate(find_detections(scores, scores > 2))
    scene = scene_of(rng.random((20, 30, 4)))
    write_png(tmp_path / "q.png", draw_quicklook(scene, scores, table, threshold=2.0), DPI)
    assert (tmp_path / "q.png").stat().st_size > 10_000


def test_more_detections_than_are_marked(rng):
    scores = np.zeros((150, 150))
    scores[::2, ::2] = rng.random((75, 75)) + 1
    table = tabulate(find_detections(scores, scores > 1))
    figure = draw_quicklook(scene_of(rng.random((150, 150, 3))), scores, table)
    note = figure.texts[1].get_text()
    assert note.startswith("5,625 detections, the 2,000 highest are marked")
