"""The files of a synthetic scene, as other software reads them."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from oddspec.errors import InputError, OddspecError, SettingError
from oddspec.io.envi.reader import open_envi
from oddspec.scenes import MadeScene, Recipe, Renderer, Target, make_scene

SIZE: dict[str, Any] = {"rows": 24, "columns": 44, "bands": 24}


def read(made: MadeScene) -> np.ndarray:
    """The cube as GDAL reads it."""
    with rasterio.open(made.data) as dataset:
        return np.moveaxis(dataset.read(), 0, 2)


@pytest.mark.parametrize("interleave", ["bil", "bip", "bsq"])
def test_strips_and_workers_do_not_matter(tmp_path: Path, interleave: str):
    expected = Renderer(Recipe(**SIZE, interleave=interleave)).rows(0, 24)
    for workers, strip_rows in ((1, 24), (3, 1), (2, 7)):
        made = make_scene(
            tmp_path / "scene.img", **SIZE, interleave=interleave, workers=workers,
            strip_rows=strip_rows, overwrite=True,
        )  # fmt: skip
        np.testing.assert_array_equal(read(made), expected)


def test_files_and_header(tmp_path: Path):
    made = make_scene(tmp_path / "new" / "scene.img", **SIZE, nodata_border=2)
    assert {path.name for path in (tmp_path / "new").iterdir()} == {
        "scene.img", "scene.hdr", "scene.json", "scene_truth.tif", "scene_targets.csv",
    }  # fmt: skip
    text = made.header.read_text()
    assert "data ignore value = -9999" in text
    assert "wavelength units = Nanometers" in text
    bbl = text.split("bbl = {")[1].split("}")[0]
    flags = [int(flag) for flag in bbl.split(",")]
    np.testing.assert_array_equal(np.array(flags) == 0, Renderer(made.recipe).air.blind)
    assert 0 in flags
    with rasterio.open(made.data) as dataset:
        assert dataset.nodata == -9999
        assert dataset.dtypes[0] == "int16"


def test_the_truth_is_what_was_implanted(tmp_path: Path, target_abundance):
    made = make_scene(tmp_path / "a.img", **SIZE, targets=6, noise_snr=float("inf"))
    plain = make_scene(tmp_path / "b.img", **SIZE, targets=0, noise_snr=float("inf"))
    changed = (read(made) != read(plain)).any(axis=2)
    with rasterio.open(made.truth) as dataset:
        truth = dataset.read(1)
        assert dataset.dtypes[0] == "uint8"
    np.testing.assert_array_equal(truth == 1, changed)
    np.testing.assert_array_equal(truth, target_abundance(made.recipe) > 0)
    with open(made.target_list, newline="") as stream:
        records = list(csv.DictReader(stream))
    assert len(records) == len(made.targets) == 6
    total = sum(int(r["height"]) * int(r["width"]) for r in records)
    assert total == truth.sum()
    for record, target in zip(records, made.targets, strict=True):
        assert truth[int(record["row"]), int(record["column"])] == 1
        assert record["material"] == target.material


@pytest.mark.parametrize("rotation", [0.0, 25.0, -110.0])
def test_corners_lie_where_they_should(tmp_path: Path, rotation: float):
    made = make_scene(
        tmp_path / "scene.img", **SIZE, rotation=rotation, pixel_size=2.5,
        origin=(500_000.0, 4_000_000.0), targets=(Target(10, 20, 1, 1, 1.0, "bare metal"),),
    )  # fmt: skip
    turn = np.deg2rad(rotation)

    def expected(column: float, row: float) -> tuple[float, float]:
        east, north = 2.5 * column, -2.5 * row
        return (
            500_000.0 + np.cos(turn) * east - np.sin(turn) * north,
            4_000_000.0 + np.sin(turn) * east + np.cos(turn) * north,
        )

    def position(transform: Affine, column: float, row: float) -> tuple[float, float]:
        a, b, c, d, e, f, *_ = transform
        return a * column + b * row + c, d * column + e * row + f

    with rasterio.open(made.truth) as dataset:
        assert dataset.crs.to_epsg() == 32611
        for corner in ((0, 0), (44, 0), (0, 24), (44, 24)):
            assert position(dataset.transform, *corner) == pytest.approx(
                expected(*corner), abs=1e-6
            )
    source = open_envi(made.data)
    assert source.metadata.georeference is not None
    for corner in ((0, 0), (44, 0), (0, 24), (44, 24)):
        found = position(source.metadata.georeference.transform, *corner)
        assert found == pytest.approx(expected(*corner), abs=1e-6)
    source.close()
    if not rotation:
        with rasterio.open(made.data) as dataset:
            assert dataset.crs.to_epsg() == 32611
            assert position(dataset.transform, 44, 24) == pytest.approx(expected(44, 24))
    with open(made.target_list, newline="") as stream:
        (record,) = csv.DictReader(stream)
    centre = float(record["x"]), float(record["y"])
    assert centre == pytest.approx(expected(20.5, 10.5), abs=1e-6)


def test_without_georeference(tmp_path: Path):
    made = make_scene(tmp_path / "scene.img", **SIZE, crs=None)
    assert "map info" not in made.header.read_text()
    assert "x" not in made.target_list.read_text().splitlines()[0].split(",")


def test_parameters_make_the_same_scene_again(tmp_path: Path):
    made = make_scene(
        tmp_path / "a.img", **SIZE, bad_lines=2, dead_pixels=3, stripes=0.02, quantity="radiance",
        noise_snr=float("inf"), targets=3,
    )  # fmt: skip
    stored = json.loads(made.parameters.read_text())
    assert len(stored.pop("lost_rows")) == 2
    assert len(stored.pop("dead_elements")) == 3
    assert stored["noise_snr"] == "infinity"
    stored["noise_snr"] = float("inf")
    stored["targets"] = [Target(**target) for target in stored["targets"]]
    for name in ("origin", "wavelength_range"):
        stored[name] = tuple(stored[name])
    again = make_scene(tmp_path / "b.img", **stored)
    np.testing.assert_array_equal(read(again), read(made))


def test_progress_ends_at_all_rows(tmp_path: Path):
    calls: list[tuple[float, float]] = []
    make_scene(
        tmp_path / "scene.img", **SIZE, strip_rows=5, workers=1,
        progress=lambda done, total, stage: calls.append((done, total)),
    )  # fmt: skip
    assert calls[-1] == (24, 24)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_called_off_leaves_nothing(tmp_path: Path):
    def stop(done: float, total: float, stage: str) -> None:
        if done > 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_scene(tmp_path / "scene.img", **SIZE, strip_rows=2, workers=2, progress=stop)
    assert not list(tmp_path.iterdir())


def test_files_in_the_way_are_kept(tmp_path: Path):
    (tmp_path / "scene.json").write_text("mine")
    with pytest.raises(InputError, match=r"scene\.json exists already"):
        make_scene(tmp_path / "scene.img", **SIZE)
    assert [path.name for path in tmp_path.iterdir()] == ["scene.json"]
    make_scene(tmp_path / "scene.img", **SIZE, overwrite=True)


def test_a_full_disk_is_noticed_before(tmp_path: Path):
    with pytest.raises(SettingError, match=r"takes 1[0-9]{4}\.[0-9]+ GB, but the disk"):
        make_scene(tmp_path / "scene.img", rows=4_000_000, columns=5000, bands=253, targets=3)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file(tmp_path: Path):
    (tmp_path / "f").write_text("")
    with pytest.raises(OddspecError, match="cannot be used"):
        make_scene(tmp_path / "f" / "scene.img", **SIZE)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": 0}, "rows=0: expected a whole number of at least 1"),
        ({"rows": True}, "rows=True"),
        ({"columns": -4}, "columns=-4"),
        ({"bands": 1}, "bands=1: expected a whole number from 2 to 2101"),
        ({"seed": -1}, "seed=-1"),
        ({"dtype": "complex64"}, "dtype='complex64': expected one of int16"),
        ({"interleave": "xyz"}, "interleave='xyz'"),
        ({"quantity": "colour"}, "quantity='colour'"),
        ({"wavelength_range": (900.0, 500.0)}, "wavelength_range=900 to 500"),
        ({"wavelength_range": (200.0, 500.0)}, "between 350 and 2500"),
        ({"targets": -2}, "targets=-2"),
        ({"targets": 5000}, "targets=5000: 24 x 44 pixels"),
        ({"noise_snr": 0}, "noise_snr=0"),
        ({"noise_snr": (5.0, 6.0)}, "noise_snr has 2 numbers"),
        ({"stripes": -0.1}, "stripes=-0.1"),
        ({"stripes": 3.0}, "stripes=3.0"),
        ({"dead_pixels": -1}, "dead_pixels=-1"),
        ({"dead_pixels": 10**6}, "dead_pixels=1000000: the sensor has only 1056"),
        ({"bad_lines": 24}, "bad_lines=24: expected fewer than the 24 rows"),
        ({"nodata_border": 12}, "nodata_border=12: nothing would be left"),
        ({"crs": "EPSG:999999"}, "crs='EPSG:999999' is no known coordinate system"),
        ({"pixel_size": 0}, "pixel_size=0"),
        ({"pixel_size": float("nan")}, "pixel_size=nan"),
        ({"rotation": float("inf")}, "rotation=inf"),
        ({"workers": 0}, "workers=0"),
        ({"strip_rows": 0}, "strip_rows=0"),
    ],
)
def test_bad_settings(tmp_path: Path, changes: dict[str, Any], message: str):
    with pytest.raises(SettingError) as caught:
        # Past the run-time type check of the tests, as a caller without one would.
        unchecked(make_scene)(tmp_path / "scene.img", **{**SIZE, **changes})
    assert message in str(caught.value)
    assert not list(tmp_path.iterdir())


def unchecked(function: Callable[..., MadeScene]) -> Callable[..., MadeScene]:
    return getattr(function, "__wrapped__", function)


@pytest.mark.parametrize("name", ["scene.hdr", "scene.tif", "scene.json"])
def test_names_that_would_collide(tmp_path: Path, name: str):
    with pytest.raises(SettingError, match=r"such as scene\.img"):
        make_scene(tmp_path / name, **SIZE)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 50), (3, 2), (8, 7)])
def test_tiny_scenes(tmp_path: Path, rows: int, columns: int):
    made = make_scene(tmp_path / "scene.img", rows=rows, columns=columns, bands=2)
    assert read(made).shape == (rows, columns, 2)
