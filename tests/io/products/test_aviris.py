"""AVIRIS as ENVI files: expected values are those of the layout's description, written by hand."""

import numpy as np
import pytest
from affine import Affine

import oddspec
from oddspec.errors import BudgetError, DataWarning, InputError
from oddspec.io.open import open_source
from oddspec.io.products.aviris import read_gain_file
from oddspec.io.quality import QUALITY_FLAGS
from oddspec.scenes.products import make_product

pytestmark = pytest.mark.filterwarnings("ignore::oddspec.errors.DataWarning")
ROWS, COLUMNS = 5, 4
NG = "ang20150420t182050"
AV3 = "AV320230926t201618"
CLASSIC = "f130503t01p00r08"
UTM = "{UTM, 1, 1, 500000, 4000000, 10, 10, 11, North, WGS-84, rotation=0}"
TURNED = UTM.replace("rotation=0", "rotation=30")


def coded(bands, kind):
    """A cube whose values tell row, column and band."""
    i, j, b = np.indices((ROWS, COLUMNS, bands))
    return (2000 * i + 500 * j + b).astype(kind)


def listed(values):
    return "{" + ", ".join(f"{value:.4f}" for value in values) + "}"


WAVELENGTHS_NG = np.linspace(376.86, 2500.12, 425)
WAVELENGTHS_3 = np.linspace(390.0, 2500.0, 284)
# The second spectrometer begins below the end of the first.
WAVELENGTHS_CLASSIC = np.concatenate([np.linspace(365.9, 677, 32), np.linspace(655, 2496, 192)])


@pytest.fixture
def make(make_envi):
    def write(name, cube, order="bil", **fields):
        return make_envi(cube, order, name=name, header_name=f"{name}.hdr", **fields)

    return write


@pytest.fixture
def line(make):
    """A flight line in sensor geometry, with its table and places on a map of 7 x 6 pixels."""
    table = np.zeros((7, 6, 2), "i4")
    table[1:6, 1:5, 0] = np.arange(1, COLUMNS + 1)
    table[1:6, 1:5, 1] = np.arange(1, ROWS + 1)[:, None]
    # A neighbour fills in right of the first row.
    table[1, 5] = -4, -1
    i, j = np.indices((ROWS, COLUMNS))
    places = np.stack([500_000 + 10 * (j + 1.5), 4_000_000 - 10 * (i + 1.5), 0 * i], axis=2)

    def write(table=table, places=places, **fields):
        path = make(f"{NG}_rdn_v1", coded(425, "f4"), wavelength=listed(WAVELENGTHS_NG), **fields)
        if table is not None:
            make(f"{NG}_rdn_glt", table, map_info=UTM)
        if places is not None:
            make(f"{NG}_rdn_igm", places.astype("f8"), "bip")
        return path

    write.table, write.places = table, places
    return write


def table_of(path, **options):
    source = open_source(path, **options)
    try:
        return source.geolocation()
    finally:
        source.close()


def test_lookup_table_counts_from_one_and_its_sign_means_filled_in(line):
    table = table_of(line())
    assert table.shape == (7, 6)
    assert (table.rows[1, 1], table.columns[1, 1]) == (0, 0)
    assert (table.rows[5, 4], table.columns[5, 4]) == (4, 3)
    assert (table.rows[1, 5], table.columns[1, 5]) == (0, 3)
    assert table.valid.sum() == ROWS * COLUMNS + 1
    assert table.georeference.crs.to_epsg() == 32611
    assert table.georeference.transform == Affine(10, 0, 500_000, 0, -10, 4_000_000)


def test_turned_table(make, line):
    path = line(places=None)
    make(f"{NG}_rdn_glt", line.table, map_info=TURNED)
    a, b, c, d, e, f = table_of(path).georeference.transform[:6]
    assert (c, f) == (500_000, 4_000_000)
    assert (a, d) == pytest.approx((10 * np.cos(np.pi / 6), 5))
    assert (b, e) == pytest.approx((5, -10 * np.cos(np.pi / 6)))


