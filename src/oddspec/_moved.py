"""Modules under the names that they had before: they still import, with a deprecation warning.

Detector files of users import from here and there in the package. ``import oddspec`` puts a finder
behind Python's own finders, so that only names that no longer exist come here.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["MOVED", "install"]

_TABLE = """
archive               io.npz
aside                 io.atomic
blas                  statistics.blas
brad                  statistics.residual_scores
budget                execution.resources
checksum              io.checksum
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
learning              networks
learning.images       networks.images
learning.networks     networks.dense
learning.train        networks.train
linalg                statistics.gaussian
local_mahalanobis     statistics.local_gaussian
lock                  io.lock
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
tiles                 execution.tiles
workers               execution.executors
"""

MOVED = {
    f"oddspec.{old}": f"oddspec.{new}" for old, new in map(str.split, _TABLE.strip().splitlines())
}
"""Old names to new ones."""


_PACKAGES = {name.rpartition(".")[0] for name in MOVED} - {"oddspec"}


class _Alias(Loader):
    """Hands out the module that stands under the new name."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        if spec.name not in MOVED:  # the folder of old names, such as oddspec.families
            return ModuleType(spec.name)
        new = MOVED[spec.name]
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


class _Finder(MetaPathFinder):
    """Knows the old names."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The alias of an old name, and nothing else."""
        if fullname in MOVED or fullname in _PACKAGES:
            return ModuleSpec(fullname, _Alias(), is_package=fullname in _PACKAGES)
        return None


def install() -> None:
    """Let the old names be imported."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
