"""A scene as xarray's DataArray, read when it is needed; needs the extra ``xarray``.

Dimensions are ``y, x, wavelength`` (``band`` where there are no wavelengths), coordinates
``wavelength`` and ``fwhm`` in nanometres, ``good_wavelength``, ``spatial_ref`` as rioxarray writes
it, and ``quality``, the flags of the pixels, with their meanings after the CF conventions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.quality import QUALITY_FLAGS, HasQuality
from oddspec.io.source import Georeference, Source

CHUNK_BYTES = 64_000_000
"""Bytes of a chunk, if it is dask that reads."""


def to_dataarray(source: Source, good: np.ndarray | None = None, *, chunks: bool = True) -> Any:
    """A source as a DataArray that reads its pixels when they are needed.

    Parameters
    ----------
    source
        The scene; it must stay open as long as the array is used.
    good
        Positions of the bands to call good; by default all but those that the file calls bad.
    chunks
        Whether dask reads it, by strips of rows; otherwise xarray itself does.

    Raises
    ------
    InputError
        If xarray, or dask for chunks, is not installed.
    """
    try:
        import xarray
        from xarray.core.indexing import LazilyIndexedArray
    except ImportError:
        raise InputError(
            "xarray is not installed; install oddspec[xarray] to use scenes as DataArrays"
        ) from None

    meta = source.metadata
    h, w, b = source.shape
    band = "band" if meta.wavelengths is None else "wavelength"
    cube = _backend_array(source.shape, source.dtype, source.read)
    coordinates: dict[str, Any] = _of_bands(source, band, good)
    if meta.georeference is not None:
        coordinates |= _of_map(meta.georeference, h, w)
    if isinstance(source, HasQuality) and source.quality:
        flags = _backend_array((h, w), np.dtype(np.uint16), source.read_quality)
        variable = xarray.Variable(("y", "x"), LazilyIndexedArray(flags), _meanings())
        coordinates["quality"] = variable
    attributes = {
        "units": meta.unit or None,
        "long_name": meta.description or None,
        "_FillValue": meta.nodata,
        # As rioxarray names them: values are as stored, and `oddspec.detect` applies these.
        "scales": meta.gains.gains.tolist() if meta.gains else None,
        "offsets": meta.gains.offsets.tolist() if meta.gains else None,
        "product": str(meta.product) if meta.product else None,
        "grid_mapping": "spatial_ref" if meta.georeference is not None else None,
    }
    array = xarray.DataArray(
        xarray.Variable(
            ("y", "x", band),
            LazilyIndexedArray(cube),
            {name: value for name, value in attributes.items() if value is not None},
        ),
        coords=coordinates,
        name=source.name,
    )
    if not chunks:
        return array
    rows = max(1, CHUNK_BYTES // max(w * b * source.dtype.itemsize, 1))
    try:
        return array.chunk({"y": min(rows, h), "x": w, band: b})
    except ImportError:
        raise InputError(
            "dask is not installed; install oddspec[xarray], or use chunks=False"
        ) from None


def _backend_array(shape: tuple[int, ...], dtype: np.dtype[Any], read: Any) -> Any:
    """What xarray takes for an array on disk: indexed by slices of rows and columns."""
    from xarray.backends import BackendArray
    from xarray.core.indexing import IndexingSupport, explicit_indexing_adapter

    class Pixels(BackendArray):  # type: ignore[misc]
        def __init__(self) -> None:
            self.shape, self.dtype = shape, dtype

        def __getitem__(self, key: Any) -> Any:
            return explicit_indexing_adapter(key, shape, IndexingSupport.BASIC, self._read)

        def _read(self, key: tuple[Any, ...]) -> np.ndarray:
            (top, bottom, step_y), (left, right, step_x) = (
                _range(each, size) for each, size in zip(key[:2], shape[:2], strict=True)
            )
            window = read((top, bottom), (left, right))[::step_y, ::step_x]
            # A whole number drops its axis, as it does in NumPy.
            drop = tuple(0 if isinstance(each, (int, np.integer)) else slice(None)
                         for each in key[:2])  # fmt: skip
            return np.asarray(window[(*drop, *key[2:])])

    return Pixels()


def _range(key: Any, size: int) -> tuple[int, int, int]:
    """First, last + 1 and step (which may be negative) of what a key takes along an axis."""
    if isinstance(key, (int, np.integer)):
        at = int(key) % size
        return at, at + 1, 1
    places = range(*key.indices(size))
    if not len(places):
        return 0, 0, 1
    return min(places), max(places) + 1, places.step


def _of_bands(source: Source, band: str, good: np.ndarray | None) -> dict[str, Any]:
    meta, count = source.metadata, source.shape[2]
    found: dict[str, Any] = {}
    if meta.wavelengths is not None:
        attributes = {"units": "nm", "standard_name": "radiation_wavelength"}
        found["wavelength"] = (band, meta.wavelengths, attributes)
    if meta.fwhm is not None:
        found["fwhm"] = (
            band,
            meta.fwhm,
            {"units": "nm", "long_name": "full width at half maximum"},
        )
    if good is not None:
        found["good_wavelength"] = (band, np.isin(np.arange(count), good))
    elif meta.bad_bands is not None:
        found["good_wavelength"] = (band, ~meta.bad_bands)
    return found


def _of_map(place: Georeference, h: int, w: int) -> dict[str, Any]:
    """Grid mapping, and the centres of the pixels where the grid is not turned."""
    transform = place.transform
    attributes = {"GeoTransform": " ".join(repr(float(v)) for v in transform.to_gdal())}
    if place.crs is not None:
        attributes["crs_wkt"] = attributes["spatial_ref"] = place.crs.to_wkt()
    found: dict[str, Any] = {"spatial_ref": ((), 0, attributes)}
    if not transform.b and not transform.d:
        found["x"] = ("x", transform.c + transform.a * (np.arange(w) + 0.5))
        found["y"] = ("y", transform.f + transform.e * (np.arange(h) + 0.5))
    return found


def _meanings() -> dict[str, Any]:
    return {
        "long_name": "quality flags",
        "flag_masks": np.array(list(QUALITY_FLAGS.values()), np.uint16),
        "flag_meanings": " ".join(name.replace("-", "_") for name in QUALITY_FLAGS),
    }
