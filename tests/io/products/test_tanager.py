"""Tanager scenes: expected values are those of the layout's description, written by hand."""

import h5py
import numpy as np
import pytest
import rasterio

from oddspec.errors import InputError
from oddspec.io.open import open_here, open_source
from oddspec.io.quality import QUALITY_FLAGS
from oddspec.scene import Scene
from oddspec.scenes.products import make_product

ROWS, COLUMNS, BANDS = 5, 4, 6
EVERYTHING = (0, ROWS), (0, COLUMNS)
STRUCTURE = """GROUP=GridStructure
\tGROUP=GRID_1
\t\tGridName="HYP"
\t\tXDim=4
\t\tYDim=5
\t\tUpperLeftPointMtrs=(500010.000000,4100010.000000)
\t\tLowerRightMtrs=(500130.000000,4099860.000000)
\t\tGridOrigin=HE5_HDFE_GD_UL
END
"""


def write_scene(path, group, name, structure=STRUCTURE):
    b, i, j = np.indices((BANDS, ROWS, COLUMNS))
    with h5py.File(path, "w") as file:
        place = file.create_group(f"HDFEOS/{group}/HYP")
        cube = place.create_dataset(
            f"Data Fields/{name}", data=(100 * i + 10 * j + b).astype("f4"), chunks=(2, 3, 2)
        )
        cube[:, 4, 3] = -9999
        cube.attrs.update(
            _FillValue=np.float32(-9999),
            wavelengths=[400.0, 500, 600, 1400, 1600, 2200],
            fwhm=[5.0, 5.1, 5.2, 5.3, 5.4, 5.5],
        )
        if name == "surface_reflectance":
            cube.attrs["good_wavelengths"] = np.uint8([1, 1, 1, 0, 1, 1])
        else:
            cube.attrs["Unit"] = "W/(m2 sr um)"
        if group == "GRIDS":
            place.attrs["epsg_code"] = 32611
            file["HDFEOS INFORMATION/StructMetadata.0"] = np.bytes_(structure)
        else:
            i, j = np.indices((ROWS, COLUMNS))
            place["Geolocation Fields/Longitude"] = -118 + 0.001 * j
            place["Geolocation Fields/Latitude"] = 37 - 0.001 * i
    return path


@pytest.fixture
def ortho(tmp_path):
    return write_scene(tmp_path / "ortho.h5", "GRIDS", "surface_reflectance")


@pytest.fixture
def basic(tmp_path):
    return write_scene(tmp_path / "basic.h5", "SWATHS", "toa_radiance")


@pytest.mark.parametrize("opener", [open_here, open_source], ids=["here", "child"])
def test_bands_come_first_in_the_file(ortho, opener):
    with Scene.of(opener(ortho)) as scene:
        meta = scene.source.metadata
        assert scene.source.format == "Tanager L2A"
        assert scene.source.shape == (ROWS, COLUMNS, BANDS)
        assert scene.bands.tolist() == [0, 1, 2, 4, 5]
        assert meta.wavelengths.tolist() == [400, 500, 600, 1400, 1600, 2200]
        assert meta.fwhm.tolist() == [5.0, 5.1, 5.2, 5.3, 5.4, 5.5]
        assert meta.unit == "reflectance"
        assert scene.source.read((3, 4), (2, 3))[0, 0].tolist() == [320, 321, 322, 323, 324, 325]
        assert np.argwhere(~scene.read(*EVERYTHING)[1]).tolist() == [[4, 3]]


def test_corners_are_outer_ones(ortho):
    source = open_source(ortho)
    place = source.metadata.georeference
    source.close()
    assert place.crs.to_epsg() == 32611
    assert tuple(place.transform)[:6] == (30, 0, 500_010, 0, -30, 4_100_010)


def test_basic_scene_has_a_table(basic):
    source = open_source(basic)
    try:
        meta = source.metadata
        assert (source.format, meta.unit) == ("Tanager L1B", "W/(m2 sr um)")
        assert meta.georeference is None
        assert meta.bad_bands is None
        table = source.geolocation()
    finally:
        source.close()
    row, column = table.rows[table.valid], table.columns[table.valid]
    assert set(zip(row.tolist(), column.tolist(), strict=True)) == set(np.ndindex(ROWS, COLUMNS))


