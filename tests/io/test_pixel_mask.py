"""What users leave out: flags, images, polygons, areas of interest."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

import oddspec
from oddspec.command import main
from oddspec.errors import DataWarning, InputError, SettingError
from oddspec.io.geolocation import LookupTable
from oddspec.io.products.source import ProductSource
from oddspec.io.quality import QUALITY_FLAGS
from oddspec.io.source import ArraySource, Georeference, Metadata
from oddspec.scene import Scene
from oddspec.survey import survey

PLACE = Georeference(CRS.from_epsg(32633), Affine(10, 0, 4e5, 0, -10, 4e6))
CLOUD = (slice(0, 4), slice(0, 5))


def product(rng, place=None, lookup=None):
    """A scene of 20 x 24 x 6 with clouds in a corner, water in one row."""
    cloud, water = np.zeros((2, 20, 24), bool)
    cloud[CLOUD], water[10] = True, True
    layers = {
        name: lambda rows, columns, image=image: image[slice(*rows), slice(*columns)]
        for name, image in {"cloud": cloud, "water": water}.items()
    }
    cube = ArraySource(rng.normal(100, 5, (20, 24, 6)))
    meta = Metadata(georeference=place)
    return ProductSource(
        Path("made.nc"), "made", [cube], meta, layers=layers, locate=lambda: lookup
    )


def left_out(scene):
    return ~scene.read((0, 20), (0, 24))[1]


def test_default_flags_are_those_that_the_product_tells(rng):
    scene = Scene.of(product(rng))
    assert scene.mask.flags == ("cloud",)
    assert left_out(scene).sum() == 20
    assert left_out(scene)[CLOUD].all()
    assert survey(scene).masked == {"cloud": 20}
    assert survey(scene).nodata == 0


def test_flags_by_name(rng):
    assert left_out(Scene.of(product(rng), mask="water")).sum() == 24
    assert left_out(Scene.of(product(rng), mask="cloud,water")).sum() == 44
    assert left_out(Scene.of(product(rng), mask="none")).sum() == 0
    noted = Scene.of(product(rng), mask="snow").notes
    assert noted == ("nothing is masked as snow: the product tells cloud, water",)
    with pytest.raises(SettingError, match="'clud'"):
        Scene.of(product(rng), mask="clud")


def test_arrays(rng):
    image = np.zeros((20, 24))
    image[19, 3] = 1
    assert np.argwhere(left_out(Scene.of(product(rng), mask=["none", image]))).tolist() == [[19, 3]]
    assert left_out(Scene.of(product(rng), mask=image)).sum() == 21  # and the clouds
    inside = Scene.of(product(rng), mask="none", area_of_interest=image)
    assert left_out(inside).sum() == 20 * 24 - 1
    with pytest.raises(InputError, match=r"shape \(24, 20\).*20 rows and 24 columns"):
        Scene.of(product(rng), mask=image.T)
    with pytest.raises(InputError, match="leave no pixel"):
        Scene.of(product(rng), mask=np.ones((20, 24), bool))


def test_a_mask_that_is_mostly_set_is_not_turned(rng, tmp_path):
    """As a truth, an image that is mostly white would be read the other way round."""
    image = np.full((20, 24), 255, np.uint8)
    image[5:9, 5:9] = 0
    path = tmp_path / "mask.tif"
    with rasterio.open(path, "w", driver="GTiff", height=20, width=24, count=1, dtype="uint8") as f:
        f.write(image, 1)
    assert (~left_out(Scene.of(product(rng), mask=["none", path]))).sum() == 16


def test_polygons_and_areas_of_interest(rng, tmp_path):
    """A rectangle over rows 2 to 5 and columns 3 to 9, on the map and by the sensor's table."""
    path = tmp_path / "area.geojson"
    ring = [[400030, 3999980], [400100, 3999980], [400100, 3999940], [400030, 3999940]]
    path.write_text(json.dumps({
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}},
        "features": [{"type": "Feature", "properties": {},
                      "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}}],
    }))  # fmt: skip
    expected = np.zeros((20, 24), bool)
    expected[2:6, 3:10] = True
    scene = Scene.of(product(rng, PLACE), mask=["none", str(path)])
    np.testing.assert_array_equal(left_out(scene), expected)
    scene = Scene.of(product(rng, PLACE), mask="none", area_of_interest=path)
    np.testing.assert_array_equal(left_out(scene), ~expected)
    # The sensor's first row is the map's last.
    rows, columns = np.indices((20, 24), np.int32)
    turned = LookupTable(rows[::-1].copy(), columns, PLACE)
    scene = Scene.of(product(rng, None, turned), mask=["none", path])
    np.testing.assert_array_equal(left_out(scene), expected[::-1])


def test_masked_pixels_leave_the_background_and_have_no_score(rng):
    cube = rng.normal(100, 5, (20, 24, 6))
    cube[CLOUD] += 1000
    image = np.zeros((20, 24), bool)
    image[CLOUD] = True
    with pytest.warns(DataWarning, match="pixels masked: mask 20"):
        scores = oddspec.detect(cube, "rx", mask=image)
    assert np.isnan(scores[CLOUD]).all()
    cube[CLOUD] = np.nan
    with pytest.warns(DataWarning):
        expected = oddspec.detect(cube, "rx")
    np.testing.assert_array_equal(scores, expected)


def test_command_line_writes_why_pixels_were_left_out(rng, tmp_path, capsys):
    np.save(tmp_path / "scene.npy", rng.normal(100, 5, (20, 24, 6)))
    image = np.zeros((20, 24), bool)
    image[3:5, 7] = True
    np.save(tmp_path / "out.npy", image)
    words = ["detect", tmp_path / "scene.npy", "--out", tmp_path, "--progress", "none"]
    assert main([str(w) for w in [*words, "--mask", tmp_path / "out.npy", "--mask", "cloud"]]) == 0
    told = capsys.readouterr().err
    assert "nothing is masked as cloud: the file tells no flags" in told
    assert "pixels masked: mask 2" in told
    with rasterio.open(tmp_path / "scene/quality.tif") as layer:
        found, tags = layer.read(1), layer.tags()
    assert np.argwhere(found).tolist() == [[3, 7], [4, 7]]
    assert (found[3, 7], tags["bit_15"], tags["bit_2"]) == (2**15, "masked by the user", "cloud")
    record = json.loads((tmp_path / "scene/run.json").read_text())
    assert record["scene"]["survey"]["masked"] == {"mask": 2}
    assert "masked: mask" in (tmp_path / "scene/report.html").read_text()
    # Scores of another mask are not gone on with.
    assert main([str(w) for w in words]) == 0
    assert not (tmp_path / "scene/quality.tif").exists()
    assert int(QUALITY_FLAGS["cloud"]) == 4
