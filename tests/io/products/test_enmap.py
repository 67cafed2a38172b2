"""EnMAP: expected values are those of the layout's description, written by hand."""

import numpy as np
import pytest
import rasterio
from tiffs import PLACE, coded, write_tiff

import oddspec
from oddspec.errors import InputError
from oddspec.io.open import open_source
from oddspec.io.quality import QUALITY_FLAGS
from oddspec.scenes.products import make_product

ROWS, COLUMNS = 5, 4
NAME = "ENMAP01-____{}-DT0000004950_20221103T162438Z_001_V010110_20221118T145147Z"

# VNIR and SWIR alternate between 902 and 993 nm; band 6 has no data.
BANDS = [
    # nm, FWHM, gain, offset
    (420.0, 6.5, 1e-4, 0.0),
    (900.0, 11.0, 1e-4, 0.0),
    (905.0, 7.7, 1e-4, 0.0),
    (990.0, 11.2, 1e-4, 0.0),
    (1000.0, 8.0, 1e-4, 0.0),
    (1390.0, 9.5, 1e-4, 0.0),
    (2440.0, 7.5, 1e-4, 0.0),
]
VNIR, SWIR = "1,2,4", "3,5,6,7"


def band(number, nm, fwhm, gain, offset):
    return (
        f'<bandID number="{number}"><wavelengthCenterOfBand>{nm}</wavelengthCenterOfBand>'
        f"<FWHMOfBand>{fwhm}</FWHMOfBand><GainOfBand>{gain}</GainOfBand>"
        f"<OffsetOfBand>{offset}</OffsetOfBand></bandID>"
    )


def metadata(level, bands, vnir=VNIR, swir=SWIR, empty=(), head=""):
    described = "".join(band(number, *each) for number, each in enumerate(bands, start=1))
    statistics = "".join(
        f'<bandID number="{number}"><mean>{-1000000 if number in empty else 0.2}</mean>'
        f"<stdDeviation>{0 if number in empty else 0.1}</stdDeviation></bandID>"
        for number in range(1, len(bands) + 1)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<level_X><base><level>{level}</level>'
        "<temporalCoverage><startTime>2022-11-03T16:24:38.123456Z</startTime></temporalCoverage>"
        f"</base><product><bandStatistics>{statistics}</bandStatistics></product><specific>"
        f"<vnirProductQuality><expectedChannelsList>{vnir}</expectedChannelsList>"
        f"</vnirProductQuality><swirProductQuality><expectedChannelsList>{swir}"
        f"</expectedChannelsList></swirProductQuality>"
        f"<bandCharacterisation>{described}</bandCharacterisation></specific></level_X>"
    )


class Made:
    """A product in a folder: its files are changed by the tests."""

    def __init__(self, folder, level="L2A"):
        self.folder, self.name = folder, NAME.format(level)

    def path(self, ending):
        return self.folder / f"{self.name}-{ending}"

    def metadata(self, *arguments, ending="METADATA.XML", **settings):
        self.path(ending).write_text(metadata(*arguments, **settings), encoding="utf-8")
        return self.path(ending)


@pytest.fixture
def l2a(tmp_path):
    made = Made(tmp_path)
    made.metadata("L2A", BANDS, empty=(6,))
    values = coded(ROWS, COLUMNS, len(BANDS), np.int16)
    values[:, :, 5] = -32768
    values[4, 3] = -32768
    write_tiff(made.path("SPECTRAL_IMAGE.TIF"), values, nodata=-32768, **PLACE)
    return made


@pytest.mark.parametrize("ending", ["", "METADATA.XML", "SPECTRAL_IMAGE.TIF"])
def test_folder_metadata_and_image_name_the_product(l2a, ending):
    with oddspec.open(l2a.path(ending) if ending else l2a.folder) as scene:
        meta = scene.source.metadata
        assert scene.source.format == "EnMAP L2A"
        assert scene.source.shape == (ROWS, COLUMNS, 7)
        assert meta.wavelengths.tolist() == [420, 900, 905, 990, 1000, 1390, 2440]
        assert meta.fwhm.tolist() == [6.5, 11.0, 7.7, 11.2, 8.0, 9.5, 7.5]
        assert meta.gains.gains.tolist() == [1e-4] * 7
        assert meta.unit == "reflectance"
        assert meta.product.identifier == l2a.name
        assert meta.product.acquired == "2022-11-03T16:24:38.123456Z"
        # A band without data is a bad band, and masks no pixel.
        assert scene.bands.tolist() == [0, 1, 2, 3, 4, 6]
        cube, valid = scene.read((0, ROWS), (0, COLUMNS))
        assert np.argwhere(~valid).tolist() == [[4, 3]]
        assert cube[3, 2].tolist() == [1320, 1321, 1322, 1323, 1324, 1326]


