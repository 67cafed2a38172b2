"""PACE OCI granules: expected values are those of the layout's description, written by hand."""

import h5py
import numpy as np
import pytest

from oddspec.errors import InputError
from oddspec.io.open import open_here, open_source
from oddspec.io.quality import QUALITY_FLAGS
from oddspec.scene import Scene
from oddspec.scenes.products import make_product

ROWS, COLUMNS = 5, 4
EVERYTHING = (0, ROWS), (0, COLUMNS)
BANDS = {"blue": [400.0, 500, 601], "red": [600.0, 700], "SWIR": [940.0, 1250, 1249, 1616, 1615]}


@pytest.fixture
def granule(tmp_path):
    path = tmp_path / "PACE_OCI.20240614T173000.L1B.V3.nc"
    with h5py.File(path, "w") as file:
        file.attrs.update(instrument="OCI", time_coverage_start="2024-06-14T17:30:00.000Z")
        for thousand, (part, wavelengths) in enumerate(BANDS.items(), start=1):
            b, i, j = np.indices((len(wavelengths), ROWS, COLUMNS))
            values = 1000 * thousand + 100 * i + 10 * j + b
            cube = file.create_dataset(f"observation_data/rhot_{part}", data=values.astype("f4"))
            cube.attrs["_FillValue"] = np.float32(-32767)
            cube[0, 4, 3] = -32767
            file[f"observation_data/qual_{part}"] = np.zeros(values.shape, "u1")
            file[f"sensor_band_parameters/{part}_wavelength"] = np.float32(wavelengths)
        i, j = np.indices((ROWS, COLUMNS))
        file["geolocation_data/longitude"] = np.float32(-80 + 0.01 * j)
        file["geolocation_data/latitude"] = np.float32(35 - 0.01 * i)
        for name in ("longitude", "latitude"):
            file[f"geolocation_data/{name}"].attrs["_FillValue"] = np.float32(-32767)
    return path


@pytest.mark.parametrize("opener", [open_here, open_source], ids=["here", "child"])
def test_detectors_are_joined_by_wavelength(granule, opener):
    with Scene.of(opener(granule)) as scene:
        meta = scene.source.metadata
        assert (scene.source.format, scene.source.shape) == ("PACE OCI L1B", (ROWS, COLUMNS, 7))
        # Without 601 of blue, which red saw, and without the second of each gain.
        assert meta.wavelengths.tolist() == [400, 500, 600, 700, 940, 1250, 1616]
        read = scene.source.read((3, 4), (2, 3))[0, 0]
        assert read.tolist() == [1320, 1321, 2320, 2321, 3320, 3321, 3323]
        assert np.argwhere(~scene.read(*EVERYTHING)[1]).tolist() == [[4, 3]]
        assert (meta.unit, meta.product.acquired) == ("reflectance", "2024-06-14T17:30:00.000Z")
        notes = " ".join(meta.notes)
        assert "two gains, of which the second was left out: 1249, 1615 nm" in notes
        assert "two detectors saw 601 to 601 nm: 1 bands" in notes


def test_table_of_coordinates(granule):
    with h5py.File(granule, "a") as file:
        file["geolocation_data/longitude"][0, 0] = -32767
    source = open_source(granule)
    try:
        table = source.geolocation()
    finally:
        source.close()
    row, column = table.rows[table.valid], table.columns[table.valid]
    found = set(zip(row.tolist(), column.tolist(), strict=True))
    assert found == set(np.ndindex(ROWS, COLUMNS)) - {(0, 0)}


@pytest.mark.parametrize(
    ("meanings", "flag"), [("", "product-invalid"), ("saturation", "saturated")]
)
def test_quality_of_the_bands(granule, meanings, flag):
    with h5py.File(granule, "a") as file:
        file["observation_data/qual_red"][1, 2, 1] = 1
        file["observation_data/qual_blue"][2, 0, 0] = 1  # of a band that is left out
        file["observation_data/qual_red"].attrs["flag_meanings"] = meanings
    source = open_source(granule)
    try:
        assert source.quality == (flag,)
        found = source.read_quality(*EVERYTHING)
        assert np.argwhere(found).tolist() == [[2, 1]]
        assert found[2, 1] == QUALITY_FLAGS[flag]
    finally:
        source.close()


def test_level_2_is_refused_with_the_reason(tmp_path):
    path = tmp_path / "PACE_OCI.20240614T173000.L2.SFREFL.V3.nc"
    with h5py.File(path, "w") as file:
        file.attrs["instrument"] = "OCI"
        file["geophysical_data/rhos"] = np.zeros((ROWS, COLUMNS, 6), "f4")
    with pytest.raises(InputError, match=r"of L2, which is not read.*open the L1B granule"):
        open_source(path)
    source = open_source(path, variable="geophysical_data/rhos", axes="row,column,band")
    assert source.shape == (ROWS, COLUMNS, 6)
    source.close()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("observation_data/rhot_SWIR", np.zeros((5, ROWS, 7), "f4"), "5 x 4 and 5 x 7 pixels"),
        ("observation_data/qual_red", np.zeros((3, ROWS, COLUMNS), "u1"), "does not fit its cube"),
        ("sensor_band_parameters/red_wavelength", [600.0], "red_wavelength' has 1 entries"),
    ],
)
def test_parts_of_other_granules_are_refused(granule, name, value, message):
    with h5py.File(granule, "a") as file:
        del file[name]
        file[name] = value
        if "SWIR" in name:
            del file["observation_data/qual_SWIR"]
            file[name].attrs["_FillValue"] = np.float32(-32767)
    with pytest.raises(InputError, match=message):
        open_here(granule)


def test_made_granule(tmp_path):
    path, *_ = make_product(tmp_path / "pace", "pace", rows=24, columns=30)
    source = open_here(path)
    assert source.shape[2] == 119 - 3 + 163 + 7
    assert (np.diff(source.metadata.wavelengths) > 0).all()
    table = source.geolocation()
    assert np.unique(table.rows[table.valid] * 30 + table.columns[table.valid]).size > 600
    source.close()
