"""DESIS: expected values are those of the layout's description, written by hand."""

import numpy as np
import pytest
from tiffs import PLACE, coded, write_tiff

import oddspec
from oddspec.errors import InputError
from oddspec.io.open import open_source
from oddspec.io.quality import QUALITY_FLAGS
from oddspec.scenes.products import make_product

ROWS, COLUMNS = 5, 4
NAME = "DESIS-HSI-{}-DT0468853252_003-20200628T153803-V0210"
WAVELENGTHS, FWHM = [402.0, 404.5, 999.5], [3.4, 3.5, 3.6]
GAINS, OFFSETS = [0.01, 0.02, 0.03], [-1.0, -2.0, -3.0]


def xml(wavelengths=WAVELENGTHS, gains=GAINS, product_type="L1C", head=""):
    bands = "".join(
        f"<band><bandNumber>{n}</bandNumber><wavelengthCenterOfBand>{nm}</wavelengthCenterOfBand>"
        f"<wavelengthWidthOfBand>{width}</wavelengthWidthOfBand><gainOfBand>{gain}</gainOfBand>"
        f"<offsetOfBand>{offset}</offsetOfBand></band>"
        for n, (nm, width, gain, offset) in enumerate(
            zip(wavelengths, FWHM, gains, OFFSETS, strict=True), start=1
        )
    )
    # Bands stand in the interior orientation, too.
    return (
        f"{head}<hsi_doc><base><mission>DESIS</mission><productType>{product_type}</productType>"
        f"<temporalCoverage><startTime>2020-06-28T15:38:03Z</startTime></temporalCoverage></base>"
        f"<specific><interiorOrientation><band><x>1</x></band></interiorOrientation>"
        f"<bandCharacterisation>{bands}</bandCharacterisation></specific></hsi_doc>"
    )


def header(gains=GAINS, count=3):
    lists = {
        "wavelength": WAVELENGTHS,
        "fwhm": FWHM,
        "data gain values": gains,
        "data offset values": OFFSETS,
    }
    text = "".join(f"{name} = {{{str(values)[1:-1]}}}\n" for name, values in lists.items())
    return f"ENVI\nsamples = {COLUMNS}\nlines = {ROWS}\nbands = {count}\nfile type = TIFF\n{text}"


class Made:
    def __init__(self, folder, level="L1C", place=PLACE):
        self.folder, self.name = folder, NAME.format(level)
        values = coded(ROWS, COLUMNS, 3, np.int16)
        values[4, 3] = -32768
        write_tiff(self.path("SPECTRAL_IMAGE.tif"), values, **place)

    def path(self, ending):
        return self.folder / f"{self.name}-{ending}"

    def write(self, xml_text=None, header_text=None):
        for ending, text in (("METADATA.xml", xml_text), ("SPECTRAL_IMAGE.hdr", header_text)):
            if text is not None:
                self.path(ending).write_text(text, encoding="utf-8")
        return self


@pytest.mark.parametrize("written", ["xml", "header", "both"])
def test_gain_and_offset_of_each_band(tmp_path, written):
    made = Made(tmp_path)
    made.write(xml() if written != "header" else None, header() if written != "xml" else None)
    with oddspec.open(tmp_path) as scene:
        meta = scene.source.metadata
        assert scene.source.format == "DESIS L1C"
        assert scene.source.shape == (ROWS, COLUMNS, 3)
        assert meta.wavelengths.tolist() == WAVELENGTHS
        assert meta.fwhm.tolist() == FWHM
        assert meta.gains.gains.tolist() == GAINS
        assert meta.gains.offsets.tolist() == OFFSETS
        assert meta.unit == "mW/(cm^2 sr um)"
        assert meta.georeference.transform @ (0, 0) == (500_000, 5_800_000)
        assert scene.source.read((3, 4), (2, 3)).tolist() == [[[1320, 1321, 1322]]]
        assert np.argwhere(~scene.read((0, ROWS), (0, COLUMNS))[1]).tolist() == [[4, 3]]
        assert meta.product.acquired == ("2020-06-28T15:38:03Z" if written != "header" else "")


