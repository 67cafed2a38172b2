"""GeoTIFF layers of scores, masks and flags: tiled, with overviews that keep the maximum.

Averaged overviews would make small anomalies vanish as one zooms out, and nearest-neighbour ones
would drop most of them, so each overview pixel is the largest of the pixels it stands for. GDAL
does not offer that, so the levels are made here and handed to it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from oddspec.arrays import Windowed
from oddspec.detections import Detections
from oddspec.errors import DataWarning
from oddspec.io.atomic import atomic_write
from oddspec.io.quality import QUALITY_FLAGS, USER_MASK
from oddspec.io.source import Georeference
from oddspec.text import printable

INVALID = 255
"""Value of invalid pixels in the mask layer."""

_BLOCK = 256
_WINDOW = (512, 8192)
"""Rows and columns held in memory together; even, so that a window halves exactly."""

_FORM = {
    "tiled": True, "blockxsize": _BLOCK, "blockysize": _BLOCK, "compress": "deflate",
    "bigtiff": "if_safer",
}  # fmt: skip

Piece = Callable[[slice, slice], np.ndarray]


def write_scores(
    path: Path,
    scores: Windowed,
    georeference: Georeference | None = None,
    tags: Mapping[str, Any] | None = None,
    *,
    description: str = "anomaly score",
    unit: str = "",
) -> None:
    """Write scores as a float32 GeoTIFF with NaN for invalid pixels.

    Parameters
    ----------
    path
        The file to write; an older one is replaced when the new one is complete.
    scores
        ``(h, w)``, may be a ``numpy.memmap``; read by windows.
    georeference
        Coordinate system and transform, kept as they are; None leaves both out.
    tags
        Detector, settings and so on, kept as the file's metadata.
    description, unit
        Of the one band.

    Raises
    ------
    OddspecError
        If the file cannot be written; the older one is kept.
    """

    def piece(rows: slice, columns: slice) -> np.ndarray:
        with np.errstate(over="ignore"):
            return np.asarray(scores[rows, columns]).astype(np.float32)

    layer = {"dtype": "float32", "nodata": np.nan, "predictor": 3}
    _write(path, scores.shape, piece, georeference, layer, tags or {}, description, unit)


def write_mask(
    path: Path,
    detections: Detections,
    scores: Windowed,
    georeference: Georeference | None = None,
    tags: Mapping[str, Any] | None = None,
) -> None:
    """Write detections as a uint8 GeoTIFF: 0 background, 1 detection, 255 (nodata) invalid.

    A pixel whose score is NaN is invalid. Detections and scores are of the same pixels, those of
    the sensor or those of a map; the other parameters are those of `write_scores`.
    """
    detected, width = np.sort(detections.pixels), detections.shape[1]

    def piece(rows: slice, columns: slice) -> np.ndarray:
        mask = np.where(np.isnan(np.asarray(scores[rows, columns])), INVALID, 0).astype(np.uint8)
        first, last = np.searchsorted(detected, (rows.start * width, rows.stop * width))
        row, column = np.divmod(detected[first:last], width)
        inside = (column >= columns.start) & (column < columns.stop)
        mask[row[inside] - rows.start, column[inside] - columns.start] = 1
        return mask

    layer = {"dtype": "uint8", "nodata": INVALID}
    description = "detections: 0 background, 1 detection, 255 invalid"
    _write(path, scores.shape, piece, georeference, layer, tags or {}, description, "")


def write_quality(
    path: Path,
    flags: Windowed,
    georeference: Georeference | None = None,
    tags: Mapping[str, Any] | None = None,
) -> None:
    """Write quality flags as a uint16 GeoTIFF; its metadata names the bits.

    Parameters
    ----------
    flags
        ``(h, w)``, uint16, bits of `oddspec.io.quality.QUALITY_FLAGS` and `USER_MASK`. The other
        parameters are those of `write_scores`.
    """

    def piece(rows: slice, columns: slice) -> np.ndarray:
        return np.asarray(flags[rows, columns])

    bits = {f"bit_{int(bit).bit_length() - 1}": name for name, bit in QUALITY_FLAGS.items()}
    bits[f"bit_{int(USER_MASK).bit_length() - 1}"] = "masked by the user"
    description = "quality flags, see the metadata for the bits; 0: nothing is known against it"
    everything = {**bits, **(tags or {})}
    _write(path, flags.shape, piece, georeference, {"dtype": "uint16"}, everything, description, "")


def _write(
    path: Path,
    shape: tuple[int, ...],
    piece: Piece,
    georeference: Georeference | None,
    layer: Mapping[str, Any],
    tags: Mapping[str, Any],
    description: str,
    unit: str,
) -> None:
    height, width = shape
    with atomic_write(path) as partial, _gdal():
        levels = [partial.with_name(partial.name + ".0")]
        grid = {}
        if georeference is not None:
            grid = {"transform": georeference.transform, "crs": georeference.crs}
        with _create(levels[0], height, width, layer, grid) as full:
            for rows, columns in _windows(height, width):
                full.write(piece(rows, columns), 1, window=(rows, columns))
            full.update_tags(**{str(k): printable(v) for k, v in tags.items()})
            full.set_band_description(1, printable(description))
            full.set_band_unit(1, printable(unit))
        # One overview at least; the last one is a single block.
        while len(levels) == 1 or max(height, width) > _BLOCK:
            height, width = -(-height // 2), -(-width // 2)
            levels.append(partial.with_name(f"{partial.name}.{len(levels)}"))
            _halve(levels[-2], levels[-1], height, width, layer)
        _assemble(partial, levels, layer)
        _verify(partial, piece)
        _check_crs(partial, path, georeference)


def _create(
    path: Path, height: int, width: int, layer: Mapping[str, Any], grid: Mapping[str, Any]
) -> Any:
    import rasterio

    shape = {"height": height, "width": width, "count": 1}
    # These files are steps on the way: least compression, for speed.
    return rasterio.open(path, "w", driver="GTiff", **shape, **_FORM, zlevel=1, **layer, **grid)


def _halve(source: Path, target: Path, height: int, width: int, layer: Mapping[str, Any]) -> None:
    """The next overview level: the largest valid value of every two by two pixels."""
    import rasterio

    with rasterio.open(source) as large, _create(target, height, width, layer, {}) as small:
        for rows, columns in _windows(large.height, large.width):
            halved = _largest(large.read(1, window=(rows, columns)))
            top, left = rows.start // 2, columns.start // 2
            window = (slice(top, top + halved.shape[0]), slice(left, left + halved.shape[1]))
            small.write(halved, 1, window=window)


def _largest(values: np.ndarray) -> np.ndarray:
    """Largest of every two by two values; invalid (NaN, 255) only where all of them are.

    Of flags (uint16) all that any of the four has.
    """
    even = np.pad(values, [(0, n % 2) for n in values.shape], mode="edge")
    if values.dtype == np.uint16:
        flags: np.ndarray = even[::2] | even[1::2]
        return flags[:, ::2] | flags[:, 1::2]
    if values.dtype.kind == "f":
        rows = np.fmax(even[::2], even[1::2])
        return np.fmax(rows[:, ::2], rows[:, 1::2])
    # One more makes 255 wrap around to the smallest value.
    even = even + np.uint8(1)
    rows = np.maximum(even[::2], even[1::2])
    smaller: np.ndarray = np.maximum(rows[:, ::2], rows[:, 1::2]) - np.uint8(1)
    return smaller


def _assemble(partial: Path, levels: list[Path], layer: Mapping[str, Any]) -> None:
    """One file from the full raster and its overview levels, by way of a virtual raster."""
    import rasterio.shutil

    virtual = partial.with_name(partial.name + ".vrt")
    rasterio.shutil.copy(levels[0], virtual, driver="VRT")
    tree = ElementTree.parse(virtual)
    band = tree.getroot().find("VRTRasterBand")
    assert band is not None
    for level in levels[1:]:
        overview = ElementTree.SubElement(band, "Overview")
        name = ElementTree.SubElement(overview, "SourceFilename", relativeToVRT="1")
        name.text = level.name
        ElementTree.SubElement(overview, "SourceBand").text = "1"
    tree.write(virtual, encoding="utf-8")
    form = _FORM | ({"predictor": layer["predictor"]} if "predictor" in layer else {})
    rasterio.shutil.copy(virtual, partial, driver="GTiff", copy_src_overviews=True, **form)


def _verify(partial: Path, piece: Piece) -> None:
    """Read everything back: on a full disk, closing a GeoTIFF may fail without an error."""
    import rasterio

    with rasterio.open(partial) as written:
        for rows, columns in _windows(written.height, written.width):
            found = written.read(1, window=(rows, columns))
            if not np.array_equal(found, piece(rows, columns), equal_nan=found.dtype.kind == "f"):
                raise OSError("what was written could not be read back; the disk may be full")
        levels = range(len(written.overviews(1)))
    for level in levels:
        with rasterio.open(partial, overview_level=level) as overview:
            for rows, columns in _windows(overview.height, overview.width):
                overview.read(1, window=(rows, columns))


def _check_crs(partial: Path, path: Path, georeference: Georeference | None) -> None:
    """GeoTIFF cannot express every coordinate system: say so rather than change it silently."""
    import rasterio

    if georeference is None or georeference.crs is None:
        return
    with rasterio.open(partial) as written:
        kept = written.crs
    if kept != georeference.crs:
        warnings.warn(
            f"{path.name}: GeoTIFF cannot express the scene's coordinate system exactly; the file "
            f"holds the nearest it can: {kept}",
            DataWarning,
            stacklevel=4,
        )


def _windows(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    for top in range(0, height, _WINDOW[0]):
        for left in range(0, width, _WINDOW[1]):
            yield (
                slice(top, min(top + _WINDOW[0], height)),
                slice(left, min(left + _WINDOW[1], width)),
            )


@contextmanager
def _gdal() -> Iterator[None]:
    """A small cache, both cores, no warning of a missing georeference, and errors as OSErrors."""
    import rasterio
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    with rasterio.Env(GDAL_CACHEMAX=64, GDAL_NUM_THREADS=2), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            yield
        except (CPLE_BaseError, RasterioError) as error:
            # On a full disk GDAL raises these as well as OSErrors.
            raise OSError(str(error)) from error
