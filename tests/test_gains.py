"""Gains and offsets that a file declares: applied where a detector depends on them, and told."""

import json
import warnings

import numpy as np
import pytest
import rasterio
from scipy import stats

import oddspec
from oddspec.command import main
from oddspec.detector import SceneDetector
from oddspec.detectors import load
from oddspec.errors import DataWarning, InputError
from oddspec.execution.resources import held
from oddspec.execution.score_store import Partial
from oddspec.io.gains import BandGains
from oddspec.io.open import open_source
from oddspec.io.source import ArraySource, Metadata
from oddspec.pipeline import PipelineOptions, detect_scene
from oddspec.pipeline.options import run_identity
from oddspec.scene import Scene
from oddspec.study.perform import perform
from oddspec.survey import survey

APPLIED = "gains or offsets that the file declares were applied to the bands"
LEFT_OUT = "gains or offsets that the file declares were not applied"
RING = {"guard": 3, "outer": 7}
GAINS = np.geomspace(1e-4, 2e-3, 12)
OFFSETS = np.linspace(-0.1, 0.1, 12)


def save(path, stored, gains=GAINS, offsets=OFFSETS):
    """An ENVI scene of stored numbers that declares these."""
    h, w, b = stored.shape
    path.with_suffix(".img").write_bytes(np.ascontiguousarray(stored, "<i2").tobytes())
    lists = {"data gain values": gains, "data offset values": offsets}
    lines = [
        f"{name} = {{{', '.join(map(repr, numbers.tolist()))}}}"
        for name, numbers in lists.items()
        if numbers is not None
    ]
    layout = f"samples = {w}\nlines = {h}\nbands = {b}\ndata type = 2\ninterleave = bip"
    path.write_text("\n".join(["ENVI", layout, "byte order = 0", *lines, ""]))
    return path


@pytest.fixture
def stored(cube):
    """The usual cube, as a file stores it that declares the gains above."""
    return np.rint((cube / 1000 - OFFSETS) / GAINS).astype(np.int16)


@pytest.fixture
def path(stored, tmp_path):
    return save(tmp_path / "scene.hdr", stored)


@pytest.fixture
def values(stored):
    """What the file's numbers stand for."""
    return stored * GAINS + OFFSETS


def told(work):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = work()
    return found, [str(w.message) for w in caught if issubclass(w.category, DataWarning)]


@pytest.mark.parametrize(
    ("name", "settings"),
    [("crd", RING), ("local_rx", RING), ("nmf", {"rank": 3}), ("pca_rx", {"components": 5})],
)
def test_a_detector_that_depends_on_them_sees_values(path, stored, values, name, settings):
    scores, notes = told(lambda: oddspec.detect(path, name, **settings))
    np.testing.assert_array_equal(scores, oddspec.detect(values, name, **settings))
    assert sum(APPLIED in note for note in notes) == 1
    without, notes = told(lambda: oddspec.detect(path, name, use_gains=False, **settings))
    np.testing.assert_array_equal(without, oddspec.detect(stored, name, **settings))
    assert sum(LEFT_OUT in note for note in notes) == 1
    assert stats.spearmanr(scores, without, axis=None).statistic < 0.99


def test_a_detector_that_does_not_gets_numbers_as_they_are_stored(path, stored):
    scores, notes = told(lambda: oddspec.detect(path, "rx"))
    np.testing.assert_array_equal(scores, oddspec.detect(stored, "rx"))
    assert not any("gains" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "other"),
    [("lrasr", "max1"), ("lsdm_mog", "global01"), ("lsdm_mog", "globalz"), ("lren", "scene")],
)
def test_another_scaling_makes_detectors_dependent(name, other):
    assert load(name)().affine_invariant
    assert not load(name)(scaling=other).affine_invariant


def test_detectors_that_do_not_say_see_values(path):
    class Own(SceneDetector):
        def examine(self, cube, valid, progress=None):
            raise NotImplementedError

        def memory(self, height, width, bands):
            return 0

    with oddspec.open(path) as scene:
        assert scene.gains is None
        assert scene.suited_to(Own()).gains is not None


def test_a_gain_below_zero_is_always_applied(tmp_path, stored):
    gains = np.where(np.arange(12) == 3, -GAINS, GAINS)
    with oddspec.open(save(tmp_path / "below.hdr", stored, gains)) as scene:
        assert scene.suited_to(load("rx")()).gains.gains[3] < 0