def test_places_alone_in_degrees(line):
    i, j = np.indices((ROWS, COLUMNS))
    table = table_of(line(None, np.stack([-117 + 1e-3 * j, 34 - 1e-3 * i], axis=2)))
    assert table.georeference.crs.to_epsg() == 4326
    a, _, c, _, e, f = table.georeference.transform[:6]
    # The first pixel's centre lies half a pixel from the corner.
    assert (c + a / 2, f + e / 2) == pytest.approx((-117, 34))
    assert (table.rows[0, 0], table.columns[0, 0]) == (0, 0)
    assert (table.rows[-1, -1], table.columns[-1, -1]) == (ROWS - 1, COLUMNS - 1)


def test_places_alone_in_a_stated_zone(make, line):
    path = line(None, None)
    names = "{Easting, Northing, Elevation}"
    make(f"{NG}_rdn_igm", line.places, "bip", description="{UTM zone 11 North}", band_names=names)
    place = table_of(path).georeference
    # The central meridian of zone 11 is 117 degrees west.
    assert place.transform.c == pytest.approx(-117, abs=3e-4)
    assert place.transform.f == pytest.approx(36.14, abs=0.02)


def test_places_in_a_zone_that_nobody_states(line):
    path = line(None)
    with pytest.raises(InputError, match="does not say which UTM zone"):
        table_of(path)


def test_table_of_another_line_is_refused(line):
    path = line(places=line.places + np.array([1000, 0, 0]))
    with pytest.raises(InputError, match=r"own places \(_igm\) lie 100 pixels away"):
        table_of(path)


def test_table_that_leads_out_of_the_image(line):
    table = line.table.copy()
    table[2, 2, 1] = 99
    with pytest.raises(InputError, match="leads to row 99, but the scene has 5"):
        table_of(line(table))


def test_places_of_another_image(line):
    with pytest.raises(InputError, match=r"has 4 x 4 x 3 pixels and bands.*5 x 4"):
        table_of(line(places=line.places[1:]))


def test_nothing_is_allocated_beyond_the_budget(line):
    path = line()
    source = open_source(path, max_memory=1000)
    with pytest.raises(BudgetError, match="the lookup table needs"):
        source.geolocation()
    source.close()


def test_without_table_it_is_said(line):
    source = open_source(line(None, None))
    assert any("neither a map nor a lookup table" in note for note in source.metadata.notes)
    assert source.geolocation() is None
    source.close()


def test_image_on_a_map_needs_no_table(line):
    with oddspec.open(line(map_info=TURNED)) as scene:
        meta = scene.source.metadata
        assert scene.source.geolocation() is None
        assert meta.georeference.transform.c == 500_000
        assert (str(meta.product), meta.product.identifier) == ("AVIRIS-NG radiance", NG)
        assert meta.unit == "uW/cm^2/nm/sr"


def test_bands_that_step_back_are_sorted(make):
    cube = coded(224, ">i2")
    path = make(f"{CLASSIC}rdn_e", cube, "bip", wavelength=listed(WAVELENGTHS_CLASSIC))
    with oddspec.open(path) as scene:
        meta = scene.source.metadata
        assert str(meta.product) == "AVIRIS Classic radiance"
        assert (np.diff(meta.wavelengths) > 0).all()
        order = np.argsort(WAVELENGTHS_CLASSIC)
        assert not np.array_equal(order, np.arange(224))
        values = scene.source.read((3, 4), (2, 3))[0, 0]
        np.testing.assert_array_equal(values, cube[3, 2, order])
        assert any("step back at bands 33," in note for note in meta.notes)


