"""Importing is quick and light."""

import subprocess
import sys
import time

HEAVY = ("torch", "dask", "matplotlib", "rasterio", "xarray", "pyogrio", "scipy", "h5py", "pandas")


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_import_pulls_in_nothing_heavy():
    show = f"print([m for m in {HEAVY!r} if m in sys.modules])"
    loaded = python(f"import sys, oddspec; oddspec.detectors(); {show}")
    # SciPy and NumPy come with the detectors' base classes; the others only when they are needed.
    assert [name for name in eval(loaded) if name not in ("scipy", "h5py", "pandas")] == []
    bare = python(f"import sys, oddspec; {show}")
    assert eval(bare) == []


def test_import_takes_under_300_ms():
    def once() -> float:
        start = time.perf_counter()
        python("import oddspec")
        total = time.perf_counter() - start
        start = time.perf_counter()
        python("pass")
        return total - (time.perf_counter() - start)

    assert min(once() for _ in range(3)) < 0.3


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom oddspec.command import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    assert python(code).splitlines()[-1] == "[]"


def test_without_pytorch_every_detector_works_or_says_on_loading_that_it_needs_it():
    code = """
import sys, warnings
sys.modules["torch"] = None
import numpy as np, oddspec
from oddspec.errors import SettingError
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
cube = rng.dirichlet(np.ones(3), (30, 30)) @ rng.uniform(1, 2, (3, 12))
cube += rng.normal(0, 0.01, cube.shape)
refused = []
for name in oddspec.detectors():
    try:
        oddspec.detect(cube, name)
    except SettingError as error:
        assert f"{name} needs PyTorch" in str(error), error
        refused.append(name)
print(" ".join(refused))
"""
    refused = python(code).split()
    assert {"lren", "sparsehad", "lrr_net", "lrr_net_plus"} <= set(refused)
    assert not {"rx", "lrr", "rednmf"} & set(refused)
