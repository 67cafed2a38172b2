"""GeoTIFF files, by rasterio."""

from __future__ import annotations

import re
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import RawCube
from oddspec.errors import InputError
from oddspec.io.limits import check_expansion, check_memory
from oddspec.io.reading import reading
from oddspec.io.source import Georeference, Metadata, check_window, parse_nodata
from oddspec.io.variables import check_real
from oddspec.io.wavelengths import to_nanometres

_LEAST_CACHE, _MOST_CACHE = 8 * 2**20, 256 * 2**20

_DAMAGED = "the file is truncated or damaged"

_NUMBER_AND_UNIT = re.compile(
    r"(?<![\w.])([0-9]+(?:\.[0-9]+)?)\s*\(?\s*"
    r"(nm|nanomet(?:er|re)s?|um|µm|μm|microns?|micromet(?:er|re)s?)\b",
    re.IGNORECASE,
)


class GeoTiffSource:
    """An opened GeoTIFF. A GDAL dataset serves one thread, so each reading thread borrows one."""

    format = "GeoTIFF"

    def __init__(self, path: Path, dataset: Any, metadata: Metadata, cache: int) -> None:
        self.path: Path | None = path
        self.name = path.stem
        self.shape: tuple[int, int, int] = (dataset.height, dataset.width, dataset.count)
        self.dtype: np.dtype[Any] = np.dtype(dataset.dtypes[0])
        self.metadata = metadata
        self.block: tuple[int, int] | None = tuple(dataset.block_shapes[0])
        """Rows and columns of the pieces in which the file is stored."""
        self._cache = cache
        self._idle: deque[Any] = deque([dataset])

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> RawCube:
        """Pixels of the half-open window, all bands."""
        import rasterio
        from rasterio.windows import Window

        check_window(self.shape, rows, columns)
        size = rows[1] - rows[0], columns[1] - columns[0]
        if not all(size):
            return np.empty((*size, self.shape[2]), dtype=self.dtype)
        # GDAL's own cache would grow to a twentieth of the machine's memory, whatever the budget.
        with (
            reading(self.path, f"rows {rows[0]} to {rows[1]} cannot be read, {_DAMAGED}"),
            self._lent() as dataset,
            rasterio.Env(GDAL_CACHEMAX=self._cache),
        ):
            block = dataset.read(window=Window(columns[0], rows[0], size[1], size[0]))
        cube: np.ndarray = block.transpose(1, 2, 0)
        return cube

    def close(self) -> None:
        """Release the file."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _lent(self) -> Iterator[Any]:
        try:
            dataset = self._idle.pop()
        except IndexError:
            dataset = _dataset(Path(self.path or ""))
        try:
            yield dataset
        finally:
            self._idle.append(dataset)


def open_geotiff(path: Path, *, max_memory: int | None = None) -> GeoTiffSource:
    """Open a GeoTIFF; a VRT or anything else that GDAL reads is refused, whatever its name.

    Raises
    ------
    InputError
        If it is none, is complex, keeps its bands as pages, or claims far more than it stores.
    BudgetError
        If one of the file's blocks is larger than the budget.
    """
    dataset = _dataset(path)
    try:
        dtype = np.dtype(dataset.dtypes[0].replace("complex_int16", "complex64"))
        check_real(path, "the image", dtype)
        if dataset.count == 1 and len(dataset.subdatasets) > 1:
            raise InputError(
                f"{path}: has {len(dataset.subdatasets)} pages of one band each; save it as one "
                f"image with that many bands"
            )
        height, width = dataset.block_shapes[0]
        together = dataset.count if dataset.interleaving.name.lower() == "pixel" else 1
        size = dataset.height * dataset.width * dataset.count * dtype.itemsize
        check_expansion(path, "the image", size, path.stat().st_size)
        block = height * width * together * dtype.itemsize
        check_memory(path, "one of its blocks", 2 * block, max_memory)
        return GeoTiffSource(path, dataset, _metadata(dataset, dtype), _cache(dataset, max_memory))
    except BaseException:
        dataset.close()
        raise


def _dataset(path: Path) -> Any:
    """The file opened by GDAL's GeoTIFF driver and no other, whatever its name."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings(), reading(path, "cannot be opened as GTiff"):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path.absolute(), driver="GTiff", sharing=False)


