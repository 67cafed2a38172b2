"""Scenes of few pixels: an obvious pixel is first, or the scene is refused, or a warning says why.

`FIRST` lists the detectors for which a warning alone is not enough. The others explain a scene by
parts that they learn from it (atoms, factors, networks, clusters): of so few pixels a single one
may become a part by itself, and is explained by it.
"""

import json
import warnings

import numpy as np
import pytest

import oddspec
from oddspec import detectors
from oddspec.command import main
from oddspec.detector import SceneResult, WindowDetector
from oddspec.errors import DataWarning, InputError, OddspecError
from oddspec.execution.resources import Resources
from oddspec.execution.run import run
from oddspec.execution.score_store import ScoreArray
from oddspec.io.source import ArraySource
from oddspec.scene import Scene
from oddspec.settings import build
from oddspec.survey import survey
from test_every_detector import SMALL

SCENES = [(12, 12, 200), (6, 5, 30), (8, 8, 60), (1, 40, 20)]

FIRST = {
    *("rx", "pca_rx", "frfe", "bsdm", "safl_rx", "rpca", "local_rx"),
    *("lsad_cr_idw", "lsunrsorad"),
}

# Neighbours times a number explain a spectrum that is brighter by the same in every band.
AMONG_THE_FIRST = {"crd": 2}

# As few steps as make a difference: what a short training does not find is told all the same.
SHORT = {
    "auto_ad": {"channels": 4, "iterations": 20},
    "cnn": {"channels": 4, "bottleneck": 3, "iterations": 20},
    "msnet": {"rounds": 1, "steps": 5, "selected": 5},
    "lrr_net_plus": {"epochs": 1},
    "aae": SMALL["aae"] | {"steps": 20},
    "rednmf": {"guard": 1, "outer": 5},
    "ensemble": {"members": "rx, lsunrsorad guard=3 outer=5"},
}


def planted(kind, shape):
    """A scene, and where one pixel stands at 20 standard deviations in every band."""
    rng = np.random.default_rng(7)
    if kind == "noise":
        cube = 100.0 + rng.normal(size=shape)
    else:
        weights = rng.dirichlet(np.ones(3), shape[:2])
        cube = weights @ rng.uniform(100, 1000, (3, shape[2])) + rng.normal(0, 5, shape)
    at = shape[0] // 2, shape[1] // 3
    pixels = cube.reshape(-1, shape[2])
    cube[at] = pixels.mean(axis=0) + 20 * pixels.std(axis=0)
    return cube, at


def settings_for(name, shape):
    if name in ("local_rx", "crd") and min(shape[:2]) < 9:
        return {"guard": 1, "outer": 5}
    return SHORT.get(name, SMALL.get(name, {}))


@pytest.mark.parametrize("shape", SCENES, ids=str)
@pytest.mark.parametrize("kind", ["noise", "mixtures"])
@pytest.mark.parametrize("name", detectors.names())
def test_an_obvious_pixel_is_first_or_the_user_is_told(name, kind, shape):
    cube, at = planted(kind, shape)
    chosen = settings_for(name, shape)
    build(detectors.load(name), chosen)  # the settings are right; what is refused is the scene
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            scores = oddspec.detect(cube, name, **chosen)
        except OddspecError:
            return
    above = int((scores > scores[at]).sum())
    told = any(issubclass(warning.category, DataWarning) for warning in caught)
    assert above <= AMONG_THE_FIRST.get(name, 0) or (told and name not in FIRST)


@pytest.mark.parametrize("name", ["rx", "pca_rx", "frfe"])
@pytest.mark.parametrize("shape", SCENES[:2], ids=str)
def test_shrinking_is_told_in_the_model_and_warned_of(name, shape):
    cube, at = planted("noise", shape)
    with pytest.warns(DataWarning, match=r"shrunk towards the identity by 0\.\d+ \(OAS\)"):
        model = oddspec.fit(cube, name, **({"components": 200} if name == "pca_rx" else {}))
    assert 0 < model.fitted.health.shrinkage < 1
    assert "shrunk towards the identity by" in " ".join(model.fitted.health.notes)
    assert oddspec.detect(cube, model).argmax() == at[0] * shape[1] + at[1]


def test_gains_and_offsets_of_bands_change_nothing_where_it_is_shrunk(rng):
    cube, _ = planted("mixtures", (6, 5, 30))
    gains, offsets = 10.0 ** rng.uniform(-3, 3, 30), rng.uniform(-50, 50, 30)
    with pytest.warns(DataWarning, match="shrunk"):
        expected, scores = oddspec.detect(cube), oddspec.detect(cube * gains + offsets)
    np.testing.assert_allclose(scores, expected, rtol=1e-8)


