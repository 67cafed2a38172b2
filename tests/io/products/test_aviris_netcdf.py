"""AVIRIS in NetCDF-4: expected values are those of the layout's description, written by hand."""

import h5py
import numpy as np
import pytest
import rasterio

from oddspec.errors import InputError
from oddspec.io.open import open_here, open_source
from oddspec.scene import Scene
from oddspec.scenes.products import make_product

ROWS, COLUMNS, BANDS = 5, 4, 3
UTM = rasterio.crs.CRS.from_epsg(32611)


def write_line(path, name, table=True, shape=(ROWS, COLUMNS)):
    b, i, j = np.indices((BANDS, *shape))
    with h5py.File(path, "w") as file:
        file.attrs.update(title="AVIRIS-5 L1B", time_coverage_start="2025-07-01T18:00:00Z")
        cube = file.create_dataset(f"{name}/{name}", data=(100 * i + 10 * j + b).astype("f4"))
        cube.attrs["_FillValue"] = np.float32([-9999])
        file[f"{name}/wavelength"] = np.float32([400, 500, 600])
        file[f"{name}/wavelength"].attrs["units"] = "nanometers"
        file[f"{name}/fwhm"] = np.float32([5, 6, 7])
        mapping = file.create_dataset("transverse_mercator", data=np.bytes_(""))
        mapping.attrs.update(
            crs_wkt=np.bytes_(UTM.to_wkt()),
            GeoTransform=np.bytes_("500010.0 5.0 0.0 4100010.0 0.0 -5.0"),
        )
        if table:
            # The map is one pixel wider on each side; row 1 of the map is row 0 of the sensor.
            sample, line = np.zeros((2, ROWS + 2, COLUMNS + 2), "i4")
            sample[1:-1, 1:-1] = np.arange(1, COLUMNS + 1)
            line[1:-1, 1:-1] = np.arange(1, ROWS + 1)[:, None]
            # A gap beside the scene that its neighbour fills.
            sample[3, 0], line[3, 0] = -1, -3
            file["geolocation_lookup_table/sample"] = sample
            file["geolocation_lookup_table/line"] = line
    return path


@pytest.fixture
def raw(tmp_path):
    return write_line(tmp_path / "AV5_RDN.nc", "radiance")


@pytest.fixture
def ortho(tmp_path):
    return write_line(tmp_path / "AV5_RFL_ORT.nc", "reflectance", table=False)


@pytest.mark.parametrize("opener", [open_here, open_source], ids=["here", "child"])
def test_radiance_lies_in_sensor_geometry(raw, opener):
    source = opener(raw)
    try:
        meta = source.metadata
        assert (source.format, source.shape) == ("AVIRIS-5 L1B", (ROWS, COLUMNS, BANDS))
        assert meta.wavelengths.tolist() == [400, 500, 600]
        assert meta.fwhm.tolist() == [5, 6, 7]
        assert (meta.nodata, meta.unit) == (-9999, "uW nm-1 cm-2 sr-1")
        assert meta.product.acquired == "2025-07-01T18:00:00Z"
        assert meta.georeference is None
        assert source.read((3, 4), (2, 3))[0, 0].tolist() == [320, 321, 322]
        table = source.geolocation()
    finally:
        source.close()
    assert (table.rows[1, 1], table.columns[1, 1]) == (0, 0)
    assert (table.rows[5, 4], table.columns[5, 4]) == (4, 3)
    assert (table.rows[3, 0], table.columns[3, 0]) == (2, 0)
    assert table.valid.sum() == ROWS * COLUMNS + 1
    assert table.georeference.crs.to_epsg() == 32611
    assert tuple(table.georeference.transform)[:6] == (5, 0, 500_010, 0, -5, 4_100_010)


def test_reflectance_lies_on_the_map(ortho):
    source = open_source(ortho)
    try:
        place = source.metadata.georeference
        assert source.format == "AVIRIS-5 L2A"
        assert source.metadata.unit == "reflectance"
        assert source.geolocation() is None
    finally:
        source.close()
    assert place.crs.to_epsg() == 32611
    assert tuple(place.transform)[:6] == (5, 0, 500_010, 0, -5, 4_100_010)


@pytest.mark.parametrize("name", ["radiance", "reflectance"])
@pytest.mark.parametrize("on_map", [True, False])
def test_table_of_the_cubes_own_size_is_checked_by_its_void(tmp_path, name, on_map):
    path = write_line(tmp_path / "a.nc", name, shape=(ROWS + 2, COLUMNS + 2))
    with h5py.File(path, "a") as file:
        if on_map:
            cube = file[f"{name}/{name}"][()]
            cube[:, file["geolocation_lookup_table/sample"][()] == 0] = -9999
            file[f"{name}/{name}"][...] = cube
    source = open_here(path)
    assert (source.metadata.georeference is not None) == on_map
    assert (source.geolocation() is None) == on_map
    source.close()


def test_table_that_leads_out_of_the_line_is_refused(raw):
    with h5py.File(raw, "a") as file:
        file["geolocation_lookup_table/line"][2, 2] = -99
    source = open_here(raw)
    with pytest.raises(InputError, match=r"leads to row 99, but the scene has 5"):
        source.geolocation()
    source.close()


def test_declared_fill_of_a_table_is_void(raw):
    with h5py.File(raw, "a") as file:
        for name in ("line", "sample"):
            table = file[f"geolocation_lookup_table/{name}"]
            table[2, 2] = -9999
            table.attrs["_FillValue"] = np.int32(-9999)
    source = open_here(raw)
    assert not source.geolocation().valid[2, 2]
    source.close()


def test_wavelengths_in_micrometres(raw):
    with h5py.File(raw, "a") as file:
        file["radiance/wavelength"][...] = [0.4, 0.5, 0.6]
        file["radiance/wavelength"].attrs["units"] = "micrometers"
        file["radiance/fwhm"][...] = [0.005, 0.006, 0.007]
    source = open_here(raw)
    assert source.metadata.wavelengths.tolist() == pytest.approx([400, 500, 600])
    assert source.metadata.fwhm.tolist() == pytest.approx([5, 6, 7])
    source.close()


def test_other_files_and_short_lists_are_refused(raw, ortho):
    with h5py.File(ortho, "a") as file:
        file.move("reflectance", "uncertainty")
        file.move("uncertainty/reflectance", "uncertainty/uncertainty")
    with pytest.raises(InputError, match="angles or uncertainties"):
        open_source(ortho)
    with h5py.File(raw, "a") as file:
        del file["radiance/wavelength"]
        file["radiance/wavelength"] = np.float32([400, 500])
    with pytest.raises(InputError, match=r"'radiance/wavelength' has 2 entries"):
        open_source(raw)


def test_made_line(tmp_path):
    path, _, on_map = make_product(tmp_path / "av5", "aviris-5", rows=24, columns=30)
    with Scene.of(open_here(path)) as scene:
        assert scene.source.shape == (24, 30, 424)
        table = scene.source.geolocation()
        assert np.unique(table.rows[table.valid] * 30 + table.columns[table.valid]).size > 600
        with rasterio.open(on_map) as image:
            assert image.transform == table.georeference.transform
            assert (image.read(1) != 255).sum() == table.valid.sum()
