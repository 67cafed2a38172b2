"""HySpex's scans: raw numbers behind a binary header that holds the camera's calibration.

Layout after the vendor's ``readHyspexHdr.m`` and ``bheberlein/hypro`` (``Radiometry.py``), radiance
after the latter: ``(DN - background) h c / (RE QE SF t A W dl l)`` in W / (m2 sr nm), with the
responsivity RE of each element, the quantum efficiency QE of each band, the number SF of counts per
electron, the integration time t, the aperture A, the solid angle W and the wavelength l.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from oddspec.errors import InputError
from oddspec.io.cameras.calibrated import CalibratedSource, Calibration
from oddspec.io.envi.reader import header_of, open_envi
from oddspec.io.flat import FlatSource
from oddspec.io.reading import reading
from oddspec.io.source import Product, Source

_WORD = b"HYSPEX"

HEADER_FIELDS = np.dtype(
    [
        *(("word", "S8"), ("size", "<i4"), ("serial", "<u4"), ("files", "S320")),
        *(("scaling", "<f8"), ("electronics", "S136"), ("detector", "S200"), ("sensor", "S200")),
        *(("parts", "S664"), ("comment", "S400"), ("record", "S1"), ("server", "<u4", 4)),
        *(("bands", "<u4"), ("samples", "<u4"), ("binning", "<u4"), ("detected", "<u4")),
        *(("time", "<u4"), ("period", "<u4"), ("shown", "<u4", 3), ("shift", "<u4")),
        *(("settings", "<u4", 18), ("frames", "<u4"), ("bad", "<u4"), ("lens", "<u4", 7)),
        *(("SF", "<f8"), ("aperture", "<f8"), ("across", "<f8"), ("along", "<f8")),
        *(("temperature", "<f8"), ("rate", "<f8"), ("pointers", "<i4", 5), ("kind", "<u4")),
    ]
)
"""The part of the header that is as long for all cameras; several fields of no use are one here."""

_PLANCK, _LIGHT = 6.62607015e-34, 2.99792458e17
"""J s, and nm / s."""

_BELOW = 0.5
"""Part of the numbers that must lie above nine tenths of the background to be raw ones."""

_LOOK_ROWS = 8


@dataclass(frozen=True, eq=False)
class _Camera:
    """What the binary header tells; arrays are ``(columns, bands)``."""

    serial: int
    sensor: str
    wavelengths: np.ndarray
    gain: np.ndarray
    background: np.ndarray
    background_after: np.ndarray | None
    ceiling: float
    bad: int


class _Unknown(InputError):
    """Why a binary header cannot be used."""


def is_hyspex(path: Path) -> bool:
    """Whether a path is a scan behind a header that begins with HYSPEX."""
    header = header_of(path)
    if header is None or header.fields.get("header offset", "0") == "0":
        return False
    try:
        source = open_envi(path, allow_truncated=True)
    except InputError:
        return False
    source.close()
    with reading(source.path), open(source.path or path, "rb") as file:
        return file.read(len(_WORD)) == _WORD


def open_hyspex(path: Path, *, allow_truncated: bool = False) -> Source:
    """Open a scan, as radiance where its binary header is of the known layout.

    Raises
    ------
    InputError
        If header and data do not belong together.
    """
    scan = open_envi(path, allow_truncated=allow_truncated)
    try:
        camera = _read_camera(scan)
        _check_raw(scan, camera)
    except _Unknown as reason:
        scan.metadata = scan.metadata.noting(
            f"{reason}: values are raw counts, in which every column of the detector has its own "
            f"level"
        )
        return scan
    except BaseException:
        scan.close()
        raise
    notes = ["calibrated to radiance by the camera's own header"]
    if camera.bad:
        notes.append(
            f"the header lists {camera.bad} bad detector elements, which are not used: no source "
            f"says how it counts them"
        )
    metadata = replace(
        scan.metadata,
        wavelengths=camera.wavelengths,
        unit="W/(m2 sr nm)",
        product=Product(f"HySpex {camera.sensor or camera.serial}", "radiance", scan.name),
    ).noting(*notes)
    after = camera.background_after
    calibration = Calibration(
        camera.background,
        camera.gain,
        ~(np.isfinite(camera.gain) & (camera.gain > 0)),
        camera.ceiling,
        None if after is None else after - camera.background,
    )
    return CalibratedSource(scan, calibration, metadata)


def _read_camera(scan: FlatSource) -> _Camera:
    assert scan.path is not None
    with reading(scan.path), open(scan.path, "rb") as file:
        fixed = file.read(HEADER_FIELDS.itemsize)
        if len(fixed) < HEADER_FIELDS.itemsize:
            raise _Unknown("the binary header is shorter than that of any HySpex camera")
        told = np.frombuffer(fixed, HEADER_FIELDS)[0]
        _, samples, bands = scan.shape
        if (told["samples"], told["bands"]) != (samples, bands):
            raise _Unknown(
                f"the binary header tells of {told['samples']} samples and {told['bands']} bands, "
                f"the ENVI header of {samples} and {bands}"
            )
        serial, bad, element = int(told["serial"]), int(told["bad"]), samples * bands
        # Cameras with these numbers measure the background before and after a scan.
        twice = 3000 <= serial <= 5000 or 7000 <= serial < 8000
        size = 8 * (2 * bands + (3 if twice else 2) * element) + 4 * bad
        stated = str(told["size"])
        offset = scan.metadata.extra.get("header offset", "0")
        if bad > element:
            raise _Unknown(f"the binary header lists {bad} bad elements of {element}")
        if stated != offset or HEADER_FIELDS.itemsize + size > int(stated):
            raise _Unknown(
                f"the binary header has {stated} bytes, where the ENVI header tells of {offset} "
                f"and its lists take {HEADER_FIELDS.itemsize + size}"
            )
        data = file.read(size)
    if len(data) < size:
        raise _Unknown("the file ends within its binary header")

    def taken(count: int, start: int) -> np.ndarray:
        return np.frombuffer(data, "<f8", count, start)

    def frame(start: int) -> np.ndarray:
        # Stored as lines of bands.
        return taken(element, start).reshape(bands, samples).T

    wavelengths, efficiency = taken(bands, 0), taken(bands, 8 * bands)
    response = frame(16 * bands)
    background = frame(16 * bands + 8 * element)
    after = frame(16 * bands + 16 * element + 4 * bad) if twice else None
    if not (np.isfinite(wavelengths) & (wavelengths > 300) & (wavelengths < 3000)).all():
        raise _Unknown("the wavelengths of the binary header are none")
    if not all(np.isfinite(each).all() for each in (background, after) if each is not None):
        raise _Unknown("the background of the binary header is not finite")
    steps = np.diff(wavelengths)
    if bands < 2 or not (steps > 0).all():
        raise _Unknown("the wavelengths of the binary header do not ascend")
    light = (
        told["SF"] * told["time"] * 1e-6 * np.pi * told["aperture"] ** 2
        * told["across"] * told["along"]
    )  # fmt: skip
    if not np.isfinite(light) or light <= 0:
        raise _Unknown("the binary header tells no integration time, aperture or size of a pixel")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        per_band = efficiency * np.r_[steps, steps[-1]] * wavelengths
        gain = _PLANCK * _LIGHT / (response * per_band * light)
    shift = min(int(told["shift"]), 15)
    sensor = bytes(told["sensor"]).split(b"\0")[0].decode("latin-1").strip()
    return _Camera(
        serial, sensor, wavelengths, gain, background, after, 2.0 ** (16 - shift) - 1, bad
    )


def _check_raw(scan: FlatSource, camera: _Camera) -> None:
    """Numbers that were calibrated while they were taken have no background any more."""
    height, width, _ = scan.shape
    rows = np.unique(np.linspace(0, height - 1, _LOOK_ROWS).round().astype(np.intp)).tolist()
    above = [
        float(np.mean(scan.read((row, row + 1), (0, width))[0] >= 0.9 * camera.background))
        for row in rows
    ]
    if np.mean(above) < _BELOW:
        raise _Unknown(
            "most numbers lie below the background of the binary header, so they are no raw ones"
        )