def _cache(dataset: Any, max_memory: int | None) -> int:
    """Bytes of unpacked blocks to keep: a row of them, so that strips do not unpack them twice."""
    size = np.dtype(dataset.dtypes[0]).itemsize
    height, width = dataset.block_shapes[0]
    least = max(_LEAST_CACHE, 2 * height * width * dataset.count * size)
    row_of_blocks = height * (dataset.width + 2 * width) * dataset.count * size
    most = _MOST_CACHE if max_memory is None else min(_MOST_CACHE, max_memory // 8)
    return int(min(max(least, min(row_of_blocks, most)), max_memory or _MOST_CACHE))


def _metadata(dataset: Any, dtype: np.dtype[Any]) -> Metadata:
    from rasterio.enums import ColorInterp, MaskFlags

    notes = []
    nodata, note = parse_nodata(dataset.nodata, dtype)
    wavelengths, wave_note = _wavelengths(dataset)
    notes += [text for text in (note, wave_note) if text]
    if any(scale != 1 for scale in dataset.scales) or any(dataset.offsets):
        notes.append("scales and offsets of the bands were not applied")
    if ColorInterp.alpha in dataset.colorinterp:
        notes.append("a band is marked as transparency (alpha), but was read as any other band")
    if any(MaskFlags.per_dataset in flags for flags in dataset.mask_flag_enums):
        notes.append("the mask inside the file was not applied; missing pixels need a nodata value")
    return Metadata(
        wavelengths=wavelengths,
        band_names=_band_names(dataset),
        nodata=nodata,
        georeference=_georeference(dataset, notes),
        interleave="bip" if dataset.interleaving.name.lower() == "pixel" else "bsq",
        description=dataset.tags().get("TIFFTAG_IMAGEDESCRIPTION", ""),
        notes=tuple(notes),
        extra=dict(dataset.tags()),
    )


def _georeference(dataset: Any, notes: list[str]) -> Georeference | None:
    """GDAL's transform, which holds for corners also where the file speaks of pixel centres."""
    if dataset.transform.is_identity:
        if dataset.gcps[0]:
            notes.append("has ground control points only, which were not used: no georeference")
        return None
    return Georeference(dataset.crs, dataset.transform)


def _band_names(dataset: Any) -> tuple[str, ...] | None:
    if not any(dataset.descriptions):
        return None
    return tuple(name or f"Band {i}" for i, name in enumerate(dataset.descriptions, start=1))


def _wavelengths(dataset: Any) -> tuple[np.ndarray | None, str | None]:
    """Wavelengths from GDAL's band metadata, or else from descriptions such as ``450.2 nm``."""
    bands = range(1, dataset.count + 1)
    imagery = [dataset.tags(band, ns="IMAGERY").get("CENTRAL_WAVELENGTH_UM") for band in bands]
    if all(imagery):
        return to_nanometres(np.array(imagery, dtype=object), "um", dataset.count)
    tags = [{name.lower(): text for name, text in dataset.tags(band).items()} for band in bands]
    if all("wavelength" in tag for tag in tags):
        units = {tag.get("wavelength_units", tag.get("wavelength units")) for tag in tags}
        values = [tag["wavelength"] for tag in tags]
        if len(units) == 1:
            return to_nanometres(np.array(values, dtype=object), units.pop(), dataset.count)
    found = [_NUMBER_AND_UNIT.search(text or "") for text in dataset.descriptions]
    pairs = [(match.group(1), match.group(2).lower()) for match in found if match]
    if len(pairs) == dataset.count and len({unit for _, unit in pairs}) == 1:
        values = [number for number, _ in pairs]
        return to_nanometres(np.array(values, dtype=object), pairs[0][1], dataset.count)
    return None, None
