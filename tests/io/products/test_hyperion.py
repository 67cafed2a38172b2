"""Hyperion: expected values are those of the layout's description, written by hand."""

import numpy as np
import pytest
from tiffs import PLACE, write_tiff

import oddspec
from oddspec.errors import InputError
from oddspec.io.open import open_source
from oddspec.scenes.products import make_product

ROWS, COLUMNS = 5, 4
NAME = "EO1H0440342016184110KF"
BANDS = (1, 8, 9, 70, 71, 77, 242)
# Corners are centres of pixels: half of 30 m inside of the outer corner at 500000, 5800000.
CORNERS = {
    "PRODUCT_UL_CORNER_MAPX": 500_015.0,
    "PRODUCT_UL_CORNER_MAPY": 5_799_985.0,
    "PRODUCT_LR_CORNER_MAPX": 500_105.0,
    "PRODUCT_LR_CORNER_MAPY": 5_799_865.0,
}


class Made:
    """The images of some bands: 1000 + 100 row + 10 column + band, nothing in band 1 and 242."""

    def __init__(self, folder, place=PLACE):
        self.folder = folder
        i, j = np.indices((ROWS, COLUMNS))
        for band in BANDS:
            values = (1000 + 100 * i + 10 * j + band).astype(np.int16)
            values[4, 3] = 0
            if band == 9:
                values[0, 0] = 0
            if band in (1, 242):
                values[:] = 0
            write_tiff(self.image(band), values, **place)
        self.values = {
            "SENSOR_ID": '"HYPERION"',
            "ACQUISITION_DATE": "2016-07-02",
            "START_TIME": '"2016 184 10:05:01"',
            "SCALING_FACTOR_VNIR": "40.0",
            "SCALING_FACTOR_SWIR": "80.0",
            "MAP_PROJECTION": '"UTM"',
            "REFERENCE_DATUM": '"WGS84"',
            "GRID_CELL_SIZE": "30.000",
            "ZONE_NUMBER": "33",
            **CORNERS,
            **{f"BAND{band}_FILE_NAME": f'"{self.image(band).name}"' for band in BANDS},
        }
        self.write()

    def image(self, band):
        return self.folder / f"{NAME}_B{band:03d}_L1T.TIF"

    @property
    def metadata(self):
        return self.folder / f"{NAME}_MTL_L1T.TXT"

    def write(self, **changes):
        values = {**self.values, **changes}
        lines = "".join(f"  {name} = {value}\n" for name, value in values.items() if value)
        self.metadata.write_text(f"GROUP = L1_METADATA_FILE\n{lines}END_GROUP = X\nEND\n")
        return self


@pytest.fixture
def made(tmp_path):
    return Made(tmp_path)


@pytest.mark.parametrize("what", ["folder", "metadata", "image"])
def test_bands_become_radiance(made, what):
    path = {"folder": made.folder, "metadata": made.metadata, "image": made.image(9)}[what]
    with oddspec.open(path) as scene:
        meta = scene.source.metadata
        assert scene.source.format == "Hyperion L1T"
        assert scene.source.name == NAME
        # Band 71 of the second spectrometer lies before band 70 of the first.
        assert meta.band_names == ("B001", "B008", "B009", "B071", "B077", "B070", "B242")
        assert meta.wavelengths == pytest.approx(
            [356.37, 427.55, 437.72, 852.00, 912.53, 1058.05, 2577.10], abs=0.01
        )
        assert meta.unit == "W/(m^2 sr um)"
        assert meta.product.acquired == "2016-07-02 10:05:01"
        # Calibrated are 8 to 57 and 77 to 224.
        assert scene.bands.tolist() == [1, 2, 4]
        cube, valid = scene.read((0, ROWS), (0, COLUMNS))
        assert cube[3, 2].tolist() == pytest.approx([1328 / 40, 1329 / 40, 1397 / 80], rel=1e-6)
        # 0 in one band is a value, 0 in all is none.
        assert np.argwhere(~valid).tolist() == [[4, 3]]
        assert cube[0, 0, 1] == 0
        assert any("wavelengths are not in the product" in note for note in meta.notes)


@pytest.mark.parametrize("place", [PLACE, {}], ids=["images", "metadata"])
def test_corner(tmp_path, place):
    source = open_source(Made(tmp_path, place).folder)
    georeference = source.metadata.georeference
    assert georeference.crs.to_epsg() == 32633
    assert georeference.transform @ (0, 0) == (500_000, 5_800_000)
    assert georeference.transform @ (COLUMNS, ROWS) == (500_120, 5_799_850)
    assert any("corner lies" in note for note in source.metadata.notes) is False
    source.close()


def test_corners_may_be_outer_ones(tmp_path):
    made = Made(tmp_path, {})
    outer = {
        name: CORNERS[name] + (15 if ("UL" in name) == ("Y" in name) else -15) for name in CORNERS
    }
    source = open_source(made.write(**outer).folder)
    assert source.metadata.georeference.transform @ (0, 0) == (500_000, 5_800_000)
    source.close()


def test_images_that_are_not_there_are_told(made):
    made.image(242).unlink()
    made.image(1).unlink()
    source = open_source(made.folder)
    assert source.shape == (ROWS, COLUMNS, 5)
    assert any("left out: of bands 1, 242" in note for note in source.metadata.notes)
    source.close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SCALING_FACTOR_SWIR": None}, "SCALING_FACTOR_SWIR is ''"),
        ({"SCALING_FACTOR_SWIR": "0"}, "a scaling factor is 0"),
        ({"PRODUCT_LR_CORNER_MAPX": 500_165.0}, "corners lie 4 x 5 pixels apart, but the images"),
        (
            {name: value + 60 for name, value in CORNERS.items() if "MAPX" in name},
            "its corner lies 2 pixels away",
        ),
        ({"BAND9_FILE_NAME": '"../secret.tif"'}, "the bare name of an image"),
        ({"BAND243_FILE_NAME": '"a.tif"'}, "of band 1 to 242"),
        ({"PRODUCT_TYPE": '"L1R"'}, "is of level L1R; expected one of L1T"),
        ({"ZONE_NUMBER": "99"}, "zone 99"),
    ],
    ids=["factor", "zero", "corners", "elsewhere", "name", "number", "level", "zone"],
)
def test_metadata_that_cannot_be_are_refused(made, changes, message):
    with pytest.raises(InputError, match=message):
        open_source(made.write(**changes).folder)


def test_images_that_differ_are_refused(made):
    write_tiff(made.image(77), np.ones((ROWS, COLUMNS + 1), np.int16), **PLACE)
    with pytest.raises(InputError, match="images of all bands must be alike"):
        open_source(made.folder)


def test_link_out_of_the_folder_is_refused(made, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "a.tif"
    made.image(77).rename(elsewhere)
    made.image(77).symlink_to(elsewhere)
    with pytest.raises(InputError, match="a link out of their folder"):
        open_source(made.folder)


def test_other_texts_are_no_product(made):
    made.metadata.write_text("SENSOR_ID = OLI\nSENSOR_ID = TIRS\n")
    with pytest.raises(InputError, match="is a folder"):
        open_source(made.folder)
    source = open_source(made.image(9))
    assert source.format == "GeoTIFF"
    source.close()


def test_made_product(tmp_path):
    path, *_ = make_product(tmp_path / "made", "hyperion", rows=24, columns=24)
    with oddspec.open(path) as scene:
        assert scene.source.shape == (24, 24, 242)
        assert len(scene.bands) == 50 + 148
        _, valid = scene.read((0, 24), (0, 24))
        assert 500 < valid.sum() < 576
