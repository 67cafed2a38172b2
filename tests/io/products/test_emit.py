"""EMIT granules: expected values are those of the layout's description, written by hand."""

import h5py
import numpy as np
import pytest

import oddspec
from oddspec.errors import InputError
from oddspec.io.open import open_here, open_source
from oddspec.io.quality import QUALITY_FLAGS
from oddspec.scenes.products import make_product

ROWS, COLUMNS, BANDS = 5, 4, 6


@pytest.fixture
def granule(tmp_path):
    """A granule of 5 x 4 pixels, where each value tells its row, column and band."""
    path = tmp_path / "EMIT_L2A_RFL_001_20230101T000000_2300101_001.nc"
    i, j, b = np.indices((ROWS, COLUMNS, BANDS))
    with h5py.File(path, "w") as file:
        file.attrs["geotransform"] = [-106.0, 0.001, 0.0, 35.0, 0.0, -0.001]
        file.attrs["spatial_ref"] = 'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,'
        file.attrs["spatial_ref"] += '298.257223563]],PRIMEM["Greenwich",0],UNIT["degree",'
        file.attrs["spatial_ref"] += '0.0174532925199433],AUTHORITY["EPSG","4326"]]'
        file.attrs["time_coverage_start"] = "2023-01-01T00:00:00+0000"
        data = file.create_dataset("reflectance", data=(100 * i + 10 * j + b).astype("f4"))
        data.attrs["_FillValue"] = np.float32(-9999)
        data.attrs["units"] = "unitless"
        data[4, 3] = -9999
        file["sensor_band_parameters/wavelengths"] = [400.0, 500, 600, 1400, 1600, 2200]
        file["sensor_band_parameters/fwhm"] = [8.0, 8.1, 8.2, 8.3, 8.4, 8.5]
        file["sensor_band_parameters/good_wavelengths"] = np.uint8([1, 1, 1, 0, 1, 1])
        # The map is one pixel wider on each side; row 1 of the map is row 0 of the sensor.
        glt_x, glt_y = np.zeros((2, ROWS + 2, COLUMNS + 2), "i4")
        glt_x[1:-1, 1:-1] = np.arange(1, COLUMNS + 1)
        glt_y[1:-1, 1:-1] = np.arange(1, ROWS + 1)[:, None]
        file["location/glt_x"], file["location/glt_y"] = glt_x, glt_y
        file["location/lon"] = -106 + 0.001 * (1.5 + j[:, :, 0])
        file["location/lat"] = 35 - 0.001 * (1.5 + i[:, :, 0])
    return path


def write_mask(granule, shape=(ROWS, COLUMNS)):
    path = granule.with_name(granule.name.replace("_RFL_", "_MASK_"))
    with h5py.File(path, "w") as file:
        mask = np.zeros((*shape, 8), "f4")
        mask[0, 0, 0] = mask[1, 1, 4] = mask[2, 2, 1] = mask[3, 0, 2] = mask[3, 1, 3] = 1
        mask[:, :, 5] = 0.1
        file["mask"] = mask
    return path


def test_cube_bands_and_facts(granule):
    with oddspec.open(granule) as scene:
        meta = scene.source.metadata
        assert scene.source.format == "EMIT L2A"
        assert scene.source.shape == (ROWS, COLUMNS, BANDS)
        assert scene.bands.tolist() == [0, 1, 2, 4, 5]
        assert meta.wavelengths.tolist() == [400, 500, 600, 1400, 1600, 2200]
        assert meta.fwhm.tolist() == pytest.approx([8.0, 8.1, 8.2, 8.3, 8.4, 8.5], abs=1e-6)
        assert (meta.unit, meta.product.acquired) == ("reflectance", "2023-01-01T00:00:00+0000")
        cube, valid = scene.read((0, ROWS), (0, COLUMNS))
        assert cube[3, 2].tolist() == [320, 321, 322, 324, 325]
        assert np.argwhere(~valid).tolist() == [[4, 3]]


