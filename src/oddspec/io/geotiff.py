"""GeoTIFF files, by rasterio."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import RawCube
from oddspec.errors import InputError
from oddspec.io.envi.header import Header
from oddspec.io.envi.metadata import header_bands, header_gains
from oddspec.io.envi.reader import header_of_tiff
from oddspec.io.gains import read_gains
from oddspec.io.limits import check_expansion, check_memory
from oddspec.io.reading import reading
from oddspec.io.source import Georeference, Metadata, check_window, parse_nodata
from oddspec.io.variables import check_real
from oddspec.io.wavelengths import good_to_bad, to_nanometres, wavelengths_in_names

_LEAST_CACHE, _MOST_CACHE = 8 * 2**20, 256 * 2**20

_DAMAGED = "the file is truncated or damaged"


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
        self.palette: bool = _has_palette(dataset)
        """Whether the numbers of its first band stand for colours of a table."""
        self.black: int | None = _black(dataset)
        """The number that is drawn in black where 0 is drawn in white; None where 0 is black."""
        self._cache = cache
        self._idle: deque[Any] = deque([dataset])
        self._closed = False

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> RawCube:
        """Pixels of the half-open window, all bands."""
        return self.read_bands(rows, columns)

    def read_bands(
        self,
        rows: tuple[int, int],
        columns: tuple[int, int],
        bands: Sequence[int] | None = None,
    ) -> RawCube:
        """Pixels of the half-open window in some bands, counted from 0; None for all."""
        import rasterio
        from rasterio.windows import Window

        check_window(self.shape, rows, columns)
        count = self.shape[2] if bands is None else len(bands)
        size = rows[1] - rows[0], columns[1] - columns[0]
        if not all(size):
            return np.empty((*size, count), dtype=self.dtype)
        indexes = None if bands is None else [band + 1 for band in bands]
        # GDAL's own cache would grow to a twentieth of the machine's memory, whatever the budget.
        with (
            reading(self.path, f"rows {rows[0]} to {rows[1]} cannot be read, {_DAMAGED}"),
            self._lent() as dataset,
            rasterio.Env(GDAL_CACHEMAX=self._cache),
        ):
            block = dataset.read(indexes, window=Window(columns[0], rows[0], size[1], size[0]))
        cube: np.ndarray = block.transpose(1, 2, 0)
        return cube

    def close(self) -> None:
        """Release the file."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _lent(self) -> Iterator[Any]:
        if self._closed:
            raise InputError(f"{self.path}: has been closed")
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
        return GeoTiffSource(
            path, dataset, _metadata(path, dataset, dtype), _cache(dataset, max_memory)
        )
    except BaseException:
        dataset.close()
        raise


def _has_palette(dataset: Any) -> bool:
    from rasterio.enums import ColorInterp

    return bool(dataset.colorinterp[0] == ColorInterp.palette)


def _black(dataset: Any) -> int | None:
    """The largest number of an image in which numbers fall from white to black."""
    if dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") != "YES":
        return None
    bits = dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", "")
    kind = np.dtype(dataset.dtypes[0])
    if kind.kind != "u":
        return None
    return 2 ** int(bits) - 1 if bits.isdigit() else int(np.iinfo(kind).max)


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


