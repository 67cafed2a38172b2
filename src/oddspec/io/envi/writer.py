"""Write an ENVI scene of any size, strip by strip."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import RawCube
from oddspec.errors import InputError, SettingError
from oddspec.io.atomic import atomic_write, write_text
from oddspec.io.envi.layout import DATA_TYPES, INTERLEAVES
from oddspec.io.envi.map import map_fields
from oddspec.io.positioned import PositionedFile
from oddspec.io.source import Georeference


class EnviWriter:
    """An ENVI file in the making: a context manager that takes strips of rows in any order.

    The data get their name when the block ends well, and the header follows; after an error what
    was there before is unchanged. Strips may come from several threads.

    Parameters
    ----------
    path
        The data file, such as ``scene.img``; the header gets the same name with ``.hdr``.
    rows, columns, bands
        Size of the scene.
    dtype
        One of ENVI's real types; its byte order is kept.
    interleave
        ``bsq``, ``bil`` or ``bip``.
    wavelengths
        Nanometres, one per band.
    bad_bands
        True for a bad band, one per band.
    nodata
        Value that marks missing pixels.
    georeference
        Any grid of right-angled pixels, rotated or not; ENVI cannot tell of a sheared one.
    description
        Text for the header, without braces.

    Raises
    ------
    SettingError
        If the type, size or interleave cannot be written, or a list has not one entry per band.
    OddspecError
        When the block ends, if the file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        rows: int,
        columns: int,
        bands: int,
        dtype: Any,
        interleave: str = "bil",
        wavelengths: Sequence[float] | np.ndarray | None = None,
        bad_bands: Sequence[bool] | np.ndarray | None = None,
        nodata: float | None = None,
        georeference: Georeference | None = None,
        description: str = "",
    ) -> None:
        self.path = Path(path)
        self.dtype = np.dtype(dtype)
        self.shape = (rows, columns, bands)
        self.interleave = interleave.lower()
        self._check()
        self._text = self._header(wavelengths, bad_bands, nodata, georeference, description)
        self._missing = np.ones(rows, dtype=np.bool_)

    @property
    def header(self) -> Path:
        """Where the header goes."""
        return self.path.with_suffix(".hdr")

    def write_rows(self, start: int, cube: RawCube) -> None:
        """Write ``(r, columns, bands)`` pixels, of the type announced, from row ``start`` on.

        Raises
        ------
        InputError
            If the strip has another type or size than announced, or lies outside the scene.
        """
        rows, columns, bands = self.shape
        strip = np.asarray(cube)
        if strip.dtype.newbyteorder("=") != self.dtype.newbyteorder("="):
            raise InputError(
                f"{self.path}: the strip at row {start} is {strip.dtype}, but the file was "
                f"announced as {self.dtype}; round and convert the values first"
            )
        if strip.ndim != 3 or strip.shape[1:] != (columns, bands):
            raise InputError(
                f"{self.path}: the strip at row {start} has shape {strip.shape}, expected "
                f"(rows, {columns}, {bands})"
            )
        stop = start + len(strip)
        if start < 0 or stop > rows:
            raise InputError(
                f"{self.path}: rows {start} to {stop} lie outside the {rows} rows announced"
            )
        size = self.dtype.itemsize
        if self.interleave == "bsq":
            for band in range(bands):
                offset = (band * rows + start) * columns * size
                self._write(strip[:, :, band], offset)
        else:
            lines = strip.transpose(0, 2, 1) if self.interleave == "bil" else strip
            self._write(lines, start * columns * bands * size)
        self._missing[start:stop] = False

    def _write(self, block: np.ndarray, offset: int) -> None:
        view = np.ascontiguousarray(block, dtype=self.dtype).reshape(-1).view(np.uint8).data
        self._file.write(view, offset)

    def __enter__(self) -> EnviWriter:
        self._open = self._writing()
        self._open.__enter__()
        return self

    def __exit__(self, *error: Any) -> bool | None:
        return self._open.__exit__(*error)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        rows, columns, bands = self.shape
        with atomic_write(self.path) as partial, PositionedFile(partial, "wb") as self._file:
            self._file.truncate(rows * columns * bands * self.dtype.itemsize)
            yield
            if self._missing.any():
                first = int(np.argmax(self._missing))
                raise InputError(
                    f"{self.path}: {self._missing.sum()} of {rows} rows were never written, the "
                    f"first is row {first}; nothing was kept"
                )
            # An old header beside new data would describe them wrongly, so it goes first.
            self.header.unlink(missing_ok=True)
        write_text(self.header, self._text)

    def _check(self) -> None:
        for name, size in zip(("rows", "columns", "bands"), self.shape, strict=True):
            if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
                raise SettingError(f"{name}={size!r}: expected a whole number of at least 1")
        if self.interleave not in INTERLEAVES:
            raise SettingError(
                f"interleave={self.interleave!r}: expected one of {', '.join(INTERLEAVES)}"
            )
        if self.dtype.newbyteorder("=") not in DATA_TYPES.values():
            known = ", ".join(str(kind) for kind in DATA_TYPES.values())
            raise SettingError(f"dtype={self.dtype}: ENVI files hold one of {known}")
        if self.path.suffix.lower() == ".hdr":
            raise SettingError(f"{self.path}: name the data file, not the header")

    def _header(
        self,
        wavelengths: Sequence[float] | np.ndarray | None,
        bad_bands: Sequence[bool] | np.ndarray | None,
        nodata: float | None,
        georeference: Georeference | None,
        description: str,
    ) -> str:
        rows, columns, bands = self.shape
        native = self.dtype.newbyteorder("=")
        code = next(code for code, kind in DATA_TYPES.items() if kind == native)
        big = self.dtype.byteorder == ">" or (
            self.dtype.byteorder == "=" and np.dtype("=i2") == np.dtype(">i2")
        )
        fields = {
            "description": f"{{{_plain(description)}}}",
            "samples": columns,
            "lines": rows,
            "bands": bands,
            "header offset": 0,
            "file type": "ENVI Standard",
            "data type": code,
            "interleave": self.interleave,
            "byte order": int(big),
        }
        if nodata is not None:
            # Of the file's own type: another number could never be found in the data.
            try:
                fields["data ignore value"] = native.type(nodata).item()
            except (OverflowError, ValueError) as error:
                raise SettingError(f"nodata={nodata}: cannot occur in {native} data") from error
        if georeference is not None:
            fields |= map_fields(georeference)
        if wavelengths is not None:
            values = self._per_band("wavelengths", wavelengths)
            fields["wavelength units"] = "Nanometers"
            fields["wavelength"] = _list(float(value) for value in values)
        if bad_bands is not None:
            fields["bbl"] = _list(int(not bad) for bad in self._per_band("bad_bands", bad_bands))
        return "ENVI\n" + "".join(f"{name} = {value}\n" for name, value in fields.items())

    def _per_band(self, name: str, values: Sequence[Any] | np.ndarray) -> np.ndarray:
        array = np.asarray(values)
        if array.shape != (self.shape[2],):
            raise SettingError(
                f"{name} has shape {array.shape}, expected one entry for each of the "
                f"{self.shape[2]} bands"
            )
        return array


def _plain(text: str) -> str:
    return " ".join(text.translate({ord("{"): "(", ord("}"): ")"}).split())


def _list(values: Any) -> str:
    items = [repr(value) for value in values]
    lines = [", ".join(items[i : i + 8]) for i in range(0, len(items), 8)]
    return "{\n " + ",\n ".join(lines) + "}"