def test_masks(ortho):
    with h5py.File(ortho, "a") as file:
        fields = file["HDFEOS/GRIDS/HYP/Data Fields"]
        for at, name in enumerate(("nodata_pixels", "beta_cloud_mask", "beta_cirrus_mask")):
            mask = np.zeros((ROWS, COLUMNS), "u1")
            mask[at, 0], mask[at, 1] = 1, 255
            fields[name] = mask
    source = open_source(ortho)
    try:
        found = source.read_quality(*EVERYTHING)
        assert source.quality == ("fill", "cloud", "cirrus")
        for name, places in {
            "fill": [[0, 0], [0, 1]],
            "cloud": [[1, 0]],
            "cirrus": [[2, 0]],
        }.items():
            assert np.argwhere(found & QUALITY_FLAGS[name]).tolist() == places, name
    finally:
        source.close()


def test_bands_in_another_order_are_sorted(ortho):
    with h5py.File(ortho, "a") as file:
        cube = file["HDFEOS/GRIDS/HYP/Data Fields/surface_reflectance"]
        cube.attrs["wavelengths"] = [2200.0, 1600, 1400, 600, 500, 400]
    source = open_here(ortho)
    assert source.metadata.wavelengths.tolist() == [400, 500, 600, 1400, 1600, 2200]
    assert source.metadata.bad_bands.tolist() == [False, False, True, False, False, False]
    assert source.read((3, 4), (2, 3))[0, 0].tolist() == [325, 324, 323, 322, 321, 320]
    source.close()


def test_size_of_another_grid_is_refused(tmp_path):
    text = STRUCTURE.replace("XDim=4", "XDim=5")
    path = write_scene(tmp_path / "s.h5", "GRIDS", "surface_reflectance", text)
    with pytest.raises(InputError, match=r"5 rows and 4 columns, but .* says XDim=5"):
        open_here(path)


def test_grid_from_below_is_refused(tmp_path):
    text = STRUCTURE.replace("GD_UL", "GD_LL")
    path = write_scene(tmp_path / "s.h5", "GRIDS", "surface_reflectance", text)
    with pytest.raises(InputError, match=r"begins at the corner LL"):
        open_here(path)


@pytest.mark.parametrize("text", ["", STRUCTURE.replace("500010.000000", "a")])
def test_without_corners_there_is_no_place(tmp_path, text):
    source = open_here(write_scene(tmp_path / "s.h5", "GRIDS", "surface_reflectance", text))
    assert source.metadata.georeference is None
    assert any("no georeference" in note for note in source.metadata.notes)
    source.close()


def test_uncertainties_and_short_lists_are_refused(ortho, basic):
    with h5py.File(ortho, "a") as file:
        fields = file["HDFEOS/GRIDS/HYP/Data Fields"]
        fields.move("surface_reflectance", "surface_reflectance_uncertainty")
    with pytest.raises(InputError, match="file of uncertainties"):
        open_source(ortho)
    with h5py.File(basic, "a") as file:
        cube = file["HDFEOS/SWATHS/HYP/Data Fields/toa_radiance"]
        cube.attrs["wavelengths"] = [400.0, 500.0]
    with pytest.raises(InputError, match=r"'wavelengths' has 2 entries, where 6 were expected"):
        open_source(basic)


def test_made_scenes(tmp_path):
    path, truth = make_product(tmp_path / "ortho", "tanager", rows=24, columns=30)
    with Scene.of(open_here(path)) as scene:
        assert scene.source.shape == (24, 30, 426)
        assert scene.read((0, 24), (0, 30))[1].sum() == 24 * 27 - 4 * 5  # clouds
        with rasterio.open(truth) as image:
            assert image.transform == scene.source.metadata.georeference.transform
    path, *_ = make_product(tmp_path / "basic", "tanager-basic", rows=24, columns=30)
    source = open_here(path)
    table = source.geolocation()
    assert np.unique(table.rows[table.valid] * 30 + table.columns[table.valid]).size > 600
    source.close()
