"""The ENVI writer: what it writes is read back, by us and by others."""

import threading

import numpy as np
import pytest
import rasterio
import spectral
from affine import Affine
from rasterio.crs import CRS

from oddspec.errors import InputError, SettingError
from oddspec.io.envi.reader import open_envi
from oddspec.io.envi.writer import EnviWriter
from oddspec.io.source import Georeference

GEOREFERENCE = Georeference(
    CRS.from_epsg(32633),
    Affine(1.6, 1.2, 500000.5, 1.2, -1.6, 4000000.25),
)


def cube_of(dtype, shape=(11, 6, 5)):
    return np.random.default_rng(3).integers(0, 100, shape).astype(dtype)


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i2", "<f4", ">f8", "<u2", "<i8"])
def test_strips_in_any_order(tmp_path, interleave, dtype):
    cube = cube_of(dtype)
    path = tmp_path / "scene.img"
    with EnviWriter(
        path,
        rows=11,
        columns=6,
        bands=5,
        dtype=dtype,
        interleave=interleave,
        wavelengths=[400.1, 500, 600, 700, 1 / 3],
        bad_bands=[False, True, False, False, False],
        nodata=-9999 if np.dtype(dtype).kind != "u" else 99,
        georeference=GEOREFERENCE,
        description="a {test}\nof two lines",
    ) as out:
        for start in (8, 0, 4):
            out.write_rows(start, cube[start : start + 4])
    source = open_envi(path)
    np.testing.assert_array_equal(source.read((0, 11), (0, 6)), cube)
    meta = source.metadata
    np.testing.assert_array_equal(meta.wavelengths, [400.1, 500, 600, 700, 1 / 3])
    np.testing.assert_array_equal(meta.bad_bands, [False, True, False, False, False])
    assert meta.nodata == (-9999 if np.dtype(dtype).kind != "u" else 99)
    assert meta.georeference.crs == GEOREFERENCE.crs
    np.testing.assert_allclose(tuple(meta.georeference.transform), tuple(GEOREFERENCE.transform))
    assert meta.description == "a (test) of two lines"
    assert meta.notes == ()
    with rasterio.open(path) as gdal:
        assert gdal.crs == GEOREFERENCE.crs
        np.testing.assert_allclose(tuple(gdal.transform), tuple(GEOREFERENCE.transform))
        np.testing.assert_array_equal(gdal.read().transpose(1, 2, 0), cube)
    spy = spectral.io.envi.open(str(path.with_suffix(".hdr")), str(path))
    np.testing.assert_array_equal(np.asarray(spy.open_memmap()), cube)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scene.hdr", "scene.img"]


def test_nothing_is_left_after_an_error(tmp_path):
    path = tmp_path / "scene.img"
    path.write_bytes(b"precious")

    def fail():
        with EnviWriter(path, rows=4, columns=6, bands=5, dtype="i2") as out:
            out.write_rows(0, cube_of("i2", (2, 6, 5)))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["scene.img"]
    assert path.read_bytes() == b"precious"


def test_forgotten_rows(tmp_path):

    def forget():
        with EnviWriter(tmp_path / "s", rows=4, columns=6, bands=5, dtype="i2") as out:
            out.write_rows(0, cube_of("i2", (1, 6, 5)))
            out.write_rows(3, cube_of("i2", (1, 6, 5)))

    with pytest.raises(InputError, match="2 of 4 rows were never written, the first is row 1"):
        forget()
    assert list(tmp_path.iterdir()) == []


def test_wrong_strips(tmp_path):
    with EnviWriter(tmp_path / "s", rows=2, columns=6, bands=5, dtype="i2") as out:
        with pytest.raises(InputError, match=r"strip at row 0 is float64.*announced as int16"):
            out.write_rows(0, cube_of("f8", (2, 6, 5)))
        with pytest.raises(InputError, match=r"has shape \(2, 5, 6\), expected \(rows, 6, 5\)"):
            out.write_rows(0, cube_of("i2", (2, 5, 6)))
        with pytest.raises(InputError, match="rows 1 to 3 lie outside the 2 rows"):
            out.write_rows(1, cube_of("i2", (2, 6, 5)))
        out.write_rows(0, cube_of("i2", (2, 6, 5)))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"rows": 0}, "rows=0: expected"),
        ({"bands": -2}, "bands=-2"),
        ({"dtype": "f2"}, "dtype=float16"),
        ({"dtype": "c8"}, "dtype=complex64"),
        ({"interleave": "bsp"}, "expected one of bsq, bil, bip"),
        ({"wavelengths": [1, 2]}, "wavelengths has shape"),
        ({"bad_bands": [True]}, "bad_bands has shape"),
        ({"nodata": 70000}, "nodata=70000"),
        ({"path": "x.hdr"}, "name the data file"),
    ],
)
def test_settings(tmp_path, change, expected):
    settings = {"path": "s.img", "rows": 2, "columns": 6, "bands": 5, "dtype": "i2"} | change
    path = tmp_path / settings.pop("path")
    with pytest.raises(SettingError, match=expected):
        EnviWriter(path, **settings)
    assert list(tmp_path.iterdir()) == []


def test_threads_may_write_at_once(tmp_path):
    cube = cube_of("i2", (40, 30, 20))
    path = tmp_path / "scene.bsq"
    with EnviWriter(path, rows=40, columns=30, bands=20, dtype="i2", interleave="bsq") as out:
        threads = [
            threading.Thread(target=out.write_rows, args=(start, cube[start : start + 5]))
            for start in range(0, 40, 5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    np.testing.assert_array_equal(open_envi(path).read((0, 40), (0, 30)), cube)
