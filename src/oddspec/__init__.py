"""Hyperspectral anomaly detection: find the spectra that do not belong."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from oddspec import _moved

if TYPE_CHECKING:
    from oddspec import detectors, study
    from oddspec.api import detect, fit, open
    from oddspec.metrics import evaluate
    from oddspec.models import Model, load_model

__version__ = "0.1.0"
__all__ = [
    "Model",
    "__version__",
    "detect",
    "detectors",
    "evaluate",
    "fit",
    "load_model",
    "open",
    "study",
]

_HOMES = {
    "Model": "oddspec.models",
    "detect": "oddspec.api",
    "evaluate": "oddspec.metrics",
    "fit": "oddspec.api",
    "load_model": "oddspec.models",
    "open": "oddspec.api",
}

_moved.install()


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that ``import oddspec`` is instant."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in ("detectors", "study"):
        return import_module(f"oddspec.{name}")  # folders that can be called
    raise AttributeError(f"module 'oddspec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
