"""Hyperspectral anomaly detection: find the spectra that do not belong."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oddspec import detectors
    from oddspec.api import detect, open
    from oddspec.metrics import evaluate

__version__ = "0.1.0"
__all__ = ["__version__", "detect", "detectors", "evaluate", "open"]

_HOMES = {
    "detect": "oddspec.api",
    "evaluate": "oddspec.metrics",
    "open": "oddspec.api",
}


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that ``import oddspec`` is instant."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "detectors":
        return import_module("oddspec.detectors")
    raise AttributeError(f"module 'oddspec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
