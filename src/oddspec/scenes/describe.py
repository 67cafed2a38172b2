"""The catalogue as plain text, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from oddspec.scenes.public import PublicScene, SceneFile
from oddspec.scenes.recognise import Recognised

__all__ = ["describe", "list_rows", "recognised_rows"]


def list_rows(scenes: Sequence[PublicScene]) -> list[tuple[str, ...]]:
    """Heading and one row per scene: name, place, sensor, shape, truth, RX, whether recognised."""
    cube, truth = "rows x columns x bands", "truth pixels (objects)"
    rows: list[tuple[str, ...]] = [("name", "place", "sensor", cube, truth, "RX AUC", "files")]
    for scene in scenes:
        truths = "; ".join(f"{t.pixels} ({t.objects})" for t in scene.truths) or "unknown"
        areas = "; ".join(f"{t.rx_auc:.4f}" for t in scene.truths) or "unknown"
        shape = f"{scene.rows} x {scene.columns} x {scene.bands}"
        known = "recognised" if scene.examined else "checksum unknown"
        rows.append((scene.name, scene.place, scene.sensor, shape, truths, areas, known))
    return rows


def recognised_rows(found: Sequence[Recognised]) -> list[tuple[str, ...]]:
    """Heading and one row per file: path, scene, what it holds."""
    rows: list[tuple[str, ...]] = [("file", "scene", "holds")]
    for path, scene, file in found:
        if scene is None or file is None:
            rows.append((str(path), "-", "not in the catalogue"))
        else:
            rows.append((str(path), scene.name, _holds(file)))
    return rows


def describe(scene: PublicScene) -> str:
    """Everything that the catalogue says of a scene, as lines of text."""
    size = f"{scene.pixel_metres:g} m" if scene.pixel_metres else "unknown"
    values = f"{scene.values[0]:g} to {scene.values[1]:g}" if scene.values else "unknown"
    lines = [
        f"{scene.name}: {scene.title}",
        f"  place        {scene.place}",
        f"  sensor       {scene.sensor}, pixel size {size}",
        f"  cube         {scene.rows} rows x {scene.columns} columns x {scene.bands} bands",
        f"  values       {values} ({scene.dtype})",
        f"  rank         {_rank(scene)}",
        f"  citation     {scene.citation}",
        f"  doi          {scene.doi or 'unknown'}",
        f"  source page  {scene.source or 'unknown'}",
        f"  licence      {scene.licence}",
    ]
    for file in scene.files:
        lines.append(f"  file         {file.name} ({file.format}): {_holds(file)}")
        lines.append(f"               sha256 {file.sha256}")
    for truth in scene.truths:
        lines.append(
            f"  truth        {truth.name}: {truth.pixels} pixels, {truth.objects} objects, in "
            f"{truth.file}; RX AUC {truth.rx_auc:.6f}"
        )
    lines += [f"  note         {note}" for note in scene.notes]
    return "\n".join(lines)


def _rank(scene: PublicScene) -> str:
    if not scene.covariance_rank:
        return "unknown"
    full = scene.covariance_rank == scene.bands
    return f"{scene.covariance_rank} of {scene.bands}{'' if full else ' (singular covariance)'}"


def _holds(file: SceneFile) -> str:
    parts = [f"cube ({file.cube})"] if file.cube else []
    parts += [f"truth ({file.truth})"] if file.truth else []
    return " and ".join(parts) or "header"
