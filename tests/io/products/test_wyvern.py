"""Wyvern: expected values are those of the layout's description, written by hand."""

import json

import numpy as np
import pytest
from tiffs import PLACE, coded, write_tiff

import oddspec
from oddspec.errors import InputError
from oddspec.io.open import open_source
from oddspec.io.quality import QUALITY_FLAGS
from oddspec.scenes.products import make_product

ROWS, COLUMNS = 5, 4
NAME = "wyvern_dragonette-001_20250526T081429_123b53d7"
WAVELENGTHS = [503.0, 510.0, 799.0]
COG = "Cloud optimized GeoTiff"


def item(wavelengths=WAVELENGTHS, rasters=None, level="L1B", **asset):
    bands = [
        {"name": f"Band_{nm:.0f}", "center_wavelength": nm / 1e3, "full_width_half_max": 0.02}
        for nm in wavelengths
    ]
    described = {"href": f"https://x.y/a/{NAME}.tiff", "eo:bands": bands, **asset}
    if rasters is not None:
        described["raster:bands"] = rasters
    return {
        "type": "Feature",
        "id": NAME,
        "properties": {"datetime": "2025-05-26T08:14:29Z", "processing:level": level},
        "assets": {
            COG: described,
            "Data Mask": {"href": f"https://x.y/a/{NAME}_data_mask.tiff"},
        },
    }


def write(folder, described, values=None, **profile):
    (folder / f"{NAME}.json").write_text(json.dumps(described), encoding="utf-8")
    if values is None:
        values = coded(ROWS, COLUMNS, 3, np.float32)
    return write_tiff(folder / f"{NAME}.tiff", values, **(PLACE | profile))


@pytest.mark.parametrize("ending", ["", ".json", ".tiff"])
def test_radiance(tmp_path, ending):
    values = coded(ROWS, COLUMNS, 3, np.float32)
    values[4, 3] = -9999
    names = ["Band_503", "Band_510", "Band_799"]
    write(tmp_path, item(rasters=[{"nodata": -9999}] * 3), values, descriptions=names)
    with oddspec.open(tmp_path / f"{NAME}{ending}" if ending else tmp_path) as scene:
        meta = scene.source.metadata
        assert scene.source.format == "Wyvern L1B"
        assert meta.wavelengths.tolist() == pytest.approx(WAVELENGTHS)
        assert meta.fwhm.tolist() == pytest.approx([20, 20, 20])
        assert meta.unit == "W/(m^2 sr um)"
        assert meta.gains is None
        assert meta.georeference.transform @ (0, 0) == (500_000, 5_800_000)
        assert (meta.product.identifier, meta.product.acquired) == (NAME, "2025-05-26T08:14:29Z")
        cube, valid = scene.read((0, ROWS), (0, COLUMNS))
        assert cube[3, 2].tolist() == [1320, 1321, 1322]
        assert np.argwhere(~valid).tolist() == [[4, 3]]


def test_integers_have_the_scale_of_the_item(tmp_path):
    rasters = [{"nodata": 65535, "scale": 0.0001, "offset": 0.0}] * 3
    values = coded(ROWS, COLUMNS, 3, np.uint16)
    write(tmp_path, item(rasters=rasters, level="L2A"), values)
    source = open_source(tmp_path)
    assert source.metadata.gains.gains.tolist() == [0.0001] * 3
    assert source.metadata.nodata == 65535
    assert source.metadata.unit == "reflectance"
    source.close()
    write(tmp_path, item(level="L2A"), values)
    source = open_source(tmp_path)
    assert source.metadata.unit == ""
    assert any("nothing says their scale" in note for note in source.metadata.notes)
    source.close()


def test_bands_are_sorted(tmp_path):
    write(tmp_path, item(wavelengths=[799.0, 503.0, 510.0]))
    source = open_source(tmp_path)
    assert source.metadata.wavelengths.tolist() == pytest.approx(WAVELENGTHS)
    assert source.read((2, 3), (1, 2)).tolist() == [[[1211, 1212, 1210]]]
    source.close()


def test_data_mask(tmp_path):
    write(tmp_path, item())
    # Clear, cloud, haze, shadow; 255 outside.
    mask = np.zeros((ROWS, COLUMNS, 4), np.uint8)
    mask[0, 0, 1] = mask[1, 1, 2] = mask[2, 2, 3] = mask[3, 3, 0] = 1
    mask[4] = 255
    write_tiff(tmp_path / f"{NAME}_data_mask.tiff", mask)
    source = open_source(tmp_path)
    found = source.read_quality((0, ROWS), (0, COLUMNS))
    for flag, place in {"cloud": [0, 0], "haze": [1, 1], "cloud-shadow": [2, 2]}.items():
        assert np.argwhere(found & QUALITY_FLAGS[flag]).tolist() == [place], flag
    source.close()


@pytest.mark.parametrize(
    ("described", "settings", "message"),
    [
        (item(WAVELENGTHS[:2]), {}, "describes 2 bands, but .* has 3"),
        (
            item(),
            {"descriptions": ["Band_510", "Band_503", "Band_799"]},
            "band 1 has 503 nm, but 510 nm by the names of the image's bands",
        ),
        (item(), {"tags": [{"wavelength": str(nm)} for nm in (503, 530, 799)]}, "image's own"),
        (item(rasters=[{"scale": 0}] * 3), {}, "a scale or offset in 'raster:bands' is 0"),
        (item(level="L1A"), {}, "is of level L1A; expected L1B or L2A"),
        (item([503.0, -1.0, 799.0]), {}, "not every one of its bands has a 'center_wavelength'"),
    ],
    ids=["number", "names", "tags", "scale", "level", "wavelength"],
)
def test_what_contradicts_is_refused(tmp_path, described, settings, message):
    path = write(tmp_path, described, **settings)
    with pytest.raises(InputError, match=message):
        open_source(path)


def test_item_without_image_is_refused(tmp_path):
    write(tmp_path, item()).unlink()
    with pytest.raises(InputError, match=r"the image that it describes, .*, does not lie beside"):
        open_source(tmp_path / f"{NAME}.json")


@pytest.mark.parametrize("href", ["../../elsewhere.tiff", "..", "/etc/passwd", "\0"])
def test_names_in_the_item_lead_nowhere(tmp_path, href):
    write(tmp_path, item(href=href))
    source = open_source(tmp_path / f"{NAME}.json")
    assert source.path == tmp_path / f"{NAME}.tiff"
    source.close()


@pytest.mark.parametrize("text", ["{", "[" * 100_000, '{"assets": {"a": 1}}', "[]", "null"])
def test_other_json_is_no_item(tmp_path, text):
    path = write(tmp_path, item())
    path.with_suffix(".json").write_text(text, encoding="utf-8")
    source = open_source(path)
    assert source.format == "GeoTIFF"
    source.close()


def test_made_product(tmp_path):
    path, *_ = make_product(tmp_path / "made", "wyvern", rows=24, columns=32)
    with oddspec.open(path) as scene:
        assert scene.source.shape == (24, 32, 31)
        assert (scene.source.read_quality((0, 4), (4, 8)) & QUALITY_FLAGS["cloud"]).all()
