"""PRISMA scenes: expected values are those of the layout's description, written by hand."""

import h5py
import numpy as np
import pytest
import rasterio
from rasterio.warp import transform

from oddspec.errors import BudgetError, InputError
from oddspec.io.open import open_here, open_source
from oddspec.io.quality import QUALITY_FLAGS
from oddspec.scene import Scene
from oddspec.scenes.products import make_product

ROWS, COLUMNS = 5, 4
VNIR = [970.0, 950.0, 600.0, 0.0]
SWIR = [2300.0, 1600.0, 945.0]
# Ascending; 950 and 970 of VNIR lie within what SWIR saw, and the band without wavelength is none.
WAVELENGTHS = [600, 945, 1600, 2300]
AT = [("VNIR", 2), ("SWIR", 2), ("SWIR", 1), ("SWIR", 0)]
EVERYTHING = (0, ROWS), (0, COLUMNS)


def numbers(part, bands):
    """Stored numbers that tell their part, row, column and band, of (rows, bands, columns)."""
    i, b, j = np.indices((ROWS, bands, COLUMNS))
    return (1000 * (2 if part == "SWIR" else 1) + 100 * i + 10 * j + b).astype("u2")


def write_scene(path, level, **attributes):
    with h5py.File(path, "w") as file:
        file.attrs["Processing_Level"] = np.bytes_(level.removeprefix("L"))
        file.attrs["Product_StartTime"] = np.bytes_("2023-06-14T10:15:00")
        for part, wavelengths in (("Vnir", VNIR), ("Swir", SWIR)):
            file.attrs[f"List_Cw_{part}"] = np.float32(wavelengths)
            file.attrs[f"List_Fwhm_{part}"] = np.float32(wavelengths) / 100
            file.attrs[f"List_Cw_{part}_Flags"] = np.int32(np.array(wavelengths) > 0)
            if level == "L1":
                file.attrs[f"ScaleFactor_{part}"] = np.float32(100)
                file.attrs[f"Offset_{part}"] = np.float32(0)
        if level != "L1":
            file.attrs.update(L2ScaleVnirMin=0.0, L2ScaleVnirMax=1.0)
            file.attrs.update(L2ScaleSwirMin=-0.5, L2ScaleSwirMax=1.5)
        if level == "L2D":
            # Centres of the corner pixels, 30 m apart from their neighbours.
            file.attrs.update(
                Epsg_Code=np.uint32(32632),
                Product_ULcorner_easting=600_015.0,
                Product_ULcorner_northing=5_000_085.0,
                Product_LRcorner_easting=600_015.0 + 3 * 30,
                Product_LRcorner_northing=5_000_085.0 - 4 * 30,
            )
        file.attrs.update(attributes)
        swath = file.create_group(f"HDFEOS/SWATHS/PRS_{level}_HCO")
        swath["Data Fields/VNIR_Cube"] = numbers("VNIR", 4)
        swath["Data Fields/SWIR_Cube"] = numbers("SWIR", 3)
        i, j = np.indices((ROWS, COLUMNS))
        suffix = "_VNIR" if level == "L1" else ""
        swath[f"Geolocation Fields/Longitude{suffix}"] = 10 + 0.001 * j
        swath[f"Geolocation Fields/Latitude{suffix}"] = 45 - 0.001 * i
    return path


@pytest.fixture
def l1(tmp_path):
    return write_scene(tmp_path / "a.he5", "L1")


@pytest.fixture
def l2d(tmp_path):
    return write_scene(tmp_path / "b.he5", "L2D")


def fields(file):
    (swath,) = file["HDFEOS/SWATHS"].values()
    return swath["Data Fields"]


def stored(part, band, row, column):
    return 1000 * (2 if part == "SWIR" else 1) + 100 * row + 10 * column + band