def test_what_the_image_declares_as_nodata_counts(l2a):
    values = coded(ROWS, COLUMNS, 7, np.int16)
    write_tiff(l2a.path("SPECTRAL_IMAGE.TIF"), values, nodata=-9999, **PLACE)
    source = open_source(l2a.folder)
    assert source.metadata.nodata == -9999
    assert any("declares -9999 as nodata" in note for note in source.metadata.notes)
    source.close()


def test_corner(l2a):
    source = open_source(l2a.folder)
    place = source.metadata.georeference
    assert place.crs.to_epsg() == 32633
    assert place.transform @ (0, 0) == (500_000, 5_800_000)
    assert place.transform @ (COLUMNS, ROWS) == (500_120, 5_799_850)
    source.close()


def test_small_letters_and_copies_for_the_cloud(tmp_path):
    made = Made(tmp_path)
    made.metadata("L2A", BANDS, ending="METADATA.xml")
    write_tiff(made.path("SPECTRAL_IMAGE_COG.TIF"), coded(ROWS, COLUMNS, 7, np.int16), **PLACE)
    clouds = np.zeros((ROWS, COLUMNS), np.uint8)
    clouds[1, 2] = 1
    write_tiff(made.path("QL_QUALITY_CLOUD_COG.TIF"), clouds)
    source = open_source(tmp_path)
    assert source.shape == (ROWS, COLUMNS, 7)
    assert source.metadata.nodata == -32768
    assert source.quality == ("cloud",)
    source.close()


def test_masks(l2a):
    def layer(what, places, bands=1, background=0):
        values = np.full((ROWS, COLUMNS, bands), background, np.uint8)
        for place, value in places.items():
            values[place] = value
        write_tiff(l2a.path(f"{what}.TIF"), values)

    layer("QL_QUALITY_CLASSES", {(0, 0): 2, (0, 1): 3}, background=1)
    layer("QL_QUALITY_CLOUD", {(1, 0): 1})
    layer("QL_QUALITY_CLOUDSHADOW", {(1, 1): 1})
    layer("QL_QUALITY_CIRRUS", {(1, 2): 1, (1, 3): 3})
    layer("QL_QUALITY_HAZE", {(2, 0): 1})
    layer("QL_QUALITY_SNOW", {(2, 1): 1})
    # Interpolated SWIR, saturated VNIR, artefact SWIR; all bits where nothing was produced.
    tested = {(3, 0): 0b100, (3, 1): 0b100000, (3, 2): 0b1000000, (3, 3): 0b11111111}
    layer("QL_QUALITY_TESTFLAGS", tested)
    layer("QL_PIXELMASK", {(4, 0, 3): 1, (4, 1): 255}, bands=7)
    source = open_source(l2a.folder)
    found = source.read_quality((0, ROWS), (0, COLUMNS))
    expected = {
        "water": [[0, 0]],
        "fill": [[0, 1]],
        "cloud": [[1, 0]],
        "cloud-shadow": [[1, 1]],
        "cirrus": [[1, 2], [1, 3]],
        "haze": [[2, 0]],
        "snow": [[2, 1]],
        "bad-detector": [[3, 0], [4, 0]],
        "saturated": [[3, 1]],
        "product-invalid": [[3, 2]],
    }
    assert set(source.quality) == set(expected)
    for flag, places in expected.items():
        assert np.argwhere(found & QUALITY_FLAGS[flag]).tolist() == places, flag
    assert source.read_quality((1, 2), (0, 2)).tolist() == [
        [QUALITY_FLAGS["cloud"], QUALITY_FLAGS["cloud-shadow"]]
    ]
    source.close()


def test_mask_of_another_scene_is_refused(l2a):
    write_tiff(l2a.path("QL_QUALITY_CLOUD.TIF"), np.zeros((ROWS + 1, COLUMNS), np.uint8))
    with pytest.raises(InputError, match="6 x 4 pixels, but the scene has 5 x 4"):
        open_source(l2a.folder)


def test_mask_that_is_no_integers_is_refused(l2a):
    write_tiff(l2a.path("QL_QUALITY_TESTFLAGS.TIF"), np.zeros((ROWS, COLUMNS), np.float32))
    with pytest.raises(InputError, match="holds float32 numbers, where flags are integers"):
        open_source(l2a.folder)


