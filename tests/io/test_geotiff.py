"""GeoTIFF files: georeference, metadata, budgets, impostors, threads."""

import threading

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from oddspec.errors import BudgetError, InputError
from oddspec.io.open import open_source
from oddspec.scene import Scene

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

CUBE = np.random.default_rng(5).integers(-500, 500, (40, 33, 5)).astype(np.int16)


@pytest.fixture
def save(tmp_path):
    def write(cube=CUBE, name="scene.tif", **profile):
        path = tmp_path / name
        h, w, b = cube.shape
        with rasterio.open(
            path, "w", driver="GTiff", height=h, width=w, count=b, dtype=cube.dtype, **profile
        ) as file:
            file.write(cube.transpose(2, 0, 1))
            file.update_tags(**profile.get("tags", {}))
        return path

    return write


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize("interleave", ["band", "pixel"])
def test_types_and_windows(save, dtype, interleave):
    cube = np.abs(CUBE).clip(0, 100).astype(dtype)
    source = open_source(
        save(
            cube,
            interleave=interleave,
            compress="deflate",
            tiled=True,
            blockxsize=16,
            blockysize=16,
        )
    )
    assert source.format == "GeoTIFF"
    assert source.dtype == cube.dtype
    assert source.block == (16, 16)
    np.testing.assert_array_equal(source.read((0, 40), (0, 33)), cube)
    np.testing.assert_array_equal(source.read((7, 30), (5, 18)), cube[7:30, 5:18])
    assert source.read((3, 3), (5, 18)).shape == (0, 13, 5)
    with pytest.raises(IndexError):
        source.read((0, 41), (0, 33))


@pytest.mark.parametrize(
    "transform",
    [
        Affine(2.5, 0, 500000.123456789, 0, -3.5, 4000000.987654321),
        Affine(1.6, 1.2, 500000.5, 1.2, -1.6, 4000000.25),
        Affine(2, 0, 500000, 0, 2, 4000000),
        Affine(2, 0.5, 500000, 0, -2, 4000000),
    ],
)
@pytest.mark.parametrize("code", [32633, 4326, None])
def test_georeference_is_kept_exactly(save, transform, code):
    crs = None if code is None else CRS.from_epsg(code)
    meta = open_source(save(transform=transform, crs=crs)).metadata
    assert tuple(meta.georeference.transform) == tuple(transform)
    assert meta.georeference.crs == crs


def test_pixel_is_point(save):
    """The file speaks of the centre of the first pixel; the transform holds for its corner."""
    path = save(transform=Affine(2, 0, 500001, 0, -2, 3999999), crs=CRS.from_epsg(32633))
    with rasterio.open(path, "r+") as file:
        file.update_tags(AREA_OR_POINT="Point")
    with rasterio.Env(GTIFF_POINT_GEO_IGNORE=True), rasterio.open(path) as file:
        assert tuple(file.transform)[:6] == (2, 0, 500002, 0, -2, 3999998)
    assert tuple(open_source(path).metadata.georeference.transform)[:6] == (
        2, 0, 500001, 0, -2, 3999999,
    )  # fmt: skip


def test_no_georeference(save):
    assert open_source(save()).metadata.georeference is None


def test_ground_control_points_are_noted(save):
    points = [
        rasterio.control.GroundControlPoint(row, column, column * 2.0, row * 3.0)
        for row, column in [(0, 0), (0, 33), (40, 0)]
    ]
    meta = open_source(save(gcps=points, crs=CRS.from_epsg(32633))).metadata
    assert meta.georeference is None
    assert "ground control points" in meta.notes[0]


def test_nodata(save):
    cube = CUBE.copy()
    cube[3, 4] = -9999
    scene = Scene.of(open_source(save(cube, nodata=-9999)))
    _, valid = scene.read((0, 40), (0, 33))
    assert np.argwhere(~valid).tolist() == [[3, 4]]


def describe(path, texts=None, tags=None, **general):
    with rasterio.open(path, "r+") as file:
        for band in range(1, file.count + 1):
            if texts:
                file.set_band_description(band, texts[band - 1])
            if tags:
                file.update_tags(band, **general, **tags[band - 1])
    return path


VALUES = [400.5, 500, 600.25, 700, 2500]


@pytest.mark.parametrize(
    "texts",
    [
        [f"{v} nm" for v in VALUES],
        [f"Band {i} ({v} Nanometers)" for i, v in enumerate(VALUES)],
        [f"{v / 1000:.6f} um" for v in VALUES],
        [f"Resize (Band {i}:x):{v} nanometer" for i, v in enumerate(VALUES)],
    ],
)
def test_wavelengths_from_descriptions(save, texts):
    meta = open_source(describe(save(), texts)).metadata
    np.testing.assert_allclose(meta.wavelengths, VALUES)
    assert meta.band_names == tuple(texts)


