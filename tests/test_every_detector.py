"""The contract: what every detector must do, whatever it is."""

import ast
import dataclasses
import functools
import inspect
import warnings

import numpy as np
import pytest
from scipy import stats

import oddspec
from cubes import SEED, make_cube
from oddspec import detectors, settings
from oddspec.detector import SceneDetector
from oddspec.errors import InputError, SettingError
from oddspec.execution import run, tiles
from oddspec.execution.score_store import ScoreArray
from oddspec.io.source import ArraySource
from oddspec.models import fitted_class
from oddspec.products.insights import draw_insight
from oddspec.scene import Scene

# Windows that fit the small test scenes, one short training where the default averages several, and
# small networks where the default ones take minutes; nothing else is set for any detector here.
# With spectra to spare a factorization explains the odd pixel of a small cube as well.
THREE_MATERIALS = {"rank": 3}

SMALL = {
    **dict.fromkeys(("nmf", "l1nmf", "rnmf", "ewnmf"), THREE_MATERIALS),
    "lrasr": {"clusters": 4, "nearest": 6},
    "pab_dc": {"anomalies": 0.1, "sparsity": 30.0},
    "local_rx": {"guard": 3, "outer": 9},
    "crd": {"guard": 3, "outer": 7},
    "lren": {"runs": 1, "steps": 200},
    "sparsehad": {"runs": 1, "steps": 400},
    "aae": {"hidden": 40, "critic": 24, "steps": 60, "sample": 700, "learning_rate": 1e-3},
    "safl_rx": {"hidden": 40, "critic": 24, "steps": 80, "sample": 700, "learning_rate": 1e-3},
    "auto_ad": {"channels": 8, "iterations": 100},
    "cnn": {"channels": 8, "bottleneck": 3, "iterations": 60},
    "bsdm": {"steps": 10, "removals": 1, "sample": 700},
    "msnet": {"rounds": 2, "steps": 40, "selected": 5},
}

FEWER_THAN_BANDS = {"pca_rx": {"components": 5}, "lsmad": {"rank": 5}}
"""The defaults keep all directions of the 12 bands here, and nothing depends on what they are."""

NAMES = detectors.names()


def detect(cube, name, **more):
    return oddspec.detect(cube, name, **SMALL.get(name, {}), **more)


@functools.cache
def examined(name):
    """Scores of the cube that the fixture makes, and what the model found; computed once."""
    cube = make_cube(np.random.default_rng(SEED))
    store = ScoreArray(*cube.shape[:2])
    detector = settings.build(detectors.load(name), SMALL.get(name, {}))
    return store.scores, run.run(Scene.of(ArraySource(cube)), detector, store).insights


def known(name):
    return examined(name)[0]


def _docstring_in_the_file(cls):
    """As it is written, without what is added of the bases' settings."""
    tree = ast.parse(inspect.getsource(cls))
    return ast.get_docstring(tree.body[0])


