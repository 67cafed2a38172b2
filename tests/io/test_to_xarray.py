"""Scenes as xarray's DataArray and back."""

import tomllib
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

import oddspec
from oddspec.errors import DataWarning
from oddspec.io.products.source import ProductSource
from oddspec.io.source import ArraySource, Georeference, Metadata
from oddspec.io.to_xarray import to_dataarray
from oddspec.scene import Scene
from oddspec.scenes.products import make_product

pytest.importorskip("xarray")
SHAPE = (30, 20, 6)


class Counted(ArraySource):
    """A source that tells how many pixels were read."""

    pixels = 0

    def read(self, rows, columns):
        Counted.pixels += (rows[1] - rows[0]) * (columns[1] - columns[0])
        return super().read(rows, columns)


@pytest.fixture
def source(rng, tmp_path):
    cloud = np.zeros(SHAPE[:2], bool)
    cloud[3:5, 7] = True
    meta = Metadata(
        wavelengths=np.linspace(450, 950, 6),
        fwhm=np.full(6, 8.5),
        bad_bands=np.arange(6) == 4,
        nodata=-9999.0,
        georeference=Georeference(CRS.from_epsg(32633), Affine(30, 0, 4e5, 0, -30, 5e6)),
        unit="reflectance",
    )
    cube = rng.normal(0.3, 0.02, SHAPE)
    cube[10, 11] += 0.5
    cube[0, 0] = -9999
    layers = {"cloud": lambda rows, columns: cloud[slice(*rows), slice(*columns)]}
    return ProductSource(tmp_path / "x.nc", "x", [Counted(cube)], meta, layers=layers)


@pytest.mark.parametrize("chunks", [True, False])
def test_names_and_places(source, chunks):
    if chunks:
        pytest.importorskip("dask")
    Counted.pixels = 0
    array = to_dataarray(source, chunks=chunks)
    assert (array.dims, array.shape) == (("y", "x", "wavelength"), SHAPE)
    assert array.wavelength.values.tolist() == [450, 550, 650, 750, 850, 950]
    assert array.wavelength.attrs == {"units": "nm", "standard_name": "radiation_wavelength"}
    assert array.fwhm.values.tolist() == [8.5] * 6
    assert array.good_wavelength.values.tolist() == [True] * 4 + [False, True]
    assert (float(array.x[0]), float(array.y[0])) == (4e5 + 15, 5e6 - 15)
    assert array.spatial_ref.attrs["GeoTransform"] == "400000.0 30.0 0.0 5000000.0 0.0 -30.0"
    assert array.quality.attrs["flag_meanings"].split()[:3] == ["fill", "saturated", "cloud"]
    assert array.quality.attrs["flag_masks"][:3].tolist() == [1, 2, 4]
    assert Counted.pixels == 0
    whole = source.read((0, 30), (0, 20))
    Counted.pixels = 0
    for key in [
        (slice(2, 9, 3), slice(None), 2),
        (5, slice(1, 4), slice(None, None, 2)),
        (-1, -2, [0, 3]),
        (slice(8, 2, -2), [4, 1, 1], slice(None)),
    ]:
        np.testing.assert_array_equal(array[key].values, _outer(whole, key))
    if not chunks:
        assert Counted.pixels < 300
    np.testing.assert_array_equal(np.argwhere(array.quality.values == 4), [[3, 7], [4, 7]])


def _outer(whole, key):
    """What xarray's indexing means: each axis on its own."""
    for axis in (2, 1, 0):
        whole = whole[(*[slice(None)] * axis, key[axis])]
    return whole


def test_there_and_back(source):
    scene = Scene.of(source)
    expected = oddspec.detect(scene, "rx")
    array = scene.to_xarray(chunks=False)
    with pytest.warns(DataWarning, match="cloud 2"):
        scores = oddspec.detect(array, "rx")
    np.testing.assert_array_equal(scores.values, expected)
    assert np.argwhere(np.isnan(expected)).tolist() == [[0, 0], [3, 7], [4, 7]]
    assert np.unravel_index(np.nanargmax(expected), expected.shape) == (10, 11)


def test_engine(tmp_path):
    xarray = pytest.importorskip("xarray")
    path, *_ = make_product(tmp_path / "emit", "emit", rows=24, columns=20)
    settings = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    named = settings["project"]["entry-points"]["xarray.backends"]["oddspec"]
    module, _, name = named.partition(":")
    with xarray.open_dataset(path, engine=getattr(import_module(module), name)) as data:
        assert list(data.data_vars) == ["reflectance"]
        assert dict(data.sizes) == {"y": 24, "x": 20, "wavelength": 285}
        assert int((data.quality & 4 != 0).sum()) == 4 * 5
        near = data.reflectance.sel(wavelength=650, method="nearest")
        assert 0 < float(near.median()) < 0.6