def test_wavelengths_from_tags(save):
    tags = [{"wavelength": f"{v / 1000}"} for v in VALUES]
    path = describe(save(), tags=[tag | {"wavelength_units": "Micrometers"} for tag in tags])
    np.testing.assert_allclose(open_source(path).metadata.wavelengths, VALUES)
    path = save(name="imagery.tif")
    with rasterio.open(path, "r+") as file:
        for band, value in enumerate(VALUES, start=1):
            file.update_tags(band, ns="IMAGERY", CENTRAL_WAVELENGTH_UM=str(value / 1000))
    np.testing.assert_allclose(open_source(path).metadata.wavelengths, VALUES)


def test_descriptions_without_wavelengths(save):
    meta = open_source(describe(save(), ["red", "green 5", "blue", "B4", "400"])).metadata
    assert meta.wavelengths is None
    assert meta.band_names[:2] == ("red", "green 5")
    assert open_source(save(name="b.tif")).metadata.band_names is None


def test_threads_read_the_same(save):
    source = open_source(save(compress="deflate", tiled=True, blockxsize=16, blockysize=16))
    wrong = []

    def work(start):
        for _ in range(20):
            if not np.array_equal(
                source.read((start, start + 5), (3, 33)), CUBE[start : start + 5, 3:]
            ):
                wrong.append(start)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 40, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    source.close()


VRT = """<VRTDataset rasterXSize="33" rasterYSize="40"><VRTRasterBand dataType="Int16" band="1">
<SimpleSource><SourceFilename relativeToVRT="1">secret.tif</SourceFilename></SimpleSource>
</VRTRasterBand></VRTDataset>"""


def test_a_vrt_is_refused_whatever_its_name(save):
    path = save(name="secret.tif").with_name("scene.tif")
    for text in (VRT, "\n  " + VRT, '<?xml version="1.0"?>' + VRT):
        path.write_text(text)
        with pytest.raises(InputError, match=r"scene.tif: is (a GDAL virtual dataset|an XML)"):
            open_source(path)


def test_a_tif_beside_other_files_of_gdal_is_itself(save):
    """Only the GeoTIFF driver looks at the file: the name of another format changes nothing."""
    path = save()
    renamed = path.rename(path.with_name("scene.vrt"))
    np.testing.assert_array_equal(open_source(renamed).read((0, 40), (0, 33)), CUBE)


def test_complex_images(save):
    with pytest.raises(InputError, match="is complex"):
        open_source(save(CUBE.astype("c8")))


def test_pages_of_one_band(save, tmp_path):
    from PIL import Image

    pages = [Image.fromarray(CUBE[:, :, band].astype(np.uint8)) for band in range(5)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(InputError, match="has 5 pages of one band each"):
        open_source(tmp_path / "pages.tif")


def test_bombs(save, tmp_path):
    path = tmp_path / "bomb.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=20_000, width=20_000, count=20, dtype="float64",
        sparse_ok=True, tiled=True, bigtiff="yes",
    ):  # fmt: skip
        pass
    with pytest.raises(InputError, match="claims 64 GB but the file stores only"):
        open_source(path)
    with rasterio.open(
        path, "w", driver="GTiff", height=1000, width=1000, count=4, dtype="float64",
        compress="deflate", blockysize=1000, interleave="pixel",
    ) as file:  # fmt: skip
        file.write(np.random.default_rng(0).integers(0, 2, (4, 1000, 1000)).astype("f8"))
    with pytest.raises(BudgetError, match=r"one of its blocks needs 64 MB.*allows 10 MB"):
        open_source(path, max_memory=10**7)


def test_truncated(save):
    path = save(compress="deflate")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"scene\.tif: .*(cannot be opened|truncated or damaged)"):
        open_source(path).read((0, 40), (0, 33))
    path.write_bytes(b"II*\0" + b"x" * 100)
    with pytest.raises(InputError, match="cannot be opened as GTiff"):
        open_source(path)


WAVES = [400.13, 500.27, 600.31, 700.49, 800.53]


def tagged(path, band_tags=None, file_tags=None, **spaces):
    """Give a GeoTIFF tags: of each band, of the file, and of spaces of names such as ENVI."""
    with rasterio.open(path, "r+") as file:
        for number, tags in enumerate(band_tags or [], start=1):
            file.update_tags(number, **tags)
        file.update_tags(**(file_tags or {}))
        for space, tags in spaces.items():
            file.update_tags(ns=space, **tags)
    return open_source(path).metadata


def test_the_exact_tag_counts_before_the_rounded_one(save):
    path = save()
    with rasterio.open(path, "r+") as file:
        for number, wave in enumerate(WAVES, start=1):
            file.update_tags(number, ns="IMAGERY", CENTRAL_WAVELENGTH_UM=f"{wave / 1e3:.3f}")
    rounded = np.round(np.array(WAVES) / 1e3, 3) * 1e3
    np.testing.assert_allclose(open_source(path).metadata.wavelengths, rounded)
    exact = [{"wavelength": str(wave), "wavelength_units": "Nanometers"} for wave in WAVES]
    np.testing.assert_allclose(tagged(path, exact).wavelengths, WAVES)


