"""What a model found, on disk and in pictures."""

import json

import numpy as np
import pytest
from PIL import Image

from oddspec.detector import Insight
from oddspec.io import npz as archive
from oddspec.io.source import ArraySource, Metadata
from oddspec.products.insights import draw_insight, write_insights
from oddspec.scene import Scene

SCENE = Scene.of(
    ArraySource(
        np.ones((6, 8, 5)), metadata=Metadata(wavelengths=np.array([400, 410, 420, 900, 910.0]))
    )
)
SPECTRA = Insight("atoms", "spectra", np.arange(15.0).reshape(3, 5), "three atoms", ("a", "b"))
MAPS = Insight("shares", "maps", np.random.default_rng(0).random((6, 8, 2)), "two shares")
CURVE = Insight(
    "losses", "curve", np.array([[100.0, 1.0], [1.0, 0.5]]), "x", ("fit", "rest"), "epoch"
)
TABLE = Insight("weights", "values", np.arange(3.0), "three weights")


def test_all_numbers_are_kept_and_all_but_tables_drawn(tmp_path):
    paths = write_insights(tmp_path, (SPECTRA, MAPS, CURVE, TABLE), SCENE)
    pictures = ["insights/atoms.png", "insights/losses.png", "insights/shares.png"]
    assert sorted(paths) == ["insights.npz", *pictures]
    arrays, said = archive.load_npz(paths["insights.npz"], "insights")
    np.testing.assert_array_equal(arrays["shares"], MAPS.values)
    assert said["atoms"] == {"kind": "spectra", "label": "three atoms", "names": ["a", "b"]}
    json.dumps(said)
    for name in pictures:
        assert Image.open(paths[name]).size[0] > 300


def test_pictures_of_an_earlier_detector_go(tmp_path):
    write_insights(tmp_path, (SPECTRA, MAPS), SCENE)
    write_insights(tmp_path, (CURVE,), SCENE)
    assert [file.name for file in (tmp_path / "insights").iterdir()] == ["losses.png"]
    write_insights(tmp_path, (), SCENE)
    assert not (tmp_path / "insights.npz").exists()


def test_a_line_is_broken_where_bands_are_far_apart():
    (axes,) = draw_insight(SPECTRA, SCENE).axes
    line = axes.lines[0].get_xydata()
    assert np.isnan(line[3]).all()
    assert line[4].tolist() == [900, 3]
    assert axes.get_xlabel() == "wavelength (nm)"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "3"]


def test_many_spectra_are_told_apart_by_a_scale():
    many = Insight("atoms", "spectra", np.random.default_rng(0).random((40, 5)), "many")
    axes, bar = draw_insight(many, SCENE).axes
    assert len(axes.lines) == 30
    assert bar.get_ylabel() == "number (of 40)"


def test_curves_name_their_columns_and_steps():
    (axes,) = draw_insight(CURVE, SCENE).axes
    assert axes.get_xlabel() == "epoch"
    assert axes.get_yscale() == "log"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["fit", "rest"]


@pytest.mark.parametrize("kind", ["spectra", "maps", "curve", "values"])
def test_nothing_to_draw(kind):
    shape = {"spectra": (0, 5), "maps": (6, 8, 0), "curve": (0,), "values": (0,)}[kind]
    assert draw_insight(Insight("none", kind, np.zeros(shape), "none"), SCENE) is None


def test_a_map_without_a_finite_value_is_left_out():
    blank = Insight("blank", "maps", np.full((6, 8, 1), np.nan), "blank")
    assert draw_insight(blank, SCENE) is None