@pytest.mark.parametrize("opener", [open_here, open_source], ids=["here", "child"])
def test_parts_are_joined_by_wavelength(l1, opener):
    source = opener(l1)
    try:
        meta = source.metadata
        assert (source.format, source.shape) == ("PRISMA L1", (ROWS, COLUMNS, 4))
        assert meta.wavelengths.tolist() == WAVELENGTHS
        assert meta.fwhm.tolist() == pytest.approx([6, 9.45, 16, 23], abs=1e-5)
        assert (meta.unit, meta.product.acquired) == ("W/m^2/sr/um", "2023-06-14T10:15:00")
        window = source.read((1, 4), (2, 3))
        assert window.shape == (3, 1, 4)
        for row in (1, 2, 3):
            wanted = [stored(*at, row, 2) / 100 for at in AT]
            assert window[row - 1, 0].tolist() == pytest.approx(wanted, rel=1e-6)
        notes = " ".join(meta.notes)
        assert "VNIR that were not acquired and are left out: 4" in notes
        assert "both spectrometers saw 950 to 970 nm: 2 bands of VNIR" in notes
    finally:
        source.close()


@pytest.mark.parametrize("level", ["L2B", "L2C", "L2D"])
def test_scale_of_l2_is_that_of_its_attributes(tmp_path, level):
    source = open_here(write_scene(tmp_path / "s.he5", level))
    wanted = [stored(*AT[0], 3, 1) / 65535] + [
        -0.5 + 2 * stored(*at, 3, 1) / 65535 for at in AT[1:]
    ]
    assert source.read((3, 4), (1, 2))[0, 0].tolist() == pytest.approx(wanted, rel=1e-6)
    assert source.metadata.unit == ("W/m^2/sr/um" if level == "L2B" else "reflectance")
    source.close()


def test_zero_is_missing_in_l2_and_a_radiance_in_l1(l1, l2d):
    for path in (l1, l2d):
        with h5py.File(path, "a") as file:
            fields(file)["VNIR_Cube"][1, 2, 1] = 0
            fields(file)["VNIR_Cube"][2, :, 2] = fields(file)["SWIR_Cube"][2, :, 2] = 0
    with Scene.of(open_here(l1)) as scene:
        cube, valid = scene.read(*EVERYTHING)
        assert np.argwhere(~valid).tolist() == [[2, 2]]
        assert cube[1, 1, 0] == 0
    with Scene.of(open_here(l2d)) as scene:
        assert np.argwhere(~scene.read(*EVERYTHING)[1]).tolist() == [[1, 1], [2, 2]]


def test_corners_of_l2d_are_centres_of_pixels(l2d):
    source = open_source(l2d)
    place = source.metadata.georeference
    source.close()
    assert place.crs.to_epsg() == 32632
    assert tuple(place.transform)[:6] == (30, 0, 600_000, 0, -30, 5_000_100)
    assert source.metadata.nodata is None


def test_coordinates_that_contradict_the_corners_are_noted(l2d):
    # 10 + 0.002 degrees east, 45 - 0.002 north are elsewhere than easting 600 075.
    source = open_here(l2d)
    assert any("the corners were taken" in note for note in source.metadata.notes)
    source.close()
    with h5py.File(l2d, "a") as file:
        places = file["HDFEOS/SWATHS/PRS_L2D_HCO/Geolocation Fields"]
        x, y = transform("EPSG:32632", "EPSG:4326", [600_015.0 + 60], [5_000_085.0 - 60])
        places["Longitude"][2, 2], places["Latitude"][2, 2] = x[0], y[0]
    source = open_here(l2d)
    assert not any("the corners were taken" in note for note in source.metadata.notes)
    source.close()


def test_the_stated_level_chooses_between_two(l2d):
    with h5py.File(l2d, "a") as file:
        file.create_group("HDFEOS/SWATHS/PRS_L1_HCO")
    source = open_here(l2d)
    assert source.format == "PRISMA L2D"
    source.close()