@pytest.mark.parametrize(
    "tags",
    [
        {"band_tags": [{"Wavelength": f"{wave} nm"} for wave in WAVES]},
        {
            "band_tags": [{"WAVELENGTH": str(wave)} for wave in WAVES],
            "file_tags": {"wavelength_units": "NM"},
        },
        {"file_tags": {"wavelengths": ", ".join(map(str, WAVES)), "wavelength units": "nm"}},
        {
            "ENVI": {
                "wavelength": "{400.13, 500.27, 600.31, 700.49, 800.53}",
                "wavelength_units": "Nanometers",
            }
        },
    ],
)
def test_wavelengths_from_tags_of_any_kind(save, tags):
    meta = tagged(save(), **tags)
    np.testing.assert_allclose(meta.wavelengths, WAVES)
    assert meta.notes == ()


@pytest.mark.parametrize(
    "tags",
    [
        {"band_tags": [{"bbl": "0" if band in (1, 3) else "1"} for band in range(5)]},
        {"band_tags": [{"BBL": "0.0"} if band in (1, 3) else {} for band in range(5)]},
        {"band_tags": [{"good_band": "False" if b in (1, 3) else "True"} for b in range(5)]},
        {"file_tags": {"bbl": "{1, 0, 1, 0, 1}"}},
        {"ENVI": {"bbl": "{ 1 , 0 , 1 , 0 , 1 }"}},
        {
            "band_tags": [
                {"wavelength": "0" if b in (1, 3) else str(WAVES[b]), "wavelength_units": "nm"}
                for b in range(5)
            ]
        },
    ],
)
def test_lists_of_good_bands_in_tags(save, tags):
    meta = tagged(save(), **tags)
    assert np.flatnonzero(meta.bad_bands).tolist() == [1, 3]


def test_lists_of_good_bands_that_are_none_are_noted(save):
    for tags in ({"bbl": "1, 0"}, {"bbl": "good ones"}):
        meta = tagged(save(), file_tags=tags)
        assert meta.bad_bands is None
        assert "the tag bbl is no list of 5 numbers" in meta.notes[0]
    meta = tagged(save(), [{"bbl": "x"}] * 5)
    assert meta.bad_bands is None
    assert "the tag bbl is no list" in meta.notes[0]


HEADER = """ENVI
samples = 33
lines = 40
bands = 5
data type = 2
interleave = bsq
byte order = 0
wavelength units = Nanometers
wavelength = {400.13, 500.27, 600.31, 700.49, 800.53}
bbl = {1, 0, 1, 0, 1}
band names = {a, b, c, d, e}
data ignore value = -99
"""


@pytest.mark.parametrize("name", ["scene.hdr", "scene.tif.hdr", "SCENE.HDR"])
@pytest.mark.parametrize("opened", ["tif", "hdr"])
def test_a_header_beside_serves_it(save, tmp_path, name, opened):
    path = save()
    (tmp_path / name).write_text(HEADER)
    source = open_source(path if opened == "tif" else tmp_path / name)
    assert (source.format, source.path, source.shape) == ("GeoTIFF", path, (40, 33, 5))
    meta = source.metadata
    np.testing.assert_allclose(meta.wavelengths, WAVES)
    assert np.flatnonzero(meta.bad_bands).tolist() == [1, 3]
    assert (meta.nodata, meta.band_names) == (-99, ("a", "b", "c", "d", "e"))
    assert meta.notes == ()


def test_a_headers_word_fills_gaps_only(save, tmp_path):
    path = save(nodata=-5)
    (tmp_path / "scene.hdr").write_text(HEADER)
    meta = tagged(path, [{"bbl": "0" if band == 2 else "1"} for band in range(5)])
    assert np.flatnonzero(meta.bad_bands).tolist() == [2]
    assert meta.nodata == -5
    np.testing.assert_allclose(meta.wavelengths, WAVES)


def test_headers_of_other_data_do_not_serve(save, tmp_path):
    path, header = save(), tmp_path / "scene.hdr"
    header.write_text(HEADER.replace("bands = 5", "bands = 7"))
    assert "has 7 bands where the file has 5" in open_source(path).metadata.notes[0]
    header.write_text("nrows 40\nncols 33\n")
    assert "a header beside the file was not used: " in open_source(path).metadata.notes[0]
    header.write_text(HEADER)
    plain = tmp_path / "scene.img"
    plain.write_bytes(CUBE.transpose(2, 0, 1).tobytes())
    assert open_source(path).metadata.wavelengths is None
    assert open_source(header).format == "ENVI"
    # Unless the header says whose it is.
    header.write_text(HEADER + "file type = TIFF\n")
    assert open_source(path).metadata.wavelengths is not None
    assert open_source(header).format == "GeoTIFF"
    header.unlink()
    elsewhere = tmp_path.parent / "elsewhere.hdr"
    elsewhere.write_text(HEADER)
    header.symlink_to(elsewhere)
    plain.unlink()
    assert "is a link out of their folder" in open_source(path).metadata.notes[0]
