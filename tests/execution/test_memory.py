"""What detectors state that they need against what their processes take at the most."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from oddspec.detectors import list_detectors

SLACK = 50_000_000
"""Bytes that the libraries' own buffers may take."""

QUICK = {"rx", "rpca", "crd"}
"""One of each kind; the others are measured by `make test-all`."""

NOT_COUNTED = {"bsdm", "lrr_net", "lrr_net_plus"}
"""Their networks' training takes some 60 MB more than what they state, which is the sample's."""


def marks(name):
    rare = [] if name in QUICK else [pytest.mark.slow]
    return rare + [pytest.mark.xfail(reason="training is not counted")] * (name in NOT_COUNTED)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    rng = np.random.default_rng(0)
    cube = rng.dirichlet(np.ones(6), (128, 128)) @ rng.uniform(100, 1000, (6, 100))
    path = tmp_path_factory.mktemp("scene") / "cube.npy"
    np.save(path, (cube + rng.normal(0, 5, cube.shape)).astype(np.float32))
    return path


@pytest.mark.parametrize("name", [pytest.param(n, marks=marks(n)) for n in list_detectors()])
def test_a_run_takes_no_more_than_its_detector_states(scene, name):
    seconds = "4" if name in QUICK else "20"
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("peak.py"), name, scene, seconds],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    if not found["counted"]:
        pytest.skip("this system does not count peaks anew")
    assert found["peak"] < found["stated"] + max(0.1 * found["stated"], SLACK), found