def test_an_opened_scene_is_told_of_once(path):
    scene, notes = told(lambda: oddspec.open(path))
    assert not any("gains" in note for note in notes)
    _, notes = told(lambda: oddspec.detect(scene, "crd", **RING))
    assert len(notes) == 1
    assert APPLIED in notes[0]
    scene.close()
    with pytest.raises(InputError, match="has its use_gains already"):
        oddspec.detect(scene, use_gains=False)


def test_tiles_do_not_change_a_bit(path, values, monkeypatch):
    monkeypatch.setattr("oddspec.execution.tiles.WINDOW_SIDES", (9,))
    scores = oddspec.detect(path, "crd", workers=2, **RING)
    np.testing.assert_array_equal(scores, oddspec.detect(values, "crd", **RING))


def test_the_survey_looks_at_stored_numbers_and_states_values(stored, tmp_path):
    stored[2, 4:15] = np.iinfo(np.int16).max
    stored[4, 4] = 700  # one number in every band, which gains make a spectrum
    path = save(tmp_path / "scene.hdr", stored)
    with Scene.of(open_source(path)) as scene:
        plain, found = survey(scene), survey(scene.suited_to(load("crd")()))
        assert (found.saturated, found.flat) == (plain.saturated, plain.flat) == (11, 12)
        assert plain.largest == np.iinfo(np.int16).max
        assert found.largest == pytest.approx((np.iinfo(np.int16).max * GAINS + OFFSETS).max())


def test_gains_that_lead_too_far(stored):
    cube = stored.astype(np.float64)
    cube[0, 0] = 1e139
    cube[3, 3] = 1e300
    source = ArraySource(cube, Metadata(gains=BandGains(np.full(12, 1e20), np.zeros(12))))
    scene = Scene.of(source).suited_to(load("crd")())
    with pytest.raises(InputError, match=r"its gains and offsets lead to 1e\+159"):
        scene.read((0, 2), (0, 2))
    source.array[0, 0, 0] = np.nan
    cube, valid = Scene.of(source, nodata=1e300).suited_to(load("crd")()).read((0, 4), (0, 4))
    assert valid.sum() == 14
    assert np.abs(cube).max() < 1e26


# Models


@pytest.mark.parametrize("name", ["rx", "pca_rx"])
def test_a_model_sees_the_values_that_it_was_fitted_to(name, path, stored, values, tmp_path):
    model = oddspec.fit(path, name)
    model.save(tmp_path / "model.npz")
    again = oddspec.load_model(tmp_path / "model.npz")
    assert again.digest == model.digest
    expected = oddspec.detect(path, name)
    np.testing.assert_array_equal(oddspec.detect(path, again), expected)
    # The same scene by other gains, and in values that need none.
    other = save(tmp_path / "other.hdr", 2 * stored, GAINS / 2, OFFSETS)
    said = []
    for scene in (other, values):
        scores, notes = told(lambda scene=scene: oddspec.detect(scene, again))
        np.testing.assert_allclose(scores, expected, rtol=1e-6)
        said += notes
    assert not any("deviations apart" in note for note in said)
    assert any("values are those that the model knows" in note for note in said)


def test_a_model_of_values_leaves_values_alone(path, values):
    model = oddspec.fit(values, "rx")
    scores, notes = told(lambda: oddspec.detect(path, model))
    np.testing.assert_array_equal(scores, oddspec.detect(values, model))
    assert sum("the model knows" in note for note in notes) == 1
    with (
        pytest.warns(DataWarning, match=LEFT_OUT),
        pytest.raises(InputError, match="units of that one"),
    ):
        oddspec.detect(path, model, use_gains=False)


def test_a_model_of_before_gets_stored_numbers_and_that_is_told(path, stored, tmp_path):
    model = oddspec.fit(stored, "pca_rx")
    old = oddspec.models.Model(model.name, model.detector, model.fitted, model.bands)
    scores, notes = told(lambda: oddspec.detect(path, old))
    np.testing.assert_array_equal(scores, oddspec.detect(stored, "pca_rx"))
    assert sum("the model is of an earlier version" in note for note in notes) == 1


