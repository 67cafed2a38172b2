import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning

from oddspec.detections import find_detections
from oddspec.errors import OddspecError
from oddspec.io.source import Georeference
from oddspec.products import rasters
from oddspec.products.rasters import write_mask, write_scores

CUSTOM = (
    'PROJCRS["local <grid>, number 7",BASEGEOGCRS["ABC",DATUM["Own datum",ELLIPSOID["own",'
    '6378100.5,298.2,LENGTHUNIT["metre",1]]],PRIMEM["Greenwich",0,ANGLEUNIT["degree",'
    '0.0174532925199433]]],CONVERSION["u",METHOD["Lambert Azimuthal Equal Area",ID["EPSG",9820]],'
    'PARAMETER["Latitude of natural origin",12.3456789,ANGLEUNIT["degree",0.0174532925199433]],'
    'PARAMETER["Longitude of natural origin",7.1,ANGLEUNIT["degree",0.0174532925199433]],'
    'PARAMETER["False easting",1,LENGTHUNIT["metre",1]],PARAMETER["False northing",2,'
    'LENGTHUNIT["metre",1]]],CS[Cartesian,2],AXIS["easting",east],AXIS["northing",north],'
    'LENGTHUNIT["metre",1]]'
)
ROTATED_POLE = (
    'GEOGCRS["Rotated_pole",BASEGEOGCRS["u",DATUM["u",ELLIPSOID["u",6371229,0]]],'
    'DERIVINGCONVERSION["Pole rotation",METHOD["PROJ ob_tran o_proj=longlat"],'
    'PARAMETER["o_lon_p",0],PARAMETER["o_lat_p",39.25],PARAMETER["lon_0",18]],CS[ellipsoidal,2],'
    'AXIS["lon",east],AXIS["lat",north],ANGLEUNIT["degree",0.0174532925199433]]'
)
SYSTEMS = {
    "none": None,
    "utm": CRS.from_epsg(32633),
    "latitude first": CRS.from_epsg(4326),
    "northing first": CRS.from_epsg(3035),
    "feet": CRS.from_epsg(2263),
    "custom": CRS.from_wkt(CUSTOM),
    "beyond GeoTIFF": CRS.from_wkt(ROTATED_POLE),
}
GRIDS = {
    "north-up": Affine(3.1, 0, 500000.123, 0, -3.1, 4e6 + 0.7),
    "rotated": Affine(3.1, 0.4, 5e5, 0.4, -3.1, 4e6),
    "south-up": Affine(3.0, 0, 5.5, 0, 3.0, 7.25),
}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("grid", GRIDS)
def test_georeference_comes_back_exactly(tmp_path: Path, system: str, grid: str):
    place = Georeference(SYSTEMS[system], GRIDS[grid])
    scores = np.arange(30.0).reshape(5, 6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_scores(tmp_path / "s.tif", scores, place)
        write_mask(tmp_path / "m.tif", find_detections(scores, scores > 20), scores, place)
    for name in ("s.tif", "m.tif"):
        with rasterio.open(tmp_path / name) as layer:
            assert layer.crs == place.crs
            assert layer.transform == place.transform


def test_no_georeference_is_none_and_no_warning(tmp_path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_scores(tmp_path / "s.tif", np.ones((5, 6)))
    with pytest.warns(NotGeoreferencedWarning):
        layer = rasterio.open(tmp_path / "s.tif")
    with layer:
        assert layer.crs is None
        assert layer.transform == Affine.identity()


def test_scores_layer(tmp_path: Path, rng):
    scores = rng.normal(size=(700, 1100))
    scores[:3] = np.nan
    place = Georeference(SYSTEMS["utm"], GRIDS["north-up"])
    tags = {"detector": "rx", "settings": '{"ridge": 0}', "scene": "<a> & \x1b[31m"}
    write_scores(tmp_path / "s.tif", scores, place, tags, unit="counts")
    with rasterio.open(tmp_path / "s.tif") as layer:
        assert np.array_equal(layer.read(1), scores.astype(np.float32), equal_nan=True)
        assert np.isnan(layer.nodata)
        assert layer.profile["tiled"]
        assert layer.block_shapes == [(256, 256)]
        assert layer.compression.value == "DEFLATE"
        assert layer.overviews(1) == [2, 4, 8]
        assert layer.units == ("counts",)
        assert layer.tags()["detector"] == "rx"
        assert layer.tags()["scene"] == "<a> &  [31m"
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.tif"]


@given(
    values=arrays(
        np.float32,
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
        elements=st.sampled_from([np.nan, -2.0, 0.0, 1.5, 7.0]),
    )
)
@settings(max_examples=60, deadline=None)
def test_overview_pixel_is_the_largest_of_its_four(values):
    halved = rasters._largest(values)
    for row in range(halved.shape[0]):
        for column in range(halved.shape[1]):
            four = values[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            expected = np.nan if np.isnan(four).all() else np.nanmax(four)
            assert np.array_equal(halved[row, column], expected, equal_nan=True)


def test_overviews_lose_no_detection(tmp_path: Path):
    scores = np.zeros((600, 500))
    scores[333, 217] = 9.0
    scores[:, :4] = np.nan
    found = find_detections(scores, scores > 1)
    write_scores(tmp_path / "s.tif", scores, Georeference(None, GRIDS["north-up"]))
    write_mask(tmp_path / "m.tif", found, scores, Georeference(None, GRIDS["north-up"]))
    for level, step in ((0, 2), (1, 4)):
        with rasterio.open(tmp_path / "s.tif", overview_level=level) as layer:
            assert layer.read(1)[333 // step, 217 // step] == 9.0
        with rasterio.open(tmp_path / "m.tif", overview_level=level) as layer:
            values = layer.read(1)
            assert values[333 // step, 217 // step] == 1
            assert values[10, 0] == 255
            assert np.count_nonzero(values == 1) == 1


def test_mask_layer(tmp_path: Path):
    scores = np.array([[0.0, 5.0, np.nan], [7.0, 0.0, 0.0]])
    write_mask(tmp_path / "m.tif", find_detections(scores, scores > 6), scores)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(tmp_path / "m.tif") as layer:
            assert layer.read(1).tolist() == [[0, 0, 255], [1, 0, 0]]
            assert layer.nodata == 255
            assert layer.dtypes == ("uint8",)


def test_windows_wider_than_one_strip(tmp_path: Path, monkeypatch, rng):
    monkeypatch.setattr(rasters, "_WINDOW", (64, 32))
    scores = rng.normal(size=(150, 101))
    found = find_detections(scores, scores > 2)
    write_scores(tmp_path / "s.tif", scores, Georeference(None, GRIDS["rotated"]))
    write_mask(tmp_path / "m.tif", found, scores, Georeference(None, GRIDS["rotated"]))
    with rasterio.open(tmp_path / "s.tif") as layer, rasterio.open(tmp_path / "m.tif") as mask:
        assert np.array_equal(layer.read(1), scores.astype(np.float32))
        assert np.array_equal(mask.read(1), scores > 2)


def test_one_pixel(tmp_path: Path):
    write_scores(tmp_path / "s.tif", np.ones((1, 1)), Georeference(None, GRIDS["north-up"]))
    with rasterio.open(tmp_path / "s.tif") as layer:
        assert layer.read(1).tolist() == [[1.0]]


def test_old_file_and_its_side_file_survive_a_failure(tmp_path: Path, monkeypatch):
    path = tmp_path / "s.tif"
    write_scores(path, np.ones((5, 6)), Georeference(SYSTEMS["beyond GeoTIFF"], GRIDS["north-up"]))
    before = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()}
    assert "s.tif.aux.xml" in before

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rasters, "_halve", full)
    with pytest.raises(OddspecError, match=r"s\.tif: cannot be written.*No space left"):
        write_scores(path, np.zeros((5, 6)))
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == before


def test_what_gdal_raises_on_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch):
    """It is not an OSError where a virtual raster cannot be written."""
    from rasterio._err import CPLE_FileIOError

    def full(*args):
        raise CPLE_FileIOError(3, 3, "Failed to write whole XML document (s.vrt).")

    monkeypatch.setattr(rasters, "_assemble", full)
    with pytest.raises(OddspecError, match=r"s\.tif: cannot be written \(Failed to write whole"):
        write_scores(tmp_path / "s.tif", np.ones((5, 6)))
    assert not list(tmp_path.iterdir())


def test_side_file_of_an_older_layer_goes_with_it(tmp_path: Path):
    path = tmp_path / "s.tif"
    write_scores(path, np.ones((5, 6)), Georeference(SYSTEMS["beyond GeoTIFF"], GRIDS["north-up"]))
    write_scores(path, np.ones((5, 6)), Georeference(SYSTEMS["utm"], GRIDS["north-up"]))
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.tif"]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from oddspec.errors import OddspecError
from oddspec.products.rasters import write_scores

path = Path(sys.argv[1]) / "s.tif"
scores = np.random.default_rng(0).random((600, 500), dtype=np.float32)
write_scores(path, scores)
whole = path.read_bytes()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for limit in (1000, len(whole) // 2, len(whole) - 100_000, len(whole) - 1):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        write_scores(path, scores)
    except OddspecError:
        assert path.read_bytes() == whole, limit
        assert [entry.name for entry in path.parent.iterdir()] == ["s.tif"], limit
    else:
        raise SystemExit(f"written although no file can be larger than {limit} bytes")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes")
def test_a_disk_that_fills_up_is_noticed_however_late(tmp_path: Path):
    """Closing a GeoTIFF on a full disk reports nothing; the size limit stands in for the disk."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
