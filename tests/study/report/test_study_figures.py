"""Figures: what they show, that they are drawn, and what is said where they cannot be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image
from recorded import a_record, truth_of, with_map, write

from oddspec.errors import InputError, SettingError
from oddspec.study.report import FIGURES, figures
from oddspec.study.report.comparison_figures import (
    _cliques,
    draw_ranking,
    draw_stability,
    draw_time,
)
from oddspec.study.report.convergence_figures import draw_convergence, draw_noise
from oddspec.study.report.curve_figures import draw_curves, draw_surfaces
from oddspec.study.report.drawing import (
    grid_of_axes,
    in_lines,
    legend_outside,
    save_drawing,
    styles,
)
from oddspec.study.report.map_figures import draw_maps
from oddspec.study.report.point_labels import label_points
from oddspec.study.report.roc_figures import draw_roc, draw_separability
from oddspec.study.report.tables import table
from oddspec.study.results import StudyResults


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    truth = np.zeros((10, 12), dtype=bool)
    truth[3, 4:7] = True
    folder, records = tmp_path / "study", []
    for scene in ("one", "two"):
        for detector in ("rx", "crd"):
            scores = rng.random(truth.shape) + truth
            records.append(with_map(folder, a_record(detector, scene, 0.9), scores, truth))
        for seed in range(3):
            curve = {"objective": [8.0, 4.0, 2.0, 1.0]}
            record = a_record("nmf", scene, 0.7 + 0.1 * seed, seed=seed, curves=curve)
            scores = rng.random(truth.shape) + seed
            records.append(with_map(folder, record, scores, truth))
        records += [a_record("rx", scene, 0.9 - sigma, noise=sigma) for sigma in (0.1, 0.2)]
        for guard in (3, 5, 7):
            for outer in (9, 11):
                varied = {"guard": guard, "outer": outer}
                kept = {k: v for k, v in varied.items() if v != {"guard": 5, "outer": 9}[k]}
                area = None if (guard, outer) == (7, 11) else 0.5 + guard / 100 + outer / 1000
                records.append(
                    a_record("crd", scene, area, column="windows", varied=kept, settings=varied)
                )
    return write(folder, *records)


def test_all_figures_are_drawn_and_say_what_they_show(folder, tmp_path):
    paths = figures(folder, tmp_path / "out", formats=["png"], truth_of=truth_of)
    kinds = {path.name.split("-")[0] for path in paths}
    assert kinds == {*FIGURES} - {"curve"} | {"curve"}
    for path in paths:
        with Image.open(path) as picture:
            shades = np.asarray(picture.convert("L"))
        assert np.ptp(shades) > 100, path.name
        # Nothing touches the edge, so that nothing is cut off.
        edge = np.concatenate([shades[0], shades[-1], shades[:, 0], shades[:, -1]])
        assert edge.min() > 200, path.name


def test_a_long_legend_gets_columns_and_stays_in_the_picture():
    figure, (axes,) = grid_of_axes(1)
    lines = [axes.plot([0, 1], [0, i])[0] for i in range(40)]
    legend_outside(figure, lines, [f"detector {i}" for i in range(40)])
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box, whole = legend.get_window_extent(), figure.bbox
    assert box.y0 >= whole.y0
    assert box.x1 <= whole.x1
    assert axes.get_window_extent().width > 200


def test_the_same_records_give_the_same_bytes(folder, tmp_path):
    one, two = (
        figures(folder, tmp_path / name, ["time", "ranking"], ["svg", "png"]) for name in "ab"
    )
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_maps_show_the_run_nearest_to_the_median(folder):
    (drawing,) = draw_maps(StudyResults.read(folder, truth_of=truth_of))
    labels = [axes.get_xlabel() for axes in drawing.figure.axes]
    assert labels.count("0.8000") == 2  # the middle one of three seeds, on both scenes
    titles = [axes.get_title() for axes in drawing.figure.axes]
    assert [t for t in titles if t] == ["truth", "rx", "crd", "nmf"]


def test_maps_show_pictures_of_scenes_where_there_are_any(folder):
    picture = np.ones((10, 12, 3))
    study = StudyResults.read(folder, truth_of=truth_of, picture_of=lambda run: picture)
    (drawing,) = draw_maps(study)
    assert drawing.figure.axes[0].get_title() == "scene"


def test_roc_curves_are_those_of_the_metrics(folder):
    (drawing,) = draw_roc(StudyResults.read(folder, truth_of=truth_of))
    axes = drawing.figure.axes[0]
    assert axes.get_title(loc="left") == "one"
    rx = axes.lines[0]
    # Truth adds 1 to scores below 1: a perfect detector.
    assert rx.get_ydata()[np.searchsorted(rx.get_xdata(), 0.01)] == 1.0


def test_separability_boxes_hold_what_the_metrics_say(folder):
    (drawing,) = draw_separability(StudyResults.read(folder, truth_of=truth_of))
    assert [t.get_text() for t in drawing.figure.axes[0].get_xticklabels()] == ["rx", "crd", "nmf"]
    assert [t.get_text() for t in drawing.figure.legends[0].get_texts()] == [
        "background",
        "targets",
    ]


def test_a_surface_shows_every_value_the_default_and_what_lacks(folder):
    drawings = list(draw_surfaces(StudyResults.read(folder)))
    (drawing,) = drawings
    axes = drawing.figure.axes[0]
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["0.5390", "0.5410", "0.5590", "0.5610", "0.5790", "×"]
    (frame,) = axes.patches
    assert (round(frame.get_x() + 0.47), round(frame.get_y() + 0.45)) == (0, 1)  # guard 5, outer 9
    assert "a frame marks their defaults; other settings are the defaults" in drawing.caption


def test_a_default_in_another_unit_is_not_marked(tmp_path):
    records = []
    for penalty in (1.0, 10.0):
        for beta in (0.5, 1.0):
            settings = {"penalty": penalty, "beta": beta, "penalty_unit": "absolute"}
            default = {"penalty": 1.0, "beta": 1.0}
            varied = {k: v for k, v in settings.items() if v != default.get(k)}
            records.append(
                a_record("rednmf", "one", 0.9, column="both", varied=varied, settings=settings)
            )
    folder = write(tmp_path / "study", *records)
    (drawing,) = draw_surfaces(StudyResults.read(folder))
    assert not drawing.figure.axes[0].patches
    assert "their defaults are not among these" in drawing.caption
    assert "with penalty_unit=absolute; other settings are the defaults" in drawing.caption
    assert "| default |" not in table(folder, what="parameters")


def test_a_curve_keeps_the_other_settings_at_their_defaults(folder):
    drawings = {d.name: d for d in draw_curves(StudyResults.read(folder))}
    axes = drawings["curve-crd-windows-guard"].figure.axes[0]
    assert axes.lines[0].get_xdata().tolist() == [3, 5, 7]
    assert axes.lines[0].get_ydata().tolist() == pytest.approx([0.539, 0.559, 0.579])
    assert axes.lines[-1].get_xdata() == [5, 5]  # the default
    assert "curve-crd-windows-outer" not in drawings  # two values are no curve


def test_a_grid_without_the_other_s_default_has_no_curve_and_says_so(tmp_path):
    records = [
        a_record("crd", "one", 0.8, column="windows", varied={"guard": guard, "outer": outer})
        for guard in (3, 5, 7)
        for outer in (11, 13)
    ]
    folder = write(tmp_path / "s", *records)
    reason = "fewer than three values .* at their defaults: guard of crd, windows"
    with pytest.raises(InputError, match=reason):
        figures(folder, tmp_path, ["curve"])


def test_numbers_in_figures_have_their_unit(folder):
    study = replace(StudyResults.read(folder, truth_of=truth_of), metric="peak_memory")
    surface, maps = next(draw_surfaces(study)), next(draw_maps(study))
    assert surface.figure.axes[0].texts[0].get_text() == "50 MB"
    assert "50 MB" in {axes.get_xlabel() for axes in maps.figure.axes}
    assert "Numbers are peak memory." in maps.caption


def test_noise_curves_begin_without_noise(folder):
    (drawing,) = draw_noise(StudyResults.read(folder))
    line = drawing.figure.axes[0].lines[0]
    assert line.get_xdata().tolist() == [0.0, 0.1, 0.2]
    assert line.get_ydata().tolist() == pytest.approx([0.9, 0.8, 0.7])


def test_convergence_is_relative_to_the_first_value(folder):
    (drawing,) = draw_convergence(StudyResults.read(folder))
    line = drawing.figure.axes[0].lines[0]
    assert line.get_xdata().tolist() == [1, 2, 3, 4]
    assert line.get_ydata().tolist() == [1.0, 0.5, 0.25, 0.125]


def test_thinned_curves_keep_their_place(tmp_path):
    record = a_record(
        "nmf",
        "s",
        0.5,
        seed=0,
        iterations=1000,
        curves={"objective": [4.0, 2.0], "mse": [0.5, 0.2]},
    )
    (drawing,) = draw_convergence(StudyResults.read(write(tmp_path, record)))
    objective, mse = (axes.lines[0] for axes in drawing.figure.axes)
    assert objective.get_xdata().tolist() == [1, 1000]
    assert mse.get_xdata().tolist() == [1, 2]
    assert mse.get_ydata().tolist() == [0.5, 0.2]


def test_time_shows_the_spread_over_seeds(folder):
    (drawing,) = draw_time(StudyResults.read(folder))
    axes = drawing.figure.axes[0]
    bars = [c.get_segments() for c in axes.collections]
    heights = [round(abs(seg[1][1] - seg[0][1]), 6) for segs in bars for seg in segs]
    assert max(heights) == pytest.approx(0.2)  # 0.7 to 0.9
    assert "2 scenes" in drawing.caption


def test_names_stand_beside_their_points_and_clear_of_each_other(rng):
    figure, (axes,) = grid_of_axes(1, width=8, height=5)
    points = np.concatenate([0.3 + 0.4 * rng.random((24, 2)), [[0.0, 1.0], [1.0, 0.0]]])
    axes.plot(*points.T, "o", markersize=6)
    bars = np.repeat(points[:, :, None], 2, axis=2)
    names = [f"detector {i}" for i in range(len(points))]
    label_points(axes, points, bars, names, ["red"] * len(points))
    texts = {text.get_text(): text for text in axes.texts}
    assert sorted(texts) == sorted(names)
    boxes = {name: Text.get_window_extent(text) for name, text in texts.items()}
    at = axes.transData.transform(points)
    for name, point in zip(names, at, strict=True):
        box = boxes[name]
        assert not any(box.overlaps(other) for key, other in boxes.items() if key != name)
        assert not any(box.contains(*other) for other in at)
        assert axes.get_window_extent().fully_contains(*box.min)
        assert axes.get_window_extent().fully_contains(*box.max)
        gap = np.maximum(np.maximum(box.min - point, point - box.max), 0)
        near = np.hypot(*gap) < 14 * figure.dpi / 72
        assert near or texts[name].arrow_patch.get_visible()


def test_names_are_broken_into_lines_where_they_are_too_long():
    assert in_lines("abu-airport-1", 1.75) == "abu-airport-1"
    assert in_lines("f190812_rfl_v1_img", 1.0) == "f190812_rfl_\nv1_img"
    assert max(map(len, in_lines(50 * "x", 1.0).split("\n"))) == 13


def test_stability_has_a_point_for_each_seed(folder):
    (drawing,) = draw_stability(StudyResults.read(folder))
    points = drawing.figure.axes[0].lines[-1]
    assert sorted(points.get_ydata()) == pytest.approx([0.7, 0.8, 0.9])


def test_bars_join_what_is_within_the_critical_difference():
    assert _cliques([1.0, 1.5, 2.6, 4.0], 1.2) == [(0, 1), (1, 2)]
    assert _cliques([1.0, 3.0], 0.5) == []
    assert _cliques([1.0, 1.1, 1.2], 1.0) == [(0, 2)]


def test_ranking_names_its_test_and_scenes(folder):
    (drawing,) = draw_ranking(StudyResults.read(folder))
    assert "over 2 scenes" in drawing.caption
    assert "Friedman" in drawing.caption


def test_what_cannot_be_drawn_says_what_it_needs(tmp_path):
    folder = write(tmp_path / "s", a_record("rx", "one", 0.9))
    for name in FIGURES:
        with pytest.raises(InputError, match=f"the figure '{name}' cannot be drawn: .{{20}}"):
            figures(folder, tmp_path, [name])
    assert figures(folder, tmp_path) == []
    with pytest.raises(SettingError, match="expected one of maps, roc"):
        figures(folder, tmp_path, ["map"])
    with pytest.raises(SettingError, match="expected one of png, svg"):
        figures(folder, tmp_path, formats=["gif"])


def test_figures_of_a_metric_and_of_some_records_alone(folder, tmp_path):
    with pytest.raises(SettingError, match="the records have no such metric"):
        figures(folder, tmp_path, ["time"], metric="auc")
    with pytest.raises(InputError, match="no record of the detector nn"):
        figures(folder, tmp_path, detectors=["nn"])
    chosen = {"metric": "seconds", "detectors": ["rx", "nmf"]}
    (path,) = figures(folder, tmp_path, ["noise"], ["svg"], **chosen)
    text = path.read_text()
    assert "seconds (wall clock)" in text
    assert "crd" not in text


def test_a_lost_map_is_a_gap_and_no_crash(folder):
    study = StudyResults.read(folder)
    lost = next(run for run in study.runs if run.record["map"] and run.detector == "rx")
    (folder / lost.record["map"]).unlink()
    (drawing,) = draw_maps(study)
    assert any(t.get_text() == "no map" for axes in drawing.figure.axes for t in axes.texts)


def test_styles_are_all_different():
    assert len({(s.colour, s.line, s.marker) for s in styles(24)}) == 24


def test_names_with_dollars_are_no_formulas(tmp_path):
    records = [a_record(d, s, 0.5) for d in ("a$", "b$_{") for s in ("x$_", "y")]
    (drawing,) = draw_ranking(StudyResults.read(write(tmp_path, *records)))
    assert save_drawing(drawing, tmp_path, ["png"])
