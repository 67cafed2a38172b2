"""What makes two runs the same, so that one may go on with the other's scores."""

from __future__ import annotations

import dataclasses
from typing import Any

from oddspec import __version__
from oddspec.detector import Detector
from oddspec.io.checksum import sha256
from oddspec.io.flat import FlatSource
from oddspec.pipeline.options import Options
from oddspec.scene import Scene

__all__ = ["identity"]


def identity(scene: Scene, name: str, detector: Detector, options: Options) -> dict[str, Any]:
    """What must be equal for an interrupted run to be taken up.

    Parameters
    ----------
    scene
        The opened scene.
    name, detector
        The detector and what it is called.
    options
        Those that change which numbers are read or how they are scored are taken into account.
    """
    source = scene.source
    stat = source.path.stat() if source.path else None
    header = source.header if isinstance(source, FlatSource) else None
    return {
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
        "detector": name,
        # The module of a user's own file is named by the hash of its content.
        "code": type(detector).__module__,
        "settings": dataclasses.asdict(detector),  # type: ignore[call-overload]
        "model": options.model.digest if options.model else None,
    }
