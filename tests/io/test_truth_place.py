"""Truths that lie elsewhere, in other pixels or in another coordinate system."""

import json
import warnings

import h5py
import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.crs import CRS
from rasterio.warp import calculate_default_transform, transform

from oddspec.command import main
from oddspec.errors import InputError
from oddspec.io.source import Georeference
from oddspec.io.truth import read_truth

UTM = CRS.from_epsg(32611)
NORTH_UP = Affine(5, 0, 500000, 0, -5, 4000000)
SCENE = Georeference(UTM, NORTH_UP)
TRUTH = (np.arange(20 * 30).reshape(20, 30) % 41 == 0).astype(np.uint8)


def save(path, truth, place=SCENE, **options):
    form = {"driver": "GTiff", "height": truth.shape[0], "width": truth.shape[1], "count": 1}
    with rasterio.open(
        path, "w", dtype=str(truth.dtype), crs=place.crs, transform=place.transform,
        **form, **options,
    ) as file:  # fmt: skip
        file.write(truth, 1)
    return path


def read(path, scene=SCENE, shape=TRUTH.shape, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_truth(path, shape, georeference=scene, **options)


@pytest.mark.parametrize(
    "place",
    [
        SCENE,
        Georeference(CRS.from_wkt(UTM.to_wkt(version="WKT1_ESRI")), NORTH_UP),
        # Rounded as files round, and without a system.
        Georeference(UTM, Affine(5, 0, 500000.4, 0, -5.001, 3999999.7)),
        Georeference(None, NORTH_UP),
    ],
)
def test_a_truth_of_the_same_place_is_read(tmp_path, place):
    np.testing.assert_array_equal(read(save(tmp_path / "t.tif", TRUTH, place)), TRUTH)
    np.testing.assert_array_equal(read(save(tmp_path / "t.tif", TRUTH), scene=place), TRUTH)


def test_without_a_georeference_on_both_sides_rows_and_columns_must_do(tmp_path):
    np.save(tmp_path / "t.npy", TRUTH)
    np.testing.assert_array_equal(read(tmp_path / "t.npy"), TRUTH)
    np.testing.assert_array_equal(read(save(tmp_path / "t.tif", TRUTH), scene=None), TRUTH)


ELSEWHERE = {
    "a kilometre east": Georeference(UTM, Affine(5, 0, 501000, 0, -5, 4000000)),
    "half a pixel": Georeference(UTM, Affine(5, 0, 500002.5, 0, -5, 4000002.5)),
    "larger pixels": Georeference(UTM, Affine(5.2, 0, 500000, 0, -5.2, 4000000)),
    "upside down": Georeference(UTM, Affine(5, 0, 500000, 0, 5, 3999900)),
    "rotated": Georeference(UTM, Affine(4.9, 1, 500000, 1, -4.9, 4000000)),
    "another zone": Georeference(CRS.from_epsg(32612), NORTH_UP),
    "degrees": Georeference(CRS.from_epsg(4326), Affine(1e-4, 0, 11, 0, -1e-4, 50)),
    "no system": Georeference(None, Affine(5, 0, 501000, 0, -5, 4000000)),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_truth_of_another_place_is_refused(tmp_path, name):
    path = save(tmp_path / "t.tif", TRUTH, ELSEWHERE[name])
    with pytest.raises(InputError, match=r"t\.tif: the truth lies elsewhere.*--warp-truth"):
        read(path)


def test_envi_and_netcdf_truths_say_where_they_lie(tmp_path, make_envi):
    place = "{UTM, 1, 1, %d, 4000000, 5, 5, 11, North, WGS-84}"
    path = make_envi(TRUTH[:, :, None], map_info=place % 500000)
    np.testing.assert_array_equal(read(path), TRUTH)
    with pytest.raises(InputError, match="lies elsewhere"):
        read(make_envi(TRUTH[:, :, None], map_info=place % 501000))
    for east, fits in ((500000, True), (501000, False)):
        with h5py.File(tmp_path / "t.nc", "w") as file:
            file["x"] = east + 2.5 + 5.0 * np.arange(30)
            file["y"] = 4000000 - 2.5 - 5.0 * np.arange(20)
            file["crs"] = 0
            file["crs"].attrs["crs_wkt"] = UTM.to_wkt()
            file["truth"] = TRUTH
            file["truth"].attrs["grid_mapping"] = "crs"
            for axis, scale in enumerate(("y", "x")):
                file[scale].make_scale(scale)
                file["truth"].dims[axis].attach_scale(file[scale])
        if fits:
            np.testing.assert_array_equal(read(tmp_path / "t.nc"), TRUTH)
        else:
            with pytest.raises(InputError, match="lies elsewhere"):
                read(tmp_path / "t.nc")


def test_a_shifted_truth_is_warped_when_asked(tmp_path):
    """Seven columns east and three rows south, and of another size."""
    place = Georeference(UTM, NORTH_UP @ Affine.translation(7, 3))
    truth = TRUTH[3:, 7:].copy()
    path = save(tmp_path / "t.tif", truth, place)
    with pytest.raises(InputError, match=r"17 x 23.*--warp-truth"):
        read(path)
    found = read(path, warp=True)
    assert found.mask[:3].all()
    assert found.mask[:, :7].all()
    assert not found.mask[3:, 7:].any()
    np.testing.assert_array_equal(found.data[3:, 7:], truth)
    assert not found.data[found.mask].any()


def test_another_system_is_warped_to_the_ground(tmp_path):
    """Each target is where longitude and latitude put it, to a pixel of the truth."""
    wide = CRS.from_epsg(4326)
    step, width, height = calculate_default_transform(
        UTM, wide, 30, 20, *(500000, 3999900, 500150, 4000000)
    )
    truth = np.zeros((height, width), dtype=np.uint8)
    truth[height // 3, width // 4] = 1
    longitude, latitude = step @ (width // 4 + 0.5, height // 3 + 0.5)
    (x,), (y,) = transform(wide, UTM, [longitude], [latitude])
    column, row = ~NORTH_UP @ (x, y)
    found = np.ma.filled(
        read(save(tmp_path / "t.tif", truth, Georeference(wide, step)), warp=True), 0
    )
    rows, columns = np.nonzero(found)
    assert 1 <= len(rows) <= 4
    assert np.abs(rows + 0.5 - row).max() < 1.5
    assert np.abs(columns + 0.5 - column).max() < 1.5


def test_no_target_of_a_finer_truth_vanishes(tmp_path):
    fine = np.zeros((100, 150), dtype=np.uint8)
    fine[[0, 52, 99], [0, 73, 149]] = [1, 2, 3]
    path = save(tmp_path / "t.tif", fine, Georeference(UTM, NORTH_UP @ Affine.scale(0.2)))
    found = read(path, warp=True)
    assert not np.ma.is_masked(found)
    expected = np.zeros_like(TRUTH)
    expected[[0, 10, 19], [0, 14, 29]] = [1, 2, 3]
    np.testing.assert_array_equal(found, expected)


def test_what_nobody_judged_stays_so_when_warped(tmp_path):
    truth = TRUTH.copy()
    truth[4:6] = 9
    path = save(
        tmp_path / "t.tif", truth, Georeference(UTM, NORTH_UP @ Affine.translation(1, 0)), nodata=9
    )
    found = read(path, warp=True)
    assert found.mask[4:6].all()
    assert found.mask[:, 0].all()
    assert not found.mask[6:, 1:].any()


def test_what_cannot_be_warped_is_refused(tmp_path):
    far = save(tmp_path / "t.tif", TRUTH, ELSEWHERE["a kilometre east"])
    with pytest.raises(InputError, match="wholly outside the scene"):
        read(far, warp=True)
    with pytest.raises(InputError, match="the scene has no coordinate system"):
        read(far, scene=None, warp=True)
    np.save(tmp_path / "t.npy", TRUTH)
    with pytest.raises(InputError, match="the truth has no coordinate system"):
        read(tmp_path / "t.npy", warp=True)


def test_the_command_line_refuses_and_warps(tmp_path, capsys):
    scores = np.random.default_rng(0).normal(size=TRUTH.shape).astype(np.float32) + 5 * TRUTH
    save(tmp_path / "s.tif", scores)
    place = Georeference(UTM, NORTH_UP @ Affine.translation(-2, 0))
    save(tmp_path / "t.tif", np.hstack([np.zeros((20, 2), np.uint8), TRUTH]), place)
    arguments = ["evaluate", str(tmp_path / "s.tif"), "--truth", str(tmp_path / "t.tif"), "--json"]
    assert main(arguments) == 2
    assert "--warp-truth" in capsys.readouterr().err
    assert main([*arguments, "--warp-truth"]) == 0
    out = capsys.readouterr()
    assert "was resampled to the scene's pixels; 0 of them have no truth" in out.err
    found = json.loads(out.out)
    assert found["targets"] == TRUTH.sum()
    assert found["auc_pd_pf"] > 0.99


def test_detect_refuses_a_truth_of_another_place_before_it_works(tmp_path, capsys):
    cube = np.random.default_rng(0).normal(size=(*TRUTH.shape, 4)).astype(np.float32)
    with rasterio.open(
        tmp_path / "scene.tif", "w", driver="GTiff", height=20, width=30, count=4, dtype="float32",
        crs=UTM, transform=NORTH_UP,
    ) as file:  # fmt: skip
        file.write(cube.transpose(2, 0, 1))
    save(tmp_path / "t.tif", TRUTH, ELSEWHERE["a kilometre east"])
    arguments = ["detect", tmp_path / "scene.tif", "--out", tmp_path / "out", "--progress", "none"]
    assert main([*map(str, arguments), "--truth", str(tmp_path / "t.tif")]) == 2
    assert "lies elsewhere" in capsys.readouterr().err
    truth = np.where(np.arange(30) < 10, 255, TRUTH).astype(np.uint8)
    save(tmp_path / "t.tif", truth)
    assert main([*map(str, arguments), "--truth", str(tmp_path / "t.tif")]) == 0
    assert "200 pixels hold 255 beside 1" in capsys.readouterr().err
    record = json.loads((tmp_path / "out" / "scene" / "run.json").read_text())
    assert record["metrics"]["not_judged"] == 200
    assert record["metrics"]["targets"] == TRUTH[:, 10:].sum()
    report = (tmp_path / "out" / "scene" / "report.html").read_text()
    assert "200 were not judged and are left out" in report


@pytest.mark.parametrize(
    ("picture", "beside"),
    [("t.png", "t.pgw"), ("t.png", "t.pngw"), ("t.PNG", "t.wld"), ("t.bmp", "t.bpw"),
     ("t.tif", "t.tfw")],
)  # fmt: skip
@pytest.mark.parametrize("shift", [0, 7])
def test_world_files_place_pictures(tmp_path, picture, beside, shift):
    image = Image.fromarray(255 * TRUTH[:, shift:])
    image.save(tmp_path / picture)
    x = 500000 + 5 * shift
    # The middle of the first pixel.
    (tmp_path / beside).write_text(f"5\n0\n0\n-5\n{x + 2.5}\n3999997.5\n")
    if shift:
        found = read(tmp_path / picture, warp=True)
        assert found.mask[:, :shift].all()
    else:
        found = read(tmp_path / picture)
        (tmp_path / beside).write_text("5\n0\n0\n-5\n501002.5\n3999997.5\n")
        with pytest.raises(InputError, match="lies elsewhere than the scene"):
            read(tmp_path / picture)
    np.testing.assert_array_equal(found[:, shift:], TRUTH[:, shift:])


def test_a_damaged_world_file_is_told(tmp_path):
    Image.fromarray(255 * TRUTH).save(tmp_path / "t.png")
    for text in ("", "5 0 0", "a b c d e f", "5 0 0 nan 1 1", "0 0 0 0 1 1"):
        (tmp_path / "t.pgw").write_text(text)
        with pytest.raises(InputError, match=r"t\.pgw: is no world file"):
            read(tmp_path / "t.png")
