"""What a whole run takes of memory beside its detector: libraries, maps and pictures."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from oddspec.detector import Detector
from oddspec.execution.resources import resident
from oddspec.execution.run import SPARE
from oddspec.execution.tiles import check_budget, least_budget, needed
from oddspec.pipeline.options import PipelineOptions
from oddspec.scene import Scene

_LIBRARIES = (
    "rasterio.shutil",
    "rasterio.warp",
    "pyogrio.raw",
    "matplotlib.backends.backend_agg",
    "matplotlib.collections",
    "matplotlib.patheffects",
    "matplotlib.ticker",
    "scipy.sparse.csgraph",
    "jinja2",
    "PIL.Image",
)
"""What products and report import when they are written."""

_PICTURES = 120e6
"""Bytes that drawing takes at the most, whatever the scene: the quicklook of a wide one."""

_PER_PIXEL = 5
"""Bytes of the scores and the mask, which are on the disk: pages that have been read count."""

_PER_SORTED = 40
"""Bytes for each pixel where all scores are sorted: against a truth, or for Otsu's threshold."""

_PER_DETECTED = 200
"""Bytes for each pixel that is detected: places, scores and outlines."""


@cache
def _at_first() -> int:
    """Bytes of the process before its first scene, with all libraries."""
    for name in _LIBRARIES:
        import_module(name)
    return resident() or 0


def left_by_others() -> int:
    """Bytes that earlier scenes have left to this process, such as fonts: the next uses them.

    To be asked before a scene is opened. Also loads the libraries of the products, so that their
    memory counts.
    """
    return min(max((resident() or 0) - _at_first(), 0), SPARE)


def check_memory_of_run(
    scene: Scene, detector: Detector, options: PipelineOptions, spare: int
) -> None:
    """Refuse a run, products and report included, that cannot keep to its budget.

    Parameters
    ----------
    scene, detector, options
        Of the run; nothing of the scene is read.
    spare
        `left_by_others`.

    Raises
    ------
    BudgetError
        With the least budget that would do.
    """
    check_budget(scene, detector, options.resources, _needed(scene, detector, options), spare)


def least_memory(scene: Scene, detector: Detector) -> int:
    """The least budget with which a run with the default options is not refused."""
    return least_budget(_needed(scene, detector, PipelineOptions()))


def _needed(scene: Scene, detector: Detector, options: PipelineOptions) -> float:
    """Bytes beside what is held: of what the reader keeps, and of the detector or the products."""
    h, w, _ = scene.shape
    per_pixel = _PER_PIXEL + _PER_DETECTED * options.pfa
    if options.threshold == "top":
        per_pixel += _PER_DETECTED * options.fraction
    if options.truth is not None or options.threshold == "otsu":
        per_pixel += _PER_SORTED
    # Where a reader keeps blocks, it says so in this attribute.
    cache = getattr(scene.source, "cache", 0)
    return cache + max(needed(scene, detector), _PICTURES + h * w * per_pixel)