@pytest.mark.parametrize("name", NAMES)
class TestContract:
    def test_shape_and_finiteness(self, name, cube):
        scores = known(name)
        assert scores.shape == cube.shape[:2]
        assert scores.dtype == np.float64
        assert np.isfinite(scores).all()
        assert np.ptp(scores) > 0

    def test_an_odd_pixel_ranks_high(self, name, cube):
        scores = known(name)
        assert (scores > scores[9, 13]).sum() < 3

    def test_a_scene_of_masked_pixels_is_refused(self, name):
        with pytest.raises(InputError, match="valid"):
            detect(np.full((24, 26, 12), np.nan), name)

    def test_a_scene_of_equal_pixels_is_refused_or_warned_of(self, name):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                scores = detect(np.full((24, 26, 12), 3.0), name)
            except (InputError, SettingError):
                return
        assert any("all pixels have the same score" in str(w.message) for w in caught)
        assert np.ptp(scores) == 0

    def test_the_input_is_untouched(self, name, cube):
        before = cube.copy()
        detect(cube, name)
        np.testing.assert_array_equal(cube, before)

    def test_same_settings_same_scores(self, name, cube):
        np.testing.assert_array_equal(detect(cube, name), known(name))

    @pytest.mark.parametrize("scale", [1e-9, 1e9])
    def test_units_do_not_change_the_ranking(self, name, cube, scale):
        expected, scaled = known(name), detect(cube * scale, name)
        order = np.argsort(expected, axis=None)
        assert np.corrcoef(np.argsort(order), np.argsort(np.argsort(scaled, axis=None)))[0, 1] > (
            1 - 1e-6
        )

    def test_it_says_whether_it_depends_on_gains_and_offsets_of_bands(self, name, cube):
        fewer = FEWER_THAN_BANDS.get(name, {})
        expected = detect(cube, name, **fewer) if fewer else known(name)
        rng = np.random.default_rng(3)
        gains = np.exp(rng.uniform(-4, 4, cube.shape[2]))
        offsets = gains * rng.uniform(-1, 1, cube.shape[2]) * np.ptp(cube)
        changed = detect(cube * gains + offsets, name, **fewer)
        alike = stats.spearmanr(expected, changed, axis=None).statistic
        if detectors.load(name)().affine_invariant:
            assert alike > 1 - 1e-6
        else:
            assert alike < 0.999

    def test_any_real_type_is_cast_and_never_wraps(self, name, rng):
        cube = make_cube(rng).round()
        cube[5, 5] -= 2000
        expected = detect(cube, name)
        for kind in (np.int16, np.float32, ">i4"):
            np.testing.assert_array_equal(detect(cube.astype(kind), name), expected)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_invalid_pixels_come_out_nan_and_influence_no_other(self, name, cube, bad):
        holes = [(0, 0), (9, 12), (20, 25)]
        small, large = cube.copy(), cube.copy()
        for r, c in holes:
            small[r, c], large[r, c] = bad, 1e30
            small[r, c, 1:] = 1.0
        scores = detect(small, name)
        assert np.isnan(scores).sum() == len(holes)
        assert all(np.isnan(scores[hole]) for hole in holes)
        np.testing.assert_array_equal(scores, detect(large, name, nodata=1e30))

    def test_tiles_and_workers_do_not_change_a_bit(self, name, rng, monkeypatch):
        if issubclass(detectors.load(name), SceneDetector):
            pytest.skip("works on the whole scene by definition")
        cube = make_cube(rng, 150, 70, 12)
        one = detect(cube, name, workers=1)
        np.testing.assert_array_equal(one, detect(cube, name, workers=3))
        monkeypatch.setattr(tiles, "TILE_BYTES", 2e6)
        monkeypatch.setattr(tiles, "WINDOW_SIDES", (23,))
        np.testing.assert_array_equal(one, detect(cube, name, workers=2))

    def test_what_is_fitted_can_be_kept_and_applied(self, name, cube, rng, tmp_path):
        cls = detectors.load(name)
        if fitted_class(cls) is None:
            with pytest.raises(SettingError, match="fits nothing"):
                oddspec.fit(cube, name, **SMALL.get(name, {}))
            return
        model = oddspec.fit(cube, name, **SMALL.get(name, {}))
        model.save(tmp_path / "model.npz")
        again = oddspec.load_model(tmp_path / "model.npz")
        assert again.detector == model.detector
        assert again.digest == model.digest
        other = cube[23::-1][:23].copy()
        other[3, 4] = rng.uniform(100, 1000, 12)
        scores = oddspec.detect(other, model)
        np.testing.assert_array_equal(scores, oddspec.detect(other, again))
        assert (scores > scores[3, 4]).sum() < other[..., 0].size // 2
        if not issubclass(cls, SceneDetector):
            np.testing.assert_array_equal(oddspec.detect(cube, again), known(name))

    def test_it_says_what_a_score_is(self, name):
        unit = detectors.load(name)().score_unit
        assert unit
        assert not unit.endswith(".")

    def test_insights_have_a_name_and_a_label_each(self, name):
        insights = examined(name)[1]
        names = [insight.name for insight in insights]
        assert len(set(names)) == len(names)
        for insight in insights:
            assert insight.label
            assert not insight.label.lower().startswith(insight.name.replace("_", " ") + ":")
            assert not insight.label.endswith("."), "captions end with one of their own"

    def test_insights_fit_the_scene_and_can_be_drawn(self, name):
        scene = Scene.of(ArraySource(make_cube(np.random.default_rng(SEED))))
        height, width, bands = scene.shape
        for insight in examined(name)[1]:
            if insight.kind == "spectra":
                assert insight.values.shape[1] == bands
            if insight.kind == "maps":
                assert insight.values.shape[:2] == (height, width)
            assert (draw_insight(insight, scene) is None) == (insight.kind == "values")

    def test_no_setting_has_the_name_of_an_argument_of_detect(self, name):
        given = set(inspect.signature(oddspec.detect).parameters)
        assert not given & {setting.name for setting in settings.describe(detectors.load(name))}

    def test_settings_survive_toml(self, name):
        cls = detectors.load(name)
        detector = settings.build(cls, SMALL.get(name, {}))
        assert settings.from_toml(cls, settings.to_toml(detector)) == detector

    def test_settings_are_frozen_and_documented(self, name):
        cls = detectors.load(name)
        assert cls.__dataclass_params__.frozen
        for setting in settings.describe(cls):
            assert setting.help, f"{name}: {setting.name} lacks an entry under Parameters"
            assert setting.default is not dataclasses.MISSING, "everything has a default"

    def test_help_shows_every_setting_and_no_source_repeats_one(self, name):
        cls = detectors.load(name)
        shown = settings.parameters_help(inspect.getdoc(cls))
        known = {setting.name: setting.help for setting in settings.describe(cls)}
        assert shown == known
        written = settings.parameters_help(_docstring_in_the_file(cls))
        for base in cls.__mro__[1:]:
            inherited = settings.parameters_help(inspect.cleandoc(vars(base).get("__doc__") or ""))
            assert not written.items() & inherited.items(), f"{base.__name__} says so already"

    def test_the_docstring_names_its_source(self, name):
        cls = detectors.load(name)
        doc = inspect.getdoc(cls)
        assert "References" in doc
        assert "doi:10." in doc
        assert cls.reference
        assert cls.cost


@pytest.mark.parametrize(
    ("name", "size"), [("frfe", 12), ("bsdm", 12), ("safl_rx", 20), ("sparsehad", 12)]
)
def test_the_health_told_is_of_the_covariance_that_scores(name, size, cube):
    fitted = oddspec.fit(cube, name, **SMALL.get(name, {})).fitted
    assert fitted.health.bands == size
    gaussian = getattr(fitted, "gaussian", None) or fitted.gaussians[0]
    assert fitted.health.rank == gaussian.whitening.shape[1]
