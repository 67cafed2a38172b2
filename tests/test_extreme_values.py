"""Values whose squares are infinite are refused; whatever is below is computed with."""

import warnings

import numpy as np
import pytest

import oddspec
from oddspec import detectors
from oddspec.command import main
from oddspec.errors import InputError
from oddspec.scene import LARGEST
from test_every_detector import detect

SLOW = ("aae", "auto_ad", "bsdm", "cnn", "msnet", "safl_rx", "sparsehad", "lrr_net_plus", "pab_dc")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in detectors.names()],
)
def test_large_values_are_scored(name, cube):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        scores = detect(cube * (0.9 * LARGEST / np.abs(cube).max()), name)
    assert np.isfinite(scores).all()
    assert (scores > scores[9, 13]).sum() < 3


@pytest.mark.parametrize("value", [1e153, -1e153, 1e160, np.finfo(float).max, np.finfo(float).min])
@pytest.mark.parametrize("name", ["rx", "local_rx", "nmf", "lrr"])
def test_values_beyond_are_refused_in_a_sentence(name, cube, value):
    with pytest.raises(InputError, match="too large to be squared"):
        detect(cube / np.abs(cube).max() * value, name)
    cube[3, 4, 5] = value
    with pytest.raises(InputError, match=r"is too large to be squared; .*--nodata"):
        detect(cube, name)


def test_what_the_sentence_advises_helps(tmp_path, cube, capsys):
    scene = tmp_path / "scene.npy"
    cube[:2] = np.finfo(float).min
    np.save(scene, cube)
    words = ["detect", str(scene), "--out", str(tmp_path / "out"), "--progress", "none"]
    assert main(words) == 2
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    advised = said[said.index("--nodata ") : said.index(")")].split()
    assert main([*words, *advised]) == 0


def test_masked_values_may_be_anything(cube):
    cube[3, 4] = 1e200
    cube[5, 6, 1] = np.inf
    scores = oddspec.detect(cube, "rx", nodata=1e200)
    assert np.isnan(scores[[3, 5], [4, 6]]).all()
    assert np.isnan(scores).sum() == 2
