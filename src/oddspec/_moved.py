"""Modules under the names that they had before: they still import, with a deprecation warning.

Detector files of users import from here and there in the package. ``import oddspec`` puts a finder
before Python's own ones: once ``oddspec.files`` stands for `oddspec.io`, they would look for
``oddspec.files.open`` in the folder of `oddspec.io`, and load that module a second time.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_TABLE = """
archive               io.npz
aside                 io.atomic
blas                  statistics.blas
brad                  statistics.residual_scores
budget                execution.resources
checksum              io.checksum
device                arrays
families.adversarial  detectors.learned._adversarial
families.factorized   detectors.factorization._factorized
families.in_memory    execution.in_memory
families.losses       detectors._sampled
families.pictured     detectors.learned._scene_reconstruction
families.sampled      detectors._sampled
families.shifted_windows  detectors.representation._shifted_windows
families.unfolded     detectors.learned._unfolded
families.weighted     detectors.factorization._weighted
files                 io
files.dataarray       io.dataarray
files.geotiff         io.geotiff
files.open            io.open
files.source          io.source
files.truth           io.truth
job                   pipeline
learning              networks
learning.images       networks.images
learning.networks     networks.dense
learning.products     networks.dense
learning.threads      networks.train
learning.train        networks.train
linalg                statistics.gaussian
local_mahalanobis     statistics.local_gaussian
lock                  io.lock
memory                execution.tiles
pixels                statistics.pixels
ranges                settings
resume                execution.score_store
run                   execution.run
scaling               statistics.scaling
sink                  execution.score_store
solvers.balance       solvers.scene_weights
solvers.columns       solvers.nmf
solvers.godec         detectors.decomposition.lsmad.godec
solvers.lrr           detectors.learned.lren.lrr
solvers.rednmf        detectors.factorization.rednmf.solver
solvers.rpca          detectors.decomposition.rpca.solver
solvers.spectral      solvers.prox
study_report          study.report
summary               statistics.summary
threshold.distributions  statistics.distributions
tiles                 execution.tiles
two_passes            execution.run
workers               execution.executors
"""

MOVED = {
    f"oddspec.{old}": f"oddspec.{new}" for old, new in map(str.split, _TABLE.strip().splitlines())
}
"""Old names to new ones."""

_GONE = "oddspec.families"
"""A folder of old names that none took the place of."""


def _new_name(old: str) -> str | None:
    """Where a module is now; a file of a moved folder lies under the folder's new name."""
    folder, _, name = old.rpartition(".")
    return MOVED.get(old) or (f"{MOVED[folder]}.{name}" if folder in MOVED else None)


class _Alias:
    """Hands out the module that stands under the new name."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        new = _new_name(spec.name)
        if new is None:
            return ModuleType(spec.name)
        # Python leaves its own frames out: level 2 is where the import statement stands.
        warnings.warn(
            f"{spec.name} is now {new}; the old name will go away", DeprecationWarning, stacklevel=2
        )
        found = import_module(new)
        self.spec = found.__spec__
        return found

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is executed twice; the module is told its own name again."""
        module.__spec__ = getattr(self, "spec", module.__spec__)


class _Finder:
    """Knows the old names."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """The alias of an old name, and nothing else."""
        new = _new_name(fullname)
        if fullname == _GONE or fullname in MOVED or (new is not None and find_spec(new)):
            # No subclasses of importlib.abc: to import that takes as long as all of oddspec.
            alias: Any = _Alias()
            return ModuleSpec(fullname, alias, is_package=fullname == _GONE)
        return None


def install() -> None:
    """Let the old names be imported."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
