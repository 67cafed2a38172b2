"""What is to be done with a scene, and when two runs are to do the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from oddspec import __version__
from oddspec.detector import Detector
from oddspec.execution.resources import Resources
from oddspec.io.checksum import sha256
from oddspec.io.source import Source
from oddspec.models import Model
from oddspec.scene import Scene
from oddspec.settings import kept


@dataclass(frozen=True)
class PipelineOptions:
    """What to do with a scene, beside the detector and its settings."""

    pfa: float = 1e-4
    threshold: str = "auto"
    fraction: float = 1e-3
    min_size: int = 1
    max_size: int | None = None
    truth: Path | None = None
    truth_variable: str | None = None
    warp_truth: bool = False
    """Whether a truth that lies elsewhere is resampled to the scene's pixels, and not refused."""
    variable: str | None = None
    nodata: float | None = None
    bands: Callable[[Source], Sequence[int]] | None = None
    mask_defects: bool = False
    mask: list[str] | None = None
    """Quality flags, and files of pixels, to leave out."""
    area_of_interest: Path | None = None
    """What lies outside is left out."""
    use_gains: bool = True
    """Whether gains and offsets that a file declares may be applied."""
    allow_truncated: bool = False
    axes: str | None = None
    dark: Path | None = None
    white: Path | None = None
    """References of a raw scan, where they do not lie beside it."""
    destripe: bool = False
    """Whether stripes of columns are taken out of the scene."""
    write: tuple[str, ...] = ()
    """Cubes and maps of the detector to write, such as ``background``."""
    cube_format: str = "envi"
    resume: bool = False
    overwrite: bool = False
    """Whether products of another detector in the scene's folder may be replaced."""
    model: Model | None = None
    """What the detector has fitted to another scene; None fits it to this one."""
    resources: Resources = field(default_factory=Resources)
    command: tuple[str, ...] = ()

    def as_settings(self) -> dict[str, Any]:
        """Those that the report and ``run.json`` name beside the detector's settings."""
        names = ("pfa", "threshold", "min_size", "max_size", "mask_defects")
        return {name: getattr(self, name) for name in names} | {
            "max_memory": self.resources.max_memory,
            "workers": self.resources.threads,
            "device": self.resources.device,
        }


def _left_out(scene: Scene) -> dict[str, Any]:
    """What is masked, where something is: runs of before it could be told go on as they are."""
    mask = scene.mask
    found: dict[str, Any] = {}
    if mask.flags:
        found["mask"] = list(mask.flags)
    if mask.image is not None:
        found["mask_sha256"] = hashlib.sha256(np.packbits(mask.image).tobytes()).hexdigest()
    return found


def _beside(source: Source) -> dict[str, Any]:
    """The other files that values depend on, where there are some."""
    times = {path.name: path.stat() for path in getattr(source, "beside", ())}
    listed = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in times.items()]
    return {"beside": listed} if listed else {}


def run_identity(
    scene: Scene, name: str, detector: Detector, options: PipelineOptions
) -> dict[str, Any]:
    """What must be equal for an interrupted run to be resumed with the scores it has.

    Of the options these are the ones that change which values are read or how they are scored.
    """
    source = scene.source
    stat = source.path.stat() if source.path else None
    header = getattr(source, "header", None)
    found = {
        "version": __version__,
        "input": str(source.path.resolve()) if source.path else source.name,
        "bytes": stat.st_size if stat else None,
        "modified": stat.st_mtime_ns if stat else None,
        "variable": options.variable,
        "axes": options.axes,
        "allow_truncated": options.allow_truncated,
        # The same bytes are another scene under another header.
        "header_sha256": sha256(header) if header else None,
        "dtype": str(source.dtype),
        "shape": list(source.shape),
        "bands": scene.bands.tolist(),
        "nodata": None if scene.nodata is None else repr(scene.nodata),
        "mask_defects": scene.mask_flat,
        **_left_out(scene),
        **_beside(source),
        **({"destripe": True} if options.destripe else {}),
        "detector": name,
        # The module of a user's own file is named by the hash of its content.
        "code": type(detector).__module__,
        "settings": kept(detector),
        "model": options.model.digest if options.model else None,
    }
    # Other runs keep the identity that they had before gains were applied.
    return found | ({"gains": scene.gains.digest} if scene.gains else {})