@pytest.mark.parametrize("level", ["L1", "L2B", "L2C"])
def test_other_levels_have_a_table_of_their_coordinates(tmp_path, level):
    source = open_source(write_scene(tmp_path / "s.he5", level))
    try:
        assert source.metadata.georeference is None
        table = source.geolocation()
    finally:
        source.close()
    assert table.georeference.crs.to_epsg() == 4326
    row, column = table.rows[table.valid], table.columns[table.valid]
    assert set(zip(row.tolist(), column.tolist(), strict=True)) == set(np.ndindex(ROWS, COLUMNS))
    y, x = np.argwhere((table.rows == 3) & (table.columns == 2))[0]
    centre = table.georeference.transform * (x + 0.5, y + 0.5)
    assert centre == pytest.approx((10.002, 44.997), abs=0.0006)


def test_quality_of_l1(l1):
    with h5py.File(l1, "a") as file:
        own = fields(file)
        own["Cloud_Mask"] = np.uint8([[1, 10, 0, 255]] + 4 * [[0] * 4])
        own["SunGlint_Mask"] = np.full((ROWS, COLUMNS), 255, "u1")
        own["LandCover_Mask"] = np.uint8([[3] * 4, [0, 1, 2, 3], *3 * [[3] * 4]])
        vnir, swir = np.zeros((ROWS, 4, COLUMNS), "u1"), np.zeros((ROWS, 3, COLUMNS), "u1")
        swir[2, 0, 0], swir[2, 0, 1], vnir[2, 2, 2] = 1, 2, 3
        # Of bands that are left out nothing counts.
        vnir[3, 0, 0] = vnir[3, 3, 1] = 1
        own["VNIR_PIXEL_SAT_ERR_MATRIX"], own["SWIR_PIXEL_SAT_ERR_MATRIX"] = vnir, swir
    source = open_source(l1)
    try:
        assert source.quality == ("cloud", "water", "snow", "saturated", "bad-detector")
        assert any("'SunGlint_Mask' was not processed" in note for note in source.metadata.notes)
        found = source.read_quality(*EVERYTHING)
        for name, places in {
            "cloud": [[0, 0]],
            "water": [[1, 0]],
            "snow": [[1, 1]],
            "saturated": [[2, 0], [2, 2]],
            "bad-detector": [[2, 1], [2, 2]],
        }.items():
            assert np.argwhere(found & QUALITY_FLAGS[name]).tolist() == places, name
        assert source.read_quality((2, 3), (1, 3)).tolist() == found[2:3, 1:3].tolist()
    finally:
        source.close()


def test_quality_of_l2d(l2d):
    with h5py.File(l2d, "a") as file:
        vnir, swir = np.zeros((ROWS, 4, COLUMNS), "u1"), np.zeros((ROWS, 3, COLUMNS), "u1")
        vnir[0, 2, 0], vnir[0, 2, 1], swir[0, 1, 2] = 1, 2, 4
        fields(file)["VNIR_PIXEL_L2_ERR_MATRIX"] = vnir
        fields(file)["SWIR_PIXEL_L2_ERR_MATRIX"] = swir
        angles = np.full((ROWS, COLUMNS), 30.0, "f4")
        angles[:, 3] = 0
        file["HDFEOS/SWATHS/PRS_L2D_HCO/Geometric Fields/Solar_Zenith_Angle"] = angles
    source = open_here(l2d)
    found = source.read_quality(*EVERYTHING)
    assert source.quality == ("saturated", "product-invalid", "fill")
    assert np.argwhere(found & QUALITY_FLAGS["product-invalid"]).tolist() == [[0, 0]]
    assert np.argwhere(found & QUALITY_FLAGS["saturated"]).tolist() == [[0, 2]]
    assert np.unique(np.argwhere(found & QUALITY_FLAGS["fill"])[:, 1]).tolist() == [3]
    source.close()


def test_bands_without_retrievals_are_bad_rather_than_all_pixels_masked(l2d):
    with h5py.File(l2d, "a") as file:
        fields(file)["SWIR_Cube"][:, 1, :3] = 0
        fields(file)["SWIR_Cube"][0, 0, 0] = 0
    with Scene.of(open_here(l2d)) as scene:
        assert scene.bands.tolist() == [0, 1, 3]
        assert np.argwhere(~scene.read(*EVERYTHING)[1]).tolist() == [[0, 0]]
        assert any("taken as bad: 3" in note for note in scene.notes)


