"""How long the rest of a study is said to take."""

from pathlib import Path

import pytest

from oddspec.study.row import Row
from oddspec.study.scene_files import StudyScene
from oddspec.study.schedule import UNKNOWN, Forecast


def took(seconds, detector="rx", column="defaults", scene="one", **others):
    return {
        "detector": detector, "column": column, "scene": scene, "seconds": {"wall": seconds},
    } | others  # fmt: skip


def row(detector="rx", column="defaults", scene="one"):
    file = Path(f"{scene}.mat")
    place = StudyScene(scene, scene, file, None, file, None, file.name, "0", "0", (5, 4, 3))
    return Row(
        study="s", detector=detector, source=detector, detector_sha256=None, column=column,
        paper=None, settings={}, varied={}, seed=None, scene=place, noise=0.0, noise_seed=None,
        time_limit=60.0, keep_map=False, thresholds=(),
    )  # fmt: skip


EARLIER = [took(1.0), took(3.0), took(8.0, scene="two"), took(40.0, detector="lren")]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (row(), 2.0),
        (row(scene="three"), 4.0),
        (row(column="tuned"), 4.0),
        (row("crd"), 13.0),
    ],
)
def test_the_most_alike_rows_tell(asked, expected):
    assert Forecast(EARLIER).seconds([asked, asked]) == 2 * expected


def test_what_is_done_now_counts_before_what_was_done_earlier():
    forecast = Forecast(EARLIER)
    forecast.learn(took(20.0))
    assert forecast.seconds([row()]) == 20.0
    assert forecast.seconds([row(scene="two")]) == 20.0
    assert forecast.seconds([row("lren")]) == 40.0  # another detector's seconds say nothing of it


def test_runs_that_took_no_time_are_not_learnt_from():
    forecast = Forecast([took(None), took(5.0, copied_from="defaults")])
    assert forecast.seconds([row()]) == UNKNOWN
