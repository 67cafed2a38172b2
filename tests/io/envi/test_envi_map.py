"""Georeferences of ENVI headers: against GDAL, by geometry, and there and back."""

import math
import warnings

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from oddspec.errors import SettingError
from oddspec.io.envi.map import map_fields, read_map
from oddspec.io.envi.reader import open_envi
from oddspec.io.source import Georeference


def grid(width, height, degrees=0.0):
    """Pixels of that size, rows running down where the height is negative, turned as a whole."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return Affine(
        width * c, -height * s, 500000.123456789, width * s, height * c, 4000000.987654321
    )


TRANSFORMS = {
    "north up": grid(2.5, -2.5),
    "oblong": grid(2.5, -3.5),
    "rotated": grid(2, -2, 30),
    "rotated and oblong": grid(2, -3, -130),
    "quarter turn": grid(2, -3, 90),
    "south up": grid(2, 2),
    "mirrored": grid(-2, -2),
    "half turn": grid(-2, 2),
    "rotated and mirrored": grid(2, 3, 30),
}


def back(georeference):
    fields = {name: value[1:-1] for name, value in map_fields(georeference).items()}
    return read_map(fields)[0]


@pytest.mark.parametrize("code", [None, 32633, 32733, 4326, 3035, 27700, 2154, 26910, 5070])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_there_and_back(name, code):
    crs = None if code is None else CRS.from_epsg(code)
    read = back(Georeference(crs, TRANSFORMS[name]))
    np.testing.assert_allclose(
        tuple(read.transform), tuple(TRANSFORMS[name]), rtol=1e-14, atol=1e-15
    )
    assert read.crs == crs


def test_unrotated_numbers_are_kept_to_the_last_digit():
    read = back(Georeference(None, TRANSFORMS["oblong"]))
    assert tuple(read.transform) == tuple(TRANSFORMS["oblong"])


@pytest.mark.parametrize(
    "info",
    [
        "UTM, 1, 1, 500000.5, 4000000, 2, 3, 33, North, WGS-84, units=Meters",
        "UTM, 1.5, 1.5, 500000, 4000000, 2, 3, 33, South, WGS-84",
        "UTM, 11, 21.5, 500000, 4000000, 2, 3, 11, North, North America 1983",
        "UTM, 1, 1, 500000, 4000000, 2, 2, 33, North, WGS-84, rotation=30.0",
        "UTM, 1, 1, 500000, 4000000, 2, 2, 33, North, WGS-84, rotation=-117.5",
        "UTM, 1, 1, 500000, 4000000, 2, 2, 33, North, WGS-84, rotation=180",
        "Geographic Lat/Lon, 1, 1, 10, 50, 0.001, 0.002, WGS-84, units=Degrees",
        "Geographic Lat/Lon, 1, 1, 36000, 180000, 3.6, 7.2, WGS-84, units=Seconds",
        "Arbitrary, 1, 1, 10, 50, 2, 2, 0, North",
    ],
)
def test_equal_to_gdal_where_gdal_is_right(make_envi, info):
    path = make_envi(np.zeros((3, 4, 2), "u1"), map_info=f"{{{info}}}")
    found = open_envi(path).metadata.georeference
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, driver="ENVI") as dataset:
            crs, transform = dataset.crs, dataset.transform
    np.testing.assert_allclose(tuple(found.transform), tuple(transform), rtol=1e-12, atol=1e-9)
    if info.startswith("Arbitrary"):
        assert found.crs is None
    else:
        assert found.crs == crs
        assert found.crs.to_epsg() == crs.to_epsg()


def test_rotation_turns_the_grid_about_its_reference_pixel():
    """Where GDAL (3.10) is wrong: oblong pixels, and a reference pixel other than the first."""
    info = "UTM, 11, 21, 500000, 4000000, 2, 3, 33, North, WGS-84, rotation=30"
    transform = read_map({"map info": info})[0].transform
    place = np.reshape(transform, (3, 3))
    np.testing.assert_allclose(place @ (10, 20, 1), (500000, 4000000, 1), atol=1e-8)
    origin, right, down = (place @ corner for corner in [(0, 0, 1), (1, 0, 1), (0, 1, 1)])
    assert np.linalg.norm(right - origin) == pytest.approx(2)
    assert np.linalg.norm(down - origin) == pytest.approx(3)
    assert (right - origin) @ (down - origin) == pytest.approx(0, abs=1e-6)
    assert math.degrees(math.atan2((right - origin)[1], (right - origin)[0])) == pytest.approx(30)


@pytest.mark.parametrize(
    "info",
    [
        "UTM, 1, 1, 500000",
        "UTM, 1, 1, x, y, 2, 2, 33, North",
        "UTM, 1, 1, 5, 4, 0, 2",
        "{",
        "UTM",
        "UTM, 1, 1, nan, 4, 2, 2",
        "UTM, 1, 1, 5, 4, 2, 2, 33, North, WGS-84, rotation=up",
    ],
)
def test_what_cannot_be_understood_is_noted(info):
    found, notes = read_map({"map info": info})
    assert found is None
    assert "cannot be understood" in notes[0]


def test_no_georeference_is_said_or_plain(make_envi):
    assert read_map({}) == (None, [])
    assert read_map({"map info": "Arbitrary, 1, 1, 0, 0, 1, 1, 0, North"}) == (None, [])
    _, notes = read_map({"coordinate system string": 'PROJCS["x"]'})
    assert "without 'map info'" in notes[0]


def test_odd_systems():
    found, notes = read_map({"map info": "UTM, 1, 1, 5, 4, 2, 2, 13, North"})
    assert found.crs.to_epsg() == 26713
    assert "NAD27" in notes[0]
    found, _ = read_map(
        {
            "map info": "UTM, 1, 1, 5, 4, 2, 2, 33, North, WGS-84",
            "coordinate system string": "rubbish\nbands = 9",
        }
    )
    assert found.crs.to_epsg() == 32633


def test_a_sheared_grid_cannot_be_written():
    with pytest.raises(SettingError, match="sheared"):
        map_fields(Georeference(None, Affine(2, 1, 0, 0, -2, 0)))