@pytest.mark.parametrize(
    "gains", [BandGains.none(11), BandGains(np.zeros(12), np.zeros(12)), BandGains.none(0)]
)
def test_gains_of_a_model_that_are_damaged(path, gains, tmp_path):
    model = oddspec.fit(path, "rx")
    object.__setattr__(model, "gains", gains)
    model.save(tmp_path / "model.npz")
    with pytest.raises(InputError, match="this saved model is damaged"):
        oddspec.load_model(tmp_path / "model.npz")


# The command line


def test_runs_with_and_without_are_not_mixed(path, tmp_path):
    detector = load("crd")(**RING)
    options = PipelineOptions(resume=True)
    with Scene.of(open_source(path)) as scene:
        plain = run_identity(scene, "crd", detector, options)
        applied = run_identity(scene.suited_to(detector), "crd", detector, options)
        Partial(tmp_path / "out" / "scene", scene.shape[:2], plain, resume=False).close()
    # Scenes without gains have the identity that they always had.
    assert "gains" not in plain
    assert applied == plain | {"gains": applied["gains"]}
    with pytest.raises(InputError, match="the interrupted run there had gains = None"):
        detect_scene(path, tmp_path / "out", "crd", detector, options)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_what_is_written_says_so(path, stored, tmp_path, capsys):
    for flags, applied in (([], True), (["--no-gains"], False)):
        out = tmp_path / ("with" if applied else "without")
        detect = ["detect", str(path), "--detector", "pca_rx", "--out", str(out)]
        more = ["--set", "components=5", "--progress", "none"]
        assert main([*detect, *more, *flags]) == 0
        assert (APPLIED if applied else LEFT_OUT) in capsys.readouterr().err
        record = json.loads((out / "scene" / "run.json").read_text())
        assert record["scene"]["gains_declared"]["gains"] == pytest.approx(GAINS.tolist())
        assert (record["scene"]["gains_applied"] is not None) == applied
        assert any((APPLIED if applied else LEFT_OUT) in note for note in record["notes"])
        page = (out / "scene" / "report.html").read_text()
        assert ("applied to the values" if applied else "declared, not applied") in page
        with rasterio.open(out / "scene" / "scores.tif") as file:
            assert file.tags()["values"] == (
                "value with gains applied" if applied else "stored value"
            )


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_spectra_are_in_the_values_that_the_detector_saw(path, values, tmp_path):
    options = PipelineOptions(threshold="top", fraction=0.01)
    spectra = detect_scene(path, tmp_path, "pca_rx", load("pca_rx")(), options).products.spectra
    assert spectra.value_label == "value with gains applied"
    np.testing.assert_allclose(spectra.background_mean, values.mean(axis=(0, 1)), rtol=0.01)


def test_info_says_what_is_declared(path, stored, tmp_path, capsys):
    assert main(["info", str(path)]) == 0
    said = "gains         0.0001 to 0.002, offsets -0.1 to 0.1; applied where a detector depends"
    assert said in capsys.readouterr().out
    assert main(["info", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["gains"]
    assert found["offsets"] == pytest.approx(OFFSETS.tolist())
    assert main(["info", str(path), "--no-gains"]) == 0
    assert "offsets -0.1 to 0.1; not applied" in capsys.readouterr().out
    plain = save(tmp_path / "plain.hdr", stored, None, None)
    assert main(["info", str(plain)]) == 0
    assert "gains         none declared" in capsys.readouterr().out


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_studies_apply_them_too(noise, path, stored, values, tmp_path):
    truth = np.zeros(stored.shape[:2], np.uint8)
    truth[9, 13] = 1
    np.save(tmp_path / "truth.npy", truth)
    np.save(tmp_path / "values.npy", values)
    maps = []
    for cube in (path, tmp_path / "values.npy"):
        maps.append(tmp_path / f"map{len(maps)}.npy")
        task = dict.fromkeys(("detector_sha256", "cube_variable", "truth_variable"))
        task |= {"source": "pca_rx", "settings": {"components": 5}, "cube": str(cube)}
        task |= {"truth": tmp_path / "truth.npy", "noise": noise, "noise_seed": 0, "thresholds": []}
        found = perform(task | {"map": maps[-1], "max_memory": held() + 10**9})
        assert found["status"] == "done", found["reason"]
    np.testing.assert_array_equal(*map(np.load, maps))