def test_a_shrunk_model_is_kept_and_applied(tmp_path):
    cube, _ = planted("noise", (12, 12, 200))
    with pytest.warns(DataWarning, match="shrunk"):
        model = oddspec.fit(cube)
    model.save(tmp_path / "model.npz")
    again = oddspec.load_model(tmp_path / "model.npz")
    assert again.fitted.health == model.fitted.health
    np.testing.assert_array_equal(oddspec.detect(cube, again), oddspec.detect(cube, model))


def test_the_command_line_tells_the_report_and_the_record_too(tmp_path, capsys):
    cube, _ = planted("noise", (12, 12, 200))
    np.save(tmp_path / "few.npy", cube)
    out = tmp_path / "out"
    assert main(["detect", str(tmp_path / "few.npy"), "--out", str(out), "--progress", "none"]) == 0
    told = capsys.readouterr().err
    assert "warning: few.npy: 144 pixels in 200 bands span 143 directions" in told
    record = json.loads((out / "few" / "run.json").read_text())
    assert 0 < record["covariance"]["shrinkage"] < 1
    assert "shrunk towards the identity" in (out / "few" / "report.html").read_text()


def test_a_look_at_a_scene_shrinks_nothing_and_warns_of_nothing():
    cube, _ = planted("noise", (12, 12, 200))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = survey(Scene.of(ArraySource(cube)))
    assert found.health.shrinkage == 0
    assert "all of them lie equally far" in " ".join(found.notes)


def _background(scores):
    class Fitted:
        def score(self, pixels):
            return scores.ravel()[: len(pixels)]

    class Stub(detectors.load("rx")):
        def fit(self, summary, progress=None):
            return Fitted()

    return Stub()


def _window(scores):
    class Stub(detectors.load("local_rx")):
        def score_tile(self, tile):
            return scores[slice(*tile.rows), slice(*tile.columns)]

    return Stub(guard=1, outer=3)


def _whole(scores):
    class Stub(detectors.load("rpca")):
        def examine(self, cube, valid, progress=None):
            return SceneResult(scores)

    return Stub()


@pytest.mark.parametrize("kind", [_background, _window, _whole])
@pytest.mark.parametrize("offsets", ["equal", "rounding", "more"])
def test_nearly_equal_scores_are_told_for_every_kind_of_detector(rng, kind, offsets):
    steps = {"equal": 0.0, "rounding": 1e-11, "more": 1e-6}[offsets]
    cube = rng.normal(size=(9, 8, 3))
    detector = kind(7.0 + steps * np.arange(72.0).reshape(9, 8))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(Scene.of(ArraySource(cube)), detector, ScoreArray(9, 8), Resources(workers=2))
    told = [str(w.message) for w in caught if "all pixels have the same score, 7" in str(w.message)]
    assert len(told) == (offsets != "more")
    assert all(("but for rounding" in text) == (offsets == "rounding") for text in told)


def test_windows_learn_nothing_from_a_whole_scene_and_say_nothing_of_its_size(rng):
    assert issubclass(detectors.load("crd"), WindowDetector)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        oddspec.detect(rng.normal(size=(8, 8, 60)), "crd", guard=1, outer=5)
    assert not any("per band: a background" in str(warning.message) for warning in caught)


@pytest.mark.parametrize("shape", [(1, 200, 5), (200, 1, 5)])
def test_a_single_row_or_column_is_a_scene(rng, shape):
    cube = rng.normal(size=shape)
    cube[-1, -1] += 9
    scores = oddspec.detect(cube)
    assert scores.argmax() == 199
    pixels = cube.reshape(-1, 5)
    centred = pixels - pixels.mean(axis=0)
    inverse = np.linalg.inv(np.cov(pixels.T))
    np.testing.assert_allclose(scores.ravel(), np.einsum("ib,bc,ic->i", centred, inverse, centred))


def test_one_pixel_is_an_error(rng):
    with (
        pytest.warns(DataWarning, match="constant bands"),
        pytest.raises(InputError, match="1 valid pixels: a background needs at least 2"),
    ):
        oddspec.detect(rng.normal(size=(1, 1, 5)))
    with pytest.raises(InputError, match="1 rows and 9 columns, too few for outer="):
        oddspec.detect(rng.normal(size=(1, 9, 5)), "local_rx")
