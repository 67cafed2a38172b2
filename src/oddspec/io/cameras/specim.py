"""Specim's capture folders (FX, IQ): a scan with ``DARKREF_`` and ``WHITEREF_`` files beside it.

Layout after the code of plantcv, hylite, HSItools and envi2numpy, which agree: headers and data lie
in the folder, or in its folder ``capture``, as ``NAME.hdr`` and ``NAME.raw``, ``DARKREF_NAME.*``
and ``WHITEREF_NAME.*``; a white reference from another time has a dark one of its own,
``WHITEDARKREF_NAME.*``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from oddspec.errors import InputError, SettingError
from oddspec.io.cameras.references import with_references
from oddspec.io.envi.reader import find_header, header_of, must_stay, open_envi
from oddspec.io.flat import FlatSource
from oddspec.io.source import Source

_PREFIXES = {"DARKREF_": "dark", "WHITEREF_": "white", "WHITEDARKREF_": "white_dark"}
_DERIVED = ("REFLECTANCE_", "RGBSCENE_", "RGBBACKGROUND_", "RGBVIEWFINDER_")
_REFERENCE = re.compile(r"(?:.*[_\- ])?(?:dark|white)(?:[_\- ]?ref(?:erence)?)?", re.IGNORECASE)
"""Names of headers of other cameras that are references: ``scan_dark``, ``white-reference``."""

_WHOLE = ("1", "2", "3", "12", "13")
"""ENVI's types of whole numbers of up to 32 bits."""

NONE = "none"
"""Instead of a reference's file: none is used, although one lies beside."""


@dataclass(frozen=True)
class Capture:
    """The files of a scan.

    Attributes
    ----------
    scan
        Header of the scan, or its data where the header lies elsewhere.
    references
        Headers of the references by ``dark``, ``white`` and ``white_dark``.
    others
        Names of headers in the folder that are references, but not those of this scan.
    """

    scan: Path
    references: dict[str, Path] = field(default_factory=dict)
    others: tuple[str, ...] = ()


def is_specim(path: Path) -> bool:
    """Whether a path is a capture folder, or a scan that has references beside it."""
    capture = _capture(path)
    return capture is not None and (path.is_dir() or _is_raw(capture))


def _is_raw(capture: Capture) -> bool:
    """Whether it has references and is of whole numbers, as detectors give them."""
    if not capture.references and not capture.others:
        return False
    header = header_of(capture.scan)
    return header is not None and header.fields.get("data type") in _WHOLE


def open_specim(
    path: Path,
    *,
    dark: str | os.PathLike[str] | None = None,
    white: str | os.PathLike[str] | None = None,
    allow_truncated: bool = False,
) -> Source:
    """Open a scan as reflectance by its references; any camera's where these are given.

    Parameters
    ----------
    path
        The capture folder, the scan's header or its data.
    dark, white
        References instead of those beside the scan; ``none`` for none.
    allow_truncated
        As for `open_envi`.

    Raises
    ------
    InputError
        If the folder holds no scan or several, or a reference does not fit the scan.
    SettingError
        If a white reference is given without any dark one.
    """
    capture = _capture(path)
    if capture is None:
        if path.is_dir():
            raise InputError(f"{path}: holds no header of a scan (.hdr); name the scan itself")
        if path.suffix.lower() != ".hdr" and find_header(path) is None:
            raise InputError(
                f"{path}: dark and white references correct raw scans in ENVI files, and this is "
                f"none; leave out --dark and --white"
            )
        capture = Capture(path)
    used = dict(capture.references)
    for what, given in (("dark", dark), ("white", white)):
        if given is None:
            continue
        used.pop(what, None)
        # A dark reference of the white one's own belongs to the white one beside.
        used.pop("white_dark", None)
        if str(given) != NONE:
            used[what] = _existing(Path(given), what)
    for reference in capture.references.values():
        must_stay(reference, capture.scan)
    scan = open_envi(capture.scan, allow_truncated=allow_truncated)
    try:
        if "dark" not in used:
            return _raw(scan, capture, used, given=white is not None and str(white) != NONE)
        return with_references(
            scan, _sensor(scan, capture), used["dark"], used.get("white"), used.get("white_dark")
        )
    except BaseException:
        scan.close()
        raise


def _existing(path: Path, what: str) -> Path:
    if not path.is_file():
        raise InputError(f"{path}: the {what} reference does not exist, or is no file")
    return path


def _raw(scan: FlatSource, capture: Capture, used: dict[str, Path], given: bool) -> FlatSource:
    """The scan as it is, with a note on why."""
    if given:
        raise SettingError(
            f"{scan.path}: a white reference was given, but no dark one is there; give it with "
            f"--dark"
        )
    beside = [path.name for path in capture.references.values()] + list(capture.others)
    if "white" in used:
        note = f"{used['white'].name} was not used, as no dark reference is there"
    elif beside:
        note = f"{', '.join(sorted(beside)[:4])} beside it were not used"
    else:
        note = "no dark and white references (DARKREF_, WHITEREF_) lie beside it"
    scan.metadata = scan.metadata.noting(
        f"{note}: values are raw counts, in which every column of the detector has its own level; "
        f"--dark and --white give references"
    )
    return scan


def _sensor(scan: FlatSource, capture: Capture) -> str:
    """The camera by its header; other cameras' scans have references that were given by hand."""
    name = " ".join(str(scan.metadata.extra.get("sensor type", "")).split())
    named = not capture.references or re.search("specim", name, re.IGNORECASE)
    return name if named else f"Specim {name}".strip()


def _capture(path: Path) -> Capture | None:
    """The scan that a path means and what lies beside it; None for what is no capture."""
    if path.is_dir():
        return _in_folder(path)
    if not path.is_file() or path.suffix.lower() in (".tif", ".tiff"):
        return None
    header = path if path.suffix.lower() == ".hdr" else find_header(path)
    if header is None or _prefix(header.name) or header.name.upper().startswith(_DERIVED):
        return None
    return _of_scan(path, header, _headers(header.parent))


def _in_folder(path: Path) -> Capture | None:
    inner = next((each for each in _entries(path) if each.name.lower() == "capture"), path)
    folder = inner if inner.is_dir() else path
    headers = _headers(folder)
    references = [each for each in headers if _prefix(each.name)]
    if not references and folder == path:
        return None
    scans = [
        each
        for each in headers
        if each not in references and not each.name.upper().startswith(_DERIVED)
    ]
    if len(scans) != 1:
        held = ", ".join(each.name for each in scans[:5]) or "none"
        raise InputError(
            f"{path}: expected one scan beside its references, found {held}; name the scan's header"
        )
    return _of_scan(scans[0], scans[0], headers)


def _of_scan(scan: Path, header: Path, headers: list[Path]) -> Capture:
    stem = header.stem.lower()
    stems = {stem, Path(stem).stem} if stem.endswith((".raw", ".img", ".dat")) else {stem}
    own: dict[str, Path] = {}
    others = []
    for each in headers:
        prefix = _prefix(each.name)
        if prefix and each.stem[len(prefix) :].lower() in stems:
            own[_PREFIXES[prefix]] = each
        elif prefix or (_REFERENCE.fullmatch(each.stem) and each != header):
            others.append(each.name)
    return Capture(scan, own, tuple(others))


def _prefix(name: str) -> str:
    """Which of the prefixes of references a name has; empty for none."""
    return next((prefix for prefix in _PREFIXES if name.upper().startswith(prefix)), "")


def _headers(folder: Path) -> list[Path]:
    return [each for each in _entries(folder) if each.suffix.lower() == ".hdr"]


def _entries(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries)
