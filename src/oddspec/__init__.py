"""Hyperspectral anomaly detection: find the spectra that do not belong."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from oddspec import _moved

if TYPE_CHECKING:
    from oddspec.api import detect, fit, open
    from oddspec.detectors import DetectorsFolder, list_detectors
    from oddspec.metrics import evaluate
    from oddspec.models import Model, load_model
    from oddspec.study import StudyFolder, run_study

    # Folders that can be called: a type checker takes a folder for a plain module.
    detectors: DetectorsFolder
    study: StudyFolder

__version__ = "0.1.0"
__all__ = [
    "Model",
    "__version__",
    "detect",
    "detectors",
    "evaluate",
    "fit",
    "list_detectors",
    "load_model",
    "open",
    "run_study",
    "study",
]

_HOMES = {
    "Model": "oddspec.models",
    "detect": "oddspec.api",
    "evaluate": "oddspec.metrics",
    "fit": "oddspec.api",
    "list_detectors": "oddspec.detectors",
    "load_model": "oddspec.models",
    "open": "oddspec.api",
    "run_study": "oddspec.study",
}
"""Module of each public name."""

_moved.install()


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that ``import oddspec`` is instant."""
    if name in _HOMES:
        globals()[name] = found = getattr(import_module(_HOMES[name]), name)
        return found
    if name in ("detectors", "study"):
        return import_module(f"oddspec.{name}")  # folders that can be called
    raise AttributeError(f"module 'oddspec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
