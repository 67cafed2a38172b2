"""xarray's DataArray as a source, plain and by dask."""

import subprocess
import sys

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from oddspec.errors import InputError
from oddspec.io.dataarray import open_dataarray
from oddspec.scene import Scene

xarray = pytest.importorskip("xarray")

CUBE = np.random.default_rng(5).integers(-500, 500, (7, 6, 5)).astype(np.int16)
NAMES = ("y", "x", "band")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2), (0, 2, 1), (2, 1, 0)])
@pytest.mark.parametrize("chunks", [None, {"y": 3, "x": 2, "band": 2}])
def test_any_order_of_dimensions(order, chunks):
    array = xarray.DataArray(
        CUBE.transpose(order), dims=[NAMES[axis] for axis in order], name="scene"
    )
    array = array if chunks is None else array.chunk(chunks)
    source = open_dataarray(array)
    assert source.shape == (7, 6, 5)
    assert source.dtype == np.int16
    assert source.name == "scene"
    read = source.read((2, 6), (1, 5))
    np.testing.assert_array_equal(read, CUBE[2:6, 1:5])
    assert isinstance(read, np.ndarray)
    with pytest.raises(IndexError):
        source.read((0, 8), (0, 6))


def test_only_the_window_is_computed():
    dask = pytest.importorskip("dask.array")
    computed = []

    def block(info):
        computed.append(info[None]["chunk-location"])
        return np.ones([stop - start for start, stop in info[None]["array-location"]])

    lazy = dask.map_blocks(
        lambda block_info: block(block_info),
        chunks=((10, 10, 10), (20,), (5,)),
        dtype=float,
        meta=np.empty((0, 0, 0)),
    )
    source = open_dataarray(xarray.DataArray(lazy, dims=NAMES))
    assert computed == []
    assert source.read((12, 15), (0, 20)).shape == (3, 20, 5)
    assert computed == [(1, 0, 0)]


def test_big_endian():
    array = xarray.DataArray(CUBE.astype(">i2"), dims=NAMES)
    read = open_dataarray(array).read((0, 7), (0, 6))
    np.testing.assert_array_equal(read, CUBE)
    assert read.dtype.isnative


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (xarray.DataArray(CUBE), "dimensions dim_0, dim_1, dim_2"),
        (xarray.DataArray(CUBE[0], dims=("y", "x")), r"dimensions y, x \(6 x 5\)"),
        (xarray.DataArray(CUBE + 1j, dims=NAMES), "is complex"),
        (xarray.DataArray(CUBE > 0, dims=NAMES), "type bool"),
        (xarray.DataArray(CUBE[:0], dims=NAMES), "is empty"),
    ],
)
def test_what_is_refused(array, expected):
    with pytest.raises(InputError, match=expected):
        open_dataarray(array)


def rioxarray_like(array, transform=None, code=32633):
    attributes = {"crs_wkt": CRS.from_epsg(code).to_wkt()}
    if transform is not None:
        attributes["GeoTransform"] = " ".join(map(str, transform.to_gdal()))
    return array.assign_coords(spatial_ref=xarray.DataArray(0, attrs=attributes))


def test_crs_and_transform():
    transform = Affine(0.1, 0, 500000.05, 0, -0.1, 4000000.3)
    x = transform.c + (np.arange(6) + 0.5) * transform.a
    y = transform.f + (np.arange(7) + 0.5) * transform.e
    array = xarray.DataArray(CUBE, dims=NAMES, coords={"x": x, "y": y})
    exact = open_dataarray(rioxarray_like(array, transform)).metadata
    assert exact.georeference.crs == CRS.from_epsg(32633)
    assert tuple(exact.georeference.transform) == tuple(transform)
    assert exact.notes == ()
    by_coordinates = open_dataarray(rioxarray_like(array)).metadata.georeference.transform
    np.testing.assert_allclose(tuple(by_coordinates), tuple(transform), rtol=1e-8)
    cut = open_dataarray(rioxarray_like(array, transform).isel(y=slice(2, 7))).metadata
    np.testing.assert_allclose(cut.georeference.transform.f, transform.f + 2 * transform.e)
    assert "disagrees with the coordinates" in cut.notes[0]


def test_rotated_transform_without_coordinates():
    transform = Affine(1.6, 1.2, 500000.5, 1.2, -1.6, 4000000.25)
    array = rioxarray_like(xarray.DataArray(CUBE, dims=NAMES), transform)
    assert tuple(open_dataarray(array).metadata.georeference.transform) == tuple(transform)


def test_a_real_rioxarray():
    rioxarray = pytest.importorskip("rioxarray")
    assert rioxarray
    array = xarray.DataArray(
        CUBE.transpose(2, 0, 1),
        dims=("band", "y", "x"),
        coords={"x": 10.0 + 2 * np.arange(6), "y": 50.0 - 2 * np.arange(7)},
    )
    array = array.rio.write_crs(32633).rio.write_transform().rio.write_nodata(-500)
    meta = open_dataarray(array).metadata
    assert meta.georeference.crs == CRS.from_epsg(32633)
    assert tuple(meta.georeference.transform) == tuple(array.rio.transform())
    assert meta.nodata == -500


def test_nothing_known():
    meta = open_dataarray(xarray.DataArray(CUBE, dims=NAMES)).metadata
    assert (meta.georeference, meta.wavelengths, meta.nodata, meta.notes) == (None, None, None, ())


def test_wavelengths():
    array = xarray.DataArray(CUBE, dims=NAMES, coords={"band": [1, 2, 3, 4, 5]})
    assert open_dataarray(array).metadata.wavelengths is None
    nm = [400.0, 500, 600, 700, 2500]
    along = array.assign_coords(wavelength=("band", np.array(nm) / 1000, {"units": "um"}))
    np.testing.assert_allclose(open_dataarray(along).metadata.wavelengths, nm)
    named = xarray.DataArray(
        CUBE, dims=("y", "x", "wavelength"), coords={"wavelength": ("wavelength", nm)}
    )
    found = open_dataarray(named).metadata
    np.testing.assert_allclose(found.wavelengths, nm)
    assert "read as nanometres" in found.notes[0]
    array.attrs.update({"wavelength": nm, "wavelength_units": "Nanometers"})
    np.testing.assert_allclose(open_dataarray(array).metadata.wavelengths, nm)


def test_nodata_and_names():
    array = xarray.DataArray(
        CUBE, dims=NAMES, attrs={"_FillValue": -500, "long_name": tuple("abcde")}
    )
    source = open_dataarray(array)
    assert source.metadata.band_names == tuple("abcde")
    _, valid = Scene.of(source).read((0, 7), (0, 6))
    np.testing.assert_array_equal(valid, (CUBE != -500).all(axis=2))


def test_xarray_is_not_imported():
    code = "import oddspec.io.dataarray, sys; sys.exit('xarray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