@pytest.fixture
def l1b(tmp_path):
    """Two detectors in grids of their own; the metadata list VNIR first, each with its gain."""
    made = Made(tmp_path, "L1B")
    bands = [
        (420.0, 6.5, 2e-5, -0.1),
        (990.0, 11.2, 3e-5, -0.2),
        (905.0, 7.7, 4e-5, -0.3),
        (1000.0, 8.0, 5e-5, -0.4),
        (2440.0, 7.5, 6e-5, -0.5),
    ]
    made.metadata("L1B", bands, vnir="1,2", swir="3,4,5")
    upside_down = {"crs": "EPSG:4326", "transform": PLACE["transform"]}
    for detector, count in (("VNIR", 2), ("SWIR", 3)):
        values = coded(ROWS, COLUMNS, count, np.uint16)
        values[0, 0] = 0
        write_tiff(made.path(f"SPECTRAL_IMAGE_{detector}.TIF"), values, **upside_down)
    return made


def test_l1b_as_a_whole_is_refused(l1b):
    for path in (l1b.folder, l1b.path("METADATA.XML")):
        with pytest.raises(InputError, match=r"cannot be stacked; open .*_VNIR.TIF or .*_SWIR.TIF"):
            open_source(path)


@pytest.mark.parametrize(
    ("detector", "wavelengths", "gains", "offsets"),
    [
        ("VNIR", [420, 990], [2e-5, 3e-5], [-0.1, -0.2]),
        ("SWIR", [905, 1000, 2440], [4e-5, 5e-5, 6e-5], [-0.3, -0.4, -0.5]),
    ],
)
def test_detectors_of_l1b(l1b, detector, wavelengths, gains, offsets):
    clouds = np.ones((ROWS, COLUMNS), np.uint8)
    write_tiff(l1b.path("QL_QUALITY_CLOUD.TIF"), clouds)
    write_tiff(l1b.path(f"QL_QUALITY_TESTFLAGS_{detector}.TIF"), 0b100 * clouds)
    source = open_source(l1b.path(f"SPECTRAL_IMAGE_{detector}.TIF"))
    meta = source.metadata
    assert str(meta.product) == "EnMAP L1B"
    assert source.name.endswith(detector)
    assert meta.wavelengths.tolist() == wavelengths
    assert meta.gains.gains.tolist() == gains
    assert meta.gains.offsets.tolist() == offsets
    assert meta.nodata == 0
    assert meta.unit == "W/m^2/sr/nm"
    assert meta.georeference is None
    assert any("L1B has no map" in note for note in meta.notes)
    # Masks of clouds lie in the grid of VNIR.
    assert ("cloud" in source.quality) == (detector == "VNIR")
    assert "bad-detector" in source.quality
    source.close()


def test_bands_that_stand_by_detector_are_sorted(tmp_path):
    made = Made(tmp_path, "L1C")
    by_detector = [(420, 6.5, 1, 0), (990, 11, 2, 0), (905, 8, 3, 0), (1000, 8, 4, 0)]
    made.metadata("L1C", by_detector, vnir="1,2", swir="3,4")
    write_tiff(made.path("SPECTRAL_IMAGE.TIF"), coded(ROWS, COLUMNS, 4, np.uint16), **PLACE)
    source = open_source(tmp_path)
    assert source.metadata.wavelengths.tolist() == [420, 905, 990, 1000]
    assert source.metadata.gains.gains.tolist() == [1, 3, 2, 4]
    assert source.read((2, 3), (1, 2)).tolist() == [[[1210, 1212, 1211, 1213]]]
    source.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bands": BANDS[:6]}, "describes 6 bands, but .* has 7"),
        ({"bands": [BANDS[0], BANDS[3], *BANDS[1:3], *BANDS[4:]]}, "step back at band 3,"),
        ({"vnir": SWIR, "swir": VNIR}, "calls bands of 905 to 2440 nm those of VNIR"),
        ({"bands": [(420.0, 6.5, 0.0, 0.0), *BANDS[1:]]}, "gains or offsets of bands 1 "),
        ({"bands": [("", 6.5, 1.0, 0.0), *BANDS[1:]]}, "'wavelengthCenterOfBand' of a band is"),
        ({"level": "L2B"}, "is of level L2A and of level L2B"),
    ],
    ids=["number", "swapped", "detectors", "gain", "wavelength", "level"],
)
def test_metadata_that_contradict_are_refused(l2a, change, message):
    settings = {"level": "L2A", "bands": BANDS, **change}
    l2a.metadata(settings.pop("level"), settings.pop("bands"), **settings)
    with pytest.raises(InputError, match=message):
        open_source(l2a.folder)


