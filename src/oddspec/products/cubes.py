"""Cubes that a detector takes a scene apart into, and its maps, as files for GIS programs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import Windowed, valid_pixels
from oddspec.detector import Detector, Insight
from oddspec.errors import SettingError, did_you_mean
from oddspec.io.atomic import atomic_write
from oddspec.io.envi.writer import EnviWriter
from oddspec.progress import Progress, silent
from oddspec.scene import Scene
from oddspec.statistics.pixels import on_map
from oddspec.text import printable

CUBE_FORMATS = ("envi", "geotiff")

_STRIP_BYTES = 32_000_000


class ModelledCube:
    """The background that a fitted model gives each pixel of a scene, read by rows."""

    def __init__(self, scene: Scene, fitted: Any) -> None:
        self.shape, self._scene, self._fitted = scene.shape, scene, fitted

    def __getitem__(self, rows: slice) -> np.ndarray:
        top, bottom, _ = rows.indices(self.shape[0])
        cube, valid = self._scene.read((top, bottom), (0, self.shape[1]))
        if not valid.any():
            return np.full(cube.shape, np.nan)
        found = np.asarray(self._fitted.background(valid_pixels(cube, valid)))
        return on_map(found, valid)


class RemainingCube:
    """What remains of a scene without its background, read by rows."""

    def __init__(self, scene: Scene, background: Windowed) -> None:
        self.shape, self._scene, self._background = scene.shape, scene, background

    def __getitem__(self, rows: slice) -> np.ndarray:
        top, bottom, _ = rows.indices(self.shape[0])
        cube, _ = self._scene.read((top, bottom), (0, self.shape[1]))
        # Invalid pixels are NaN in the background.
        return np.asarray(cube - self._background[rows])


def check_separates(names: Sequence[str], name: str, detector: Detector) -> None:
    """Refuse ``--write background`` before any work, where the detector leaves nothing of it.

    Raises
    ------
    SettingError
        If one of the names is ``background`` or ``anomaly``, and it does not separate these.
    """
    wanted = [each for each in names if each in ("background", "anomaly")]
    if wanted and not detector.separates:
        raise SettingError(
            f"--write {','.join(wanted)}: {name} does not take pixels apart into background and "
            f"anomaly; choose a detector that does, such as rpca, lsmad, lrr, nmf or rednmf"
        )


def cubes_of(scene: Scene, insights: Sequence[Insight], fitted: Any) -> dict[str, Insight]:
    """What can be written of a run: cubes and maps by name, the cubes first.

    Parameters
    ----------
    scene
        That was detected in.
    insights
        What the detector has found.
    fitted
        Its model; one that has ``background(pixels)`` gives a background cube.
    """
    found = {each.name: each for each in insights if each.kind == "cube"}
    if "background" not in found and hasattr(fitted, "background"):
        cube = ModelledCube(scene, fitted)
        found["background"] = Insight("background", "cube", cube, "background of each pixel")
    if "background" in found and "anomaly" not in found:
        rest = RemainingCube(scene, found["background"].values)
        found["anomaly"] = Insight("anomaly", "cube", rest, "pixel less background")
    maps = {each.name: each for each in insights if each.kind == "maps"}
    return {**maps, **found}


def write_cubes(
    folder: Path,
    scene: Scene,
    names: Sequence[str],
    cubes: dict[str, Insight],
    form: str = "envi",
    progress: Progress = silent,
) -> dict[str, Path]:
    """Write cubes and maps by strips, as float32 with NaN where invalid; paths by product.

    Parameters
    ----------
    folder
        Of the scene's products.
    names
        Of `cubes`.
    cubes
        As `cubes_of` gives them.
    form
        One of `CUBE_FORMATS`: ``NAME.img`` with its header, or ``NAME.tif``.

    Raises
    ------
    SettingError
        If the detector has nothing of that name; the message says what it has.
    OddspecError
        If a file cannot be written.
    """
    for name in names:
        if name not in cubes:
            has = ", ".join(cubes) if cubes else "nothing of the kind"
            raise SettingError(
                f"--write {name}: the detector has {has}{did_you_mean(name, list(cubes))}; "
                f"--resume goes on with the scores that are there"
            )
    paths: dict[str, Path] = {}
    for done, name in enumerate(names):
        progress(done, len(names), "writing cubes")
        if form == "envi":
            path = folder / f"{name}.img"
            paths |= {path.name: path, f"{name}.hdr": path.with_suffix(".hdr")}
            _write_envi(path, scene, cubes[name])
        else:
            path = folder / f"{name}.tif"
            paths[path.name] = path
            _write_geotiff(path, scene, cubes[name])
    return paths


def _strips(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    height = max(1, _STRIP_BYTES // (8 * shape[1] * shape[2]))
    return [(top, min(top + height, shape[0])) for top in range(0, shape[0], height)]


def _wavelengths(scene: Scene, insight: Insight) -> np.ndarray | None:
    """Of the used bands, which a cube has; maps have none."""
    return scene.wavelengths if insight.kind == "cube" else None


def _write_envi(path: Path, scene: Scene, insight: Insight) -> None:
    rows, columns, bands = insight.values.shape
    with EnviWriter(
        path,
        rows=rows,
        columns=columns,
        bands=bands,
        dtype="float32",
        wavelengths=_wavelengths(scene, insight),
        nodata=np.nan,
        georeference=scene.source.metadata.georeference,
        description=printable(f"{scene.name}: {insight.label}"),
    ) as writer:
        for top, bottom in _strips(insight.values.shape):
            writer.write_rows(top, insight.values[top:bottom].astype(np.float32))


def _write_geotiff(path: Path, scene: Scene, insight: Insight) -> None:
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.windows import Window

    rows, columns, bands = insight.values.shape
    place = scene.source.metadata.georeference
    grid = {"crs": place.crs, "transform": place.transform} if place else {}
    waves = _wavelengths(scene, insight)
    with (
        warnings.catch_warnings(),
        atomic_write(path) as partial,
    ):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            partial, "w", driver="GTiff", height=rows, width=columns, count=bands,
            dtype="float32", nodata=np.nan, interleave="pixel", bigtiff="if_safer", **grid,
        ) as layer:  # fmt: skip
            for top, bottom in _strips(insight.values.shape):
                strip = insight.values[top:bottom].astype(np.float32)
                window = Window(0, top, columns, bottom - top)
                layer.write(np.moveaxis(strip, 2, 0), window=window)
            layer.update_tags(description=printable(insight.label))
            for band in range(bands):
                if waves is not None:
                    tags = {"wavelength": f"{waves[band]:.4f}", "wavelength_units": "nm"}
                    layer.update_tags(band + 1, **tags)
                if band < len(insight.names):
                    layer.set_band_description(band + 1, printable(insight.names[band]))