def changed(path, **attributes):
    with h5py.File(path, "a") as file:
        file.attrs.update(attributes)
    return path


@pytest.mark.parametrize(
    ("level", "attributes", "message"),
    [
        ("L1", {"Offset_Swir": 0.5}, r"'Offset_Swir' is 0\.5; readers disagree"),
        ("L1", {"ScaleFactor_Vnir": 0.0}, r"'ScaleFactor_Vnir' is 0, which is no scale"),
        ("L1", {"Processing_Level": np.bytes_("2C")}, r"level is 2C, but holds PRS_L1_HCO"),
        ("L1", {"List_Cw_Swir": [400.0, 500.0]}, r"'List_Cw_Swir' has 2 entries, where 3"),
        ("L2C", {"L2ScaleSwirMax": -0.5}, r"'L2ScaleSwirMin' and 'L2ScaleSwirMax' are -0\.5"),
        ("L2D", {"Epsg_Code": 99}, r"'Epsg_Code' is no coordinate system"),
        ("L2D", {"Product_ULcorner_easting": np.nan}, r"ULcorner_easting' is no finite number"),
        ("L2D", {"Product_LRcorner_easting": 0.0}, r"are not the upper left and the lower right"),
        (
            "L2D",
            {
                "Product_LRcorner_easting": 600_015.0 + 4 * 30,
                "Product_LRcorner_northing": 5_000_085.0 - 3 * 30,
            },
            r"square pixels only if rows and columns are swapped",
        ),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, level, attributes, message):
    path = write_scene(tmp_path / "s.he5", level, **attributes)
    with pytest.raises(InputError, match=message):
        open_here(path)


def test_a_file_without_the_coregistered_cube(l1):
    with h5py.File(l1, "a") as file:
        file.move("HDFEOS/SWATHS/PRS_L1_HCO", "HDFEOS/SWATHS/PRS_L1_HRC")
    with pytest.raises(InputError, match=r"without a coregistered.*holds PRS_L1_HRC"):
        open_source(l1)


def test_coordinates_and_masks_of_another_scene(l1):
    with h5py.File(l1, "a") as file:
        del file["HDFEOS/SWATHS/PRS_L1_HCO/Geolocation Fields/Latitude_VNIR"]
        place = file["HDFEOS/SWATHS/PRS_L1_HCO/Geolocation Fields"]
        place["Latitude_VNIR"] = np.zeros((ROWS + 1, COLUMNS))
    source = open_here(l1)
    with pytest.raises(InputError, match=r"Latitude_VNIR' has 6 x 4 entries"):
        source.geolocation()
    source.close()
    source = open_here(l1, max_memory=1000)
    with pytest.raises(BudgetError, match="coordinates of all pixels"):
        source.geolocation()
    source.close()
    with h5py.File(l1, "a") as file:
        fields(file)["Cloud_Mask"] = np.zeros((ROWS, COLUMNS + 1), "u1")
    with pytest.raises(InputError, match=r"Cloud_Mask' has 5 x 5 pixels"):
        open_here(l1)


def test_made_scenes(tmp_path):
    path, truth = make_product(tmp_path / "l2d", "prisma", rows=40, columns=30)
    with Scene.of(open_here(path)) as scene:
        assert scene.source.shape == (40, 30, 63 - 4 + 171)
        assert (np.diff(scene.wavelengths) > 0).all()
        assert scene.read((0, 40), (0, 30))[1].sum() == 40 * 27
        with rasterio.open(truth) as image:
            assert image.transform == scene.source.metadata.georeference.transform
    path, *_ = make_product(tmp_path / "l1", "prisma-l1", rows=20, columns=30)
    source = open_here(path)
    table = source.geolocation()
    assert np.unique(table.rows[table.valid] * 30 + table.columns[table.valid]).size > 500
    source.close()