def test_image_without_metadata_is_refused(l2a):
    l2a.path("METADATA.XML").unlink()
    with pytest.raises(InputError, match=r"-METADATA.XML, does not lie beside it"):
        open_source(l2a.path("SPECTRAL_IMAGE.TIF"))


def test_metadata_without_image_is_refused(l2a):
    l2a.path("SPECTRAL_IMAGE.TIF").unlink()
    with pytest.raises(InputError, match=r"there is no ENMAP.*-SPECTRAL_IMAGE.TIF beside it"):
        open_source(l2a.path("METADATA.XML"))


def test_image_as_envi_file(l2a):
    l2a.path("SPECTRAL_IMAGE.TIF").unlink()
    coded(ROWS, COLUMNS, 7, np.int16).transpose(2, 0, 1).tofile(l2a.path("SPECTRAL_IMAGE.BSQ"))
    l2a.path("SPECTRAL_IMAGE.hdr").write_text(
        f"ENVI\nsamples = {COLUMNS}\nlines = {ROWS}\nbands = 7\ndata type = 2\n"
        "interleave = bsq\nbyte order = 0\nmap info = {UTM, 1, 1, 500000, 5800000, 30, 30, 33, "
        "North, WGS-84}\n"
    )
    for path in (l2a.folder, l2a.path("SPECTRAL_IMAGE.BSQ"), l2a.path("SPECTRAL_IMAGE.hdr")):
        source = open_source(path)
        assert source.format == "EnMAP L2A"
        assert source.read((3, 4), (2, 3))[0, 0, :3].tolist() == [1320, 1321, 1322]
        assert source.metadata.georeference.transform @ (0, 0) == (500_000, 5_800_000)
        source.close()


def test_jpeg_2000_is_refused(l2a):
    l2a.path("SPECTRAL_IMAGE.TIF").rename(l2a.path("SPECTRAL_IMAGE.JP2"))
    for path in (l2a.folder, l2a.path("SPECTRAL_IMAGE.JP2")):
        with pytest.raises(InputError, match="is JPEG 2000, which is not supported"):
            open_source(path)


def test_image_of_a_detector_needs_level_1b(l2a):
    image = l2a.path("SPECTRAL_IMAGE.TIF").rename(l2a.path("SPECTRAL_IMAGE_VNIR.TIF"))
    with pytest.raises(InputError, match=r"of level L2A, but there is no .*SPECTRAL_IMAGE.TIF"):
        open_source(image)


def test_two_products_in_a_folder_are_refused(l2a):
    other = l2a.path("METADATA.XML").with_name("ENMAP01-____L2A-other-METADATA.XML")
    other.write_text(metadata("L2A", BANDS), encoding="utf-8")
    with pytest.raises(InputError, match="holds 2 products"):
        open_source(l2a.folder)


def test_image_that_is_a_link_out_of_the_folder_is_refused(l2a, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "image.tif"
    l2a.path("SPECTRAL_IMAGE.TIF").rename(elsewhere)
    l2a.path("SPECTRAL_IMAGE.TIF").symlink_to(elsewhere)
    for path in (l2a.folder, l2a.path("METADATA.XML")):
        with pytest.raises(InputError, match="a link out of their folder"):
            open_source(path)


def test_archives_are_not_opened(tmp_path):
    import tarfile
    import zipfile

    archive = tmp_path / f"{NAME.format('L2A')}.ZIP"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("../METADATA.XML", "<a/>")
    with tarfile.open(tmp_path / "dims_op_oc_oc-en_702726665_1.tar.gz", "w:gz") as file:
        file.add(archive)
    for path in (archive, tmp_path / "dims_op_oc_oc-en_702726665_1.tar.gz"):
        with pytest.raises(InputError, match="unpack it first"):
            open_source(path)


def test_made_product(tmp_path):
    path, *_, truth = make_product(tmp_path / "made", "enmap", rows=32, columns=40)
    with oddspec.open(path) as scene:
        meta = scene.source.metadata
        assert scene.source.shape == (32, 40, 224)
        # Without data between 1345 and 1425 nm.
        assert 0 < meta.bad_bands.sum() < 10
        assert ((meta.wavelengths[meta.bad_bands] - 1385) ** 2 <= 40**2).all()
        assert {"fill", "cloud", "cloud-shadow"} <= set(scene.source.quality)
    with rasterio.open(truth) as dataset:
        assert dataset.transform == meta.georeference.transform