@pytest.mark.parametrize("opener", [open_here, open_source], ids=["here", "child"])
def test_lookup_table_counts_from_one_and_zero_is_void(granule, opener):
    source = opener(granule)
    try:
        table = source.geolocation()
    finally:
        source.close()
    assert table.shape == (ROWS + 2, COLUMNS + 2)
    assert (table.rows[1, 1], table.columns[1, 1]) == (0, 0)
    assert (table.rows[5, 4], table.columns[5, 4]) == (4, 3)
    assert not table.valid[0].any()
    assert table.valid.sum() == ROWS * COLUMNS
    assert table.georeference.crs.to_epsg() == 4326
    assert table.georeference.transform * (1, 1) == pytest.approx((-105.999, 34.999))
    on_map = table.to_map(np.arange(ROWS * COLUMNS, dtype=float).reshape(ROWS, COLUMNS), np.nan)
    assert on_map[2, 3] == 1 * COLUMNS + 2
    assert np.isnan(on_map[0, 0])


def test_mirrored_table_of_early_files_is_turned(granule):
    with h5py.File(granule, "a") as file:
        table = file["location/glt_x"][()]
        file["location/glt_x"][...] = np.where(table > 0, COLUMNS + 1 - table, 0)
    source = open_here(granule)
    assert source.geolocation().columns[1, 1:-1].tolist() == [0, 1, 2, 3]
    source.close()


def test_table_of_another_place_is_refused(granule):
    with h5py.File(granule, "a") as file:
        file["location/lon"][...] += 1.0
    source = open_here(granule)
    with pytest.raises(InputError, match="lie 1e\\+03 pixels away"):
        source.geolocation()
    source.close()


def test_table_that_leads_out_of_the_scene_is_refused(granule):
    with h5py.File(granule, "a") as file:
        file["location/glt_y"][2, 2] = 99
    source = open_here(granule)
    with pytest.raises(InputError, match=r"leads to row 99, but the scene has 5"):
        source.geolocation()
    source.close()


def test_masks_of_the_file_beside(granule):
    write_mask(granule)
    source = open_source(granule)
    try:
        assert source.quality == ("cloud", "cirrus", "water", "product-invalid")
        found = source.read_quality((0, ROWS), (0, COLUMNS))
        assert found.dtype == np.uint16
        for name, places in {
            "cloud": [[0, 0], [1, 1]],
            "cirrus": [[2, 2]],
            "water": [[3, 0]],
            "product-invalid": [[3, 1]],
        }.items():
            assert np.argwhere(found & QUALITY_FLAGS[name]).tolist() == places, name
        assert source.read_quality((1, 2), (1, 3)).tolist() == [[QUALITY_FLAGS["cloud"], 0]]
    finally:
        source.close()


def test_mask_of_another_granule_is_refused(granule):
    write_mask(granule, (ROWS + 1, COLUMNS))
    with pytest.raises(InputError, match=r"MASK.*6 x 4 x 8 pixels, but the scene has 5 x 4"):
        open_source(granule)


def test_without_mask_it_is_said(granule):
    source = open_source(granule)
    assert any("clouds are not masked" in note for note in source.metadata.notes)
    source.close()


def test_wrong_file_of_the_granule(granule):
    with h5py.File(granule, "a") as file:
        file.move("reflectance", "reflectance_uncertainty")
    with pytest.raises(InputError, match=r"file of uncertainties.*L2A_RFL"):
        open_source(granule)


@pytest.mark.parametrize(("name", "bands"), [("mask", "mask_bands"), ("obs", "observation_bands")])
def test_masks_and_angles_are_no_scenes(tmp_path, name, bands):
    path = tmp_path / "EMIT_L2A.nc"
    with h5py.File(path, "w") as file:
        file[name] = np.zeros((20, 20, 8), "f4")
        file[f"sensor_band_parameters/{bands}"] = np.array(["a"] * 8, dtype=h5py.string_dtype())
    with pytest.raises(InputError, match=r"is an EMIT file of (masks|angles).*L2A_RFL"):
        open_source(path)


def test_wavelengths_of_another_file(granule):
    with h5py.File(granule, "a") as file:
        del file["sensor_band_parameters/wavelengths"]
        file["sensor_band_parameters/wavelengths"] = [400.0, 500]
    with pytest.raises(InputError, match=r"'sensor_band_parameters/wavelengths' has 2 entries"):
        open_source(granule)


def test_made_granule(tmp_path):
    path, *_ = make_product(tmp_path / "emit", "emit", rows=40, columns=32)
    with oddspec.open(path) as scene:
        assert scene.source.shape == (40, 32, 285)
        assert len(scene.bands) == 285 - 15 - 26
        table = scene.source.geolocation()
        assert np.unique(table.rows[table.valid] * 32 + table.columns[table.valid]).size > 1200
