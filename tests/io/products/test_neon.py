"""NEON reflectance: expected values are those of the layout's description, written by hand."""

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
INFO = "UTM, 1.000, 1.000, 256000.0, 4113000.0, 1.0, 1.0, 11, North, WGS-84, units=Meters, 0"
METADATA = "SJER/Reflectance/Metadata"


@pytest.fixture
def tile(tmp_path):
    path = tmp_path / "NEON_D17_SJER_DP3_256000_4113000_reflectance.h5"
    i, j, b = np.indices((ROWS, COLUMNS, 6))
    with h5py.File(path, "w") as file:
        group = file.create_group("SJER/Reflectance")
        group.attrs["Band_Window_1_Nanometers"] = [1340.0, 1445.0]
        group.attrs["Band_Window_2_Nanometers"] = [1790.0, 1955.0]
        cube = group.create_dataset("Reflectance_Data", data=(100 * i + 10 * j + b).astype("i2"))
        cube[4, 3] = -9999
        cube.attrs.update(Scale_Factor=10_000.0, Data_Ignore_Value=-9999.0)
        group["Metadata/Spectral_Data/Wavelength"] = [400.0, 500, 1340, 1446, 1900, 2200]
        group["Metadata/Spectral_Data/FWHM"] = [5.0, 5.1, 5.2, 5.3, 5.4, 5.5]
        group["Metadata/Coordinate_System/Map_Info"] = np.bytes_(INFO)
        group["Metadata/Coordinate_System/EPSG Code"] = np.bytes_("32611")
    return path


@pytest.mark.parametrize("opener", [open_here, open_source], ids=["here", "child"])
def test_values_bands_and_place(tile, opener):
    with Scene.of(opener(tile)) as scene:
        meta = scene.source.metadata
        assert (scene.source.format, scene.source.shape) == ("NEON DP3", (ROWS, COLUMNS, 6))
        assert scene.bands.tolist() == [0, 1, 3, 5]
        assert meta.wavelengths.tolist() == [400, 500, 1340, 1446, 1900, 2200]
        assert meta.fwhm.tolist() == [5.0, 5.1, 5.2, 5.3, 5.4, 5.5]
        assert meta.unit == "reflectance"
        read = scene.source.read((3, 4), (2, 3))[0, 0]
        assert read.tolist() == pytest.approx([0.0320, 0.0321, 0.0322, 0.0323, 0.0324, 0.0325])
        assert np.argwhere(~scene.read(*EVERYTHING)[1]).tolist() == [[4, 3]]
        assert meta.georeference.crs.to_epsg() == 32611
        assert tuple(meta.georeference.transform)[:6] == (1, 0, 256_000, 0, -1, 4_113_000)


def test_classes(tile):
    classes = np.full((ROWS, COLUMNS), 5, "u1")
    classes[0], classes[1] = [0, 1, 2, 6], [7, 11, 13, 15]
    classes[2, :2] = [17, 21]
    with h5py.File(tile, "a") as file:
        file[f"{METADATA}/Ancillary_Imagery/Haze_Cloud_Water_Map"] = classes
    source = open_source(tile)
    try:
        found = source.read_quality(*EVERYTHING)
        for name, places in {
            "fill": [[0, 0]],
            "cloud-shadow": [[0, 1]],
            "cirrus": [[0, 2]],
            "saturated": [[0, 3]],
            "snow": [[1, 0]],
            "haze": [[1, 1], [1, 2]],
            "glint": [[1, 2]],
            "cloud": [[1, 3]],
            "water": [[2, 0]],
            "terrain-shadow": [[2, 1]],
        }.items():
            assert np.argwhere(found & QUALITY_FLAGS[name]).tolist() == places, name
        assert not found[2:, 2:].any()
    finally:
        source.close()


def test_classes_with_other_names_are_not_used(tile):
    with h5py.File(tile, "a") as file:
        layer = file.create_dataset(
            f"{METADATA}/Ancillary_Imagery/Haze_Cloud_Water_Map",
            data=np.full((ROWS, COLUMNS), 15, "u1"),
        )
        layer.attrs["Class_Names"] = np.array([f"class {n}" for n in range(23)], dtype="S")
    source = open_here(tile)
    assert source.quality == ()
    assert any("the map was not used" in note for note in source.metadata.notes)
    source.close()


def change(path, name, value):
    with h5py.File(path, "a") as file:
        del file[name]
        file[name] = value


def test_map_that_contradicts_the_extent_is_refused(tile):
    with h5py.File(tile, "a") as file:
        cube = file["SJER/Reflectance/Reflectance_Data"]
        cube.attrs["Spatial_Extent_meters"] = [256_000.0, 256_004.0, 4_112_995.0, 4_113_000.0]
    open_here(tile).close()
    with h5py.File(tile, "a") as file:
        cube = file["SJER/Reflectance/Reflectance_Data"]
        cube.attrs["Spatial_Extent_meters"] = [256_000.0, 256_004.0, 4_112_990.0, 4_113_000.0]
    with pytest.raises(InputError, match=r"'Map_Info' puts the scene at 256000 to 256004"):
        open_here(tile)


def test_systems_of_two_kinds_are_refused(tile):
    change(tile, f"{METADATA}/Coordinate_System/EPSG Code", np.bytes_("4326"))
    with pytest.raises(InputError, match="different kinds of coordinates"):
        open_here(tile)


@pytest.mark.parametrize("text", ["", "UTM, a, b"])
def test_without_map_info_there_is_no_place(tile, text):
    change(tile, f"{METADATA}/Coordinate_System/Map_Info", np.bytes_(text))
    source = open_here(tile)
    assert source.metadata.georeference is None
    assert any("no georeference" in note for note in source.metadata.notes)
    source.close()


def test_radiance_in_two_parts_is_refused(tmp_path):
    path = tmp_path / "NEON_radiance.h5"
    with h5py.File(path, "w") as file:
        file["SJER/Radiance/RadianceIntegerPart"] = np.zeros((5, 4, 6), "i2")
        file["SJER/Radiance/RadianceDecimalPart"] = np.zeros((5, 4, 6), "u1")
        file.create_group("SJER/Radiance/Metadata")
    with pytest.raises(InputError, match="radiance, which is stored in two parts"):
        open_source(path)


def test_made_tile(tmp_path):
    path, _ = make_product(tmp_path / "neon", "neon", rows=24, columns=30)
    with Scene.of(open_here(path)) as scene:
        assert scene.source.shape == (24, 30, 426)
        assert len(scene.bands) == 426 - 21 - 33
        assert scene.read((0, 24), (0, 30))[1].sum() == 23 * 30