@pytest.mark.parametrize("ending", ["METADATA.xml", "SPECTRAL_IMAGE.hdr", "SPECTRAL_IMAGE.tif"])
def test_every_file_names_the_product(tmp_path, ending):
    source = open_source(Made(tmp_path).write(xml(), header()).path(ending))
    assert source.format == "DESIS L1C"
    source.close()


def test_l1b_has_no_map(tmp_path):
    source = open_source(Made(tmp_path, "L1B", {}).write(xml(product_type="L1B")).folder)
    assert source.metadata.georeference is None
    assert source.metadata.nodata == -32768
    source.close()


def test_masks_of_l2a(tmp_path):
    made = Made(tmp_path, "L2A").write(xml(product_type="L2A", gains=[1e-4] * 3))
    # Shadow, land, snow, haze land, haze water, cloud land, cloud water, water, aerosols, vapour.
    quality = np.zeros((ROWS, COLUMNS, 10), np.uint8)
    for row, bands in enumerate([(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]):
        quality[row, 0, bands[0]] = quality[row, 1, bands[1]] = 1
    write_tiff(made.path("QL_QUALITY-2.tif"), quality)
    source = open_source(tmp_path)
    assert source.metadata.unit == "reflectance"
    found = source.read_quality((0, ROWS), (0, COLUMNS))
    expected = {
        "cloud-shadow": [[0, 0]],
        "snow": [[1, 0]],
        "haze": [[1, 1], [2, 0]],
        "cloud": [[2, 1], [3, 0]],
        "water": [[3, 1]],
    }
    assert set(source.quality) == set(expected)
    for flag, places in expected.items():
        assert np.argwhere(found & QUALITY_FLAGS[flag]).tolist() == places, flag
    assert not found[0, 1]
    assert not found[4].any()
    source.close()


@pytest.mark.parametrize(
    ("xml_text", "header_text", "message"),
    [
        (xml(), header(gains=[0.01, 0.03, 0.02]), "'data gain values' differs from that in"),
        (xml(wavelengths=[402.0, 999.5, 404.5]), None, "do not rise at band 3,"),
        (xml(gains=[0.01, 0, 0.03]), None, "gains or offsets of bands 2 "),
        (None, header(gains=[0.01, 0.02]), "is told of 2 bands, but the image has 3"),
        (None, None, "neither .*-METADATA.xml nor -SPECTRAL_IMAGE.hdr tells 'wavelength'"),
        (xml(product_type="L2A"), None, "is of level L1C and of level L2A"),
        (xml(head="<!DOCTYPE a [<!ENTITY b 'c'>]>"), None, "declares a document type"),
    ],
    ids=["contradiction", "swapped", "gain", "number", "sidecars", "level", "entities"],
)
def test_what_contradicts_or_lacks_is_refused(tmp_path, xml_text, header_text, message):
    made = Made(tmp_path).write(xml_text, header_text)
    with pytest.raises(InputError, match=message):
        open_source(made.path("SPECTRAL_IMAGE.tif"))


def test_masks_with_too_few_bands_are_refused(tmp_path):
    made = Made(tmp_path, "L2A").write(xml(product_type="L2A"))
    write_tiff(made.path("QL_QUALITY-2.tif"), np.zeros((ROWS, COLUMNS, 2), np.uint8))
    with pytest.raises(InputError, match="has 2 bands, but band 3 should tell snow"):
        open_source(tmp_path)


def test_made_product(tmp_path):
    path, *_ = make_product(tmp_path / "made", "desis", rows=24, columns=32)
    with oddspec.open(path) as scene:
        assert scene.source.shape == (24, 32, 235)
        assert scene.source.metadata.gains.gains.tolist() == [1e-4] * 235
        assert (scene.source.read_quality((0, 4), (4, 8)) & QUALITY_FLAGS["cloud"]).all()