def _metadata(path: Path, dataset: Any, dtype: np.dtype[Any]) -> Metadata:
    from rasterio.enums import ColorInterp, MaskFlags

    notes: list[str] = []
    tags = _BandTags(dataset)
    names = _band_names(dataset)
    wavelengths = _wavelengths(dataset, tags, notes)
    bad = _bad_bands(dataset.count, tags, notes)
    value = dataset.nodata
    # GDAL gives 1 and 0 where a band declares nothing.
    what = "scales and offsets of the bands"
    gains, unclear = read_gains(dataset.scales, dataset.offsets, dataset.count, what, bad)
    notes += [unclear] if unclear else []
    if header := _header_beside(path, dataset, notes):
        # What the file itself says counts; the header says the rest.
        waves, titles, listed = header_bands(header, dataset.count, notes)
        wavelengths = waves if wavelengths is None else wavelengths
        names = titles if names is None else names
        bad = listed if bad is None else bad
        value = header.fields.get("data ignore value") if value is None else value
        if gains is None:
            gains = header_gains(header, dataset.count, bad, notes)
    nodata, note = parse_nodata(value, dtype)
    notes += [note] if note else []
    if ColorInterp.alpha in dataset.colorinterp:
        notes.append("a band is marked as transparency (alpha), but was read as any other band")
    if any(MaskFlags.per_dataset in flags for flags in dataset.mask_flag_enums):
        notes.append("the mask inside the file was not applied; missing pixels need a nodata value")
    return Metadata(
        wavelengths=wavelengths,
        band_names=names,
        bad_bands=bad,
        nodata=nodata,
        gains=gains,
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


def _header_beside(path: Path, dataset: Any, notes: list[str]) -> Header | None:
    """An ENVI header that lies beside the file and describes as many bands, or None."""
    try:
        header = header_of_tiff(path)
    except InputError as error:
        notes.append(f"a header beside the file was not used: {error}")
        return None
    if header is None:
        return None
    stated = header.fields.get("bands", str(dataset.count)).strip()
    if stated != str(dataset.count):
        notes.append(
            f"{header.path.name}: has {stated[:20]} bands where the file has {dataset.count}, so "
            f"it was not used"
        )
        return None
    return header


class _BandTags:
    """What a file's tags say of its bands, by lower-case name with ``_`` for blanks.

    A band's own tags count before lists such as ``{400.1, 405.2}`` in the tags of the whole file.
    """

    def __init__(self, dataset: Any) -> None:
        self.count: int = dataset.count
        self.bands = [_plain_names(dataset.tags(band)) for band in range(1, dataset.count + 1)]
        self.file = {**_plain_names(dataset.tags(ns="ENVI")), **_plain_names(dataset.tags())}

    def every(self, *names: str) -> list[str] | None:
        """The values of a tag that every band has, or of a list with one entry per band."""
        for name in names:
            if all(name in tags for tags in self.bands):
                return [tags[name] for tags in self.bands]
        for name in names:
            items = self.file.get(name, "").strip().strip("{}[]()").replace(",", " ").split()
            if len(items) == self.count and self.count > 1:
                return items
        return None

    def some(self, name: str, default: str) -> list[str] | None:
        """The values of a tag that some band has, the default for the others."""
        if not any(name in tags for tags in self.bands):
            return None
        return [tags.get(name, default) for tags in self.bands]

    def unit(self) -> str | None:
        """The unit of the wavelengths, if it is the same for all bands."""
        names = ("wavelength_units", "wavelengths_units", "wavelength_unit", "wavelengths_unit")
        found = {tags[name] for tags in (*self.bands, self.file) for name in names if name in tags}
        return found.pop() if len(found) == 1 else None


def _plain_names(tags: Mapping[str, str]) -> dict[str, str]:
    return {"_".join(name.lower().split()): text for name, text in tags.items()}


def _wavelengths(dataset: Any, tags: _BandTags, notes: list[str]) -> np.ndarray | None:
    """From the file's own tags, GDAL's or descriptions such as ``450.2 nm``, in this order.

    GDAL rounds its tags to a nanometre.
    """
    found: np.ndarray | None = None
    for values, units in (
        (tags.every("wavelength", "wavelengths"), tags.unit()),
        (_gdal_tags(dataset), "um"),
    ):
        if found is None and values is not None:
            found, note = to_nanometres(np.array(values, dtype=object), units, dataset.count)
            notes += [note] if note else []
    if found is None:
        found, note = wavelengths_in_names(dataset.descriptions)
        notes += [note] if note else []
    return found


def _gdal_tags(dataset: Any) -> list[str] | None:
    bands = range(1, dataset.count + 1)
    values = [dataset.tags(band, ns="IMAGERY").get("CENTRAL_WAVELENGTH_UM") for band in bands]
    return values if all(values) else None


_WORDS = {"true": "1", "good": "1", "false": "0", "bad": "0"}


def _bad_bands(count: int, tags: _BandTags, notes: list[str]) -> np.ndarray | None:
    """The bad bands by tags such as ``bbl``; a band without one is good where others have it."""
    for name in ("bbl", "good_bands", "good_band", "good_wavelengths", "good_wavelength"):
        values = tags.every(name) or tags.some(name, "1")
        if values is not None:
            numbers = [_WORDS.get(value.strip().lower(), value) for value in values]
            bad, note = good_to_bad(numbers, count, f"the tag {name}")
            notes += [note] if note else []
            return bad
        if name in tags.file:
            notes.append(f"the tag {name} is no list of {count} numbers, 0 for a bad band: ignored")
    return None