def test_undeclared_fill_of_the_classic_sensor(make):
    cube = coded(224, ">i2")
    cube[0, :2] = -50
    cube[3, 3, 7] = -50
    fields = {"wavelength": listed(WAVELENGTHS_CLASSIC), "map_info": TURNED}
    path = make(f"{CLASSIC}rdn_e_sc01_ort_img", cube, "bip", **fields)
    with oddspec.open(path) as scene:
        flags = scene.source.read_quality((0, ROWS), (0, COLUMNS))
        assert np.argwhere(flags == QUALITY_FLAGS["fill"]).tolist() == [[0, 0], [0, 1]]
        _, valid = scene.read((0, ROWS), (0, COLUMNS))
        assert np.argwhere(~valid).tolist() == [[0, 0], [0, 1]]
        assert any("-50 in all bands" in note for note in scene.notes)


def test_declared_fill_is_kept(make):
    fields = {"wavelength": listed(WAVELENGTHS_3), "map_info": TURNED, "data_ignore_value": -9999}
    bad = np.ones(284, int)
    bad[130:165] = 0
    path = make(
        f"{AV3}_L2A_OE_main_RFL_ORT", coded(284, "f4"), bbl="{" + ",".join(map(str, bad)) + "}",
        **fields,
    )  # fmt: skip
    with oddspec.open(path) as scene:
        assert scene.nodata == -9999
        assert str(scene.source.metadata.product) == "AVIRIS-3 reflectance"
        assert len(scene.bands) == 284 - 35
        assert scene.source.quality == ()


def test_other_images_are_no_aviris(make):
    other = make("scene", coded(425, "f4"), wavelength=listed(WAVELENGTHS_NG))
    source = open_source(other)
    assert source.format == "ENVI"
    source.close()
    other = make(f"{NG}_obs_ort", coded(11, "f4"))
    source = open_source(other)
    assert source.format == "ENVI"
    source.close()


def test_gains_of_the_file_beside_follow_their_bands(make, tmp_path):
    """Radiance is what is stored divided by the gains, in the order of the wavelengths."""
    path = make(f"{CLASSIC}rdn_e", coded(224, ">i2"), wavelength=listed(WAVELENGTHS_CLASSIC))
    factors = np.repeat([300.0, 600, 1200], [110, 50, 64])
    lines = [f"{factor:10.2f} {band:5d}\n" for band, factor in enumerate(factors, start=1)]
    with oddspec.open(path) as scene:
        assert scene.source.metadata.gains is None
        assert "that is not there" in scene.source.metadata.unit
    (tmp_path / f"{CLASSIC}rdn_e.gain").write_text("".join(lines))
    with oddspec.open(path) as scene:
        meta = scene.source.metadata
        order = np.argsort(WAVELENGTHS_CLASSIC)
        np.testing.assert_allclose(meta.gains.gains, 1 / factors[order])
        assert not meta.gains.offsets.any()
        assert meta.unit == "uW/cm^2/nm/sr"


def test_gain_file(tmp_path):
    path = tmp_path / "line.gain"
    path.write_text("   300.00         1\n   600.00         2\n\n")
    assert read_gain_file(path, 2).tolist() == [300, 600]
    path.write_text("300\n600\n")
    assert read_gain_file(path, 2).tolist() == [300, 600]
    for text in ("300 1\n", "300 2\n600 1\n", "300 1\n0 2\n", "300 1\nnan 2\n"):
        path.write_text(text)
        with pytest.raises(InputError, match="one positive gain for each of 2 bands"):
            read_gain_file(path, 2)
    for data in (b"a b\nc d\n", b"\xff\xfe"):
        path.write_bytes(data)
        with pytest.raises(InputError, match="no file of gains"):
            read_gain_file(path, 2)


def test_made_line(tmp_path):
    image, *_ = make_product(tmp_path / "ng", "aviris-ng", rows=40, columns=32)
    table = table_of(image)
    assert np.unique(table.rows[table.valid] * 32 + table.columns[table.valid]).size > 1200


def test_made_scene_on_a_map(tmp_path):
    image, *_ = make_product(tmp_path / "classic", "aviris-classic", rows=40, columns=32)
    with pytest.warns(DataWarning, match="fill"):
        scene = oddspec.open(image)
    _, valid = scene.read((0, 40), (0, 32))
    assert not valid[:, :3].any()
    assert valid[:, 3:].all()
    scene.close()
