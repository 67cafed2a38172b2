"""What an ENVI header says beside the layout."""

from __future__ import annotations

from math import prod

import numpy as np

from oddspec.errors import InputError
from oddspec.io.envi.header import Header, split_list
from oddspec.io.envi.layout import Layout
from oddspec.io.envi.map import read_map
from oddspec.io.source import Metadata, parse_nodata
from oddspec.io.wavelengths import to_nanometres

_READ = ("wavelength", "band names", "bbl", "description")


def read_metadata(
    header: Header, layout: Layout, present: int | None, notes: list[str]
) -> Metadata:
    """The metadata of a header.

    Parameters
    ----------
    header, layout
        The header and what it says of the data file.
    present
        How many numbers the data file has; None for all.
    notes
        What was unusual so far; the header's own notes and those made here come after.

    Raises
    ------
    InputError
        If the bad-band list has another length than there are bands, or holds no numbers.
    """
    notes = [*notes, *header.notes]
    fields = header.fields
    wavelengths = _wavelengths(header, layout.bands, notes)
    names = _band_names(header, layout.bands, notes)
    nodata, note = parse_nodata(fields.get("data ignore value"), layout.dtype)
    notes += [f"{header.path.name}: {note}"] if note else []
    georeference, unclear = read_map(fields)
    notes += [f"{header.path.name}: {note}" for note in unclear]
    bad = _bad_bands(header, layout.bands)
    if present is not None:
        bad = _without_lost_bands(bad, layout, present, notes)
    return Metadata(
        wavelengths=wavelengths,
        band_names=names,
        bad_bands=bad,
        nodata=nodata,
        georeference=georeference,
        interleave=layout.interleave,
        description=" ".join(fields.get("description", "").split()),
        notes=tuple(notes),
        extra={name: value for name, value in fields.items() if name not in _READ},
    )


def _wavelengths(header: Header, bands: int, notes: list[str]) -> np.ndarray | None:
    text = header.fields.get("wavelength")
    if text is None:
        return None
    items = split_list(text, bands)
    wavelengths, note = to_nanometres(
        np.array(items, dtype=object), header.fields.get("wavelength units"), bands
    )
    if note:
        notes.append(f"{header.path.name}: {note}")
    return wavelengths


def _band_names(header: Header, bands: int, notes: list[str]) -> tuple[str, ...] | None:
    text = header.fields.get("band names")
    if text is None:
        return None
    names = split_list(text, bands)
    if len(names) != bands:
        notes.append(f"{header.path.name}: {len(names)} band names for {bands} bands: ignored")
        return None
    return tuple(names)


def _bad_bands(header: Header, bands: int) -> np.ndarray | None:
    text = header.fields.get("bbl")
    if text is None:
        return None
    items = split_list(text, bands)
    if len(items) != bands:
        raise InputError(
            f"{header.path}: the bad-band list (bbl) has {len(items)} entries, but there are "
            f"{bands} bands; correct or remove it"
        )
    try:
        values = np.array([float(item) for item in items])
    except ValueError:
        values = np.full(bands, np.nan)
    if not np.isfinite(values).all():
        raise InputError(
            f"{header.path}: the bad-band list (bbl) holds other things than numbers; expected 0 "
            f"for a bad band and 1 for a good one"
        )
    bad: np.ndarray = values == 0
    return bad


def _without_lost_bands(
    bad: np.ndarray | None, layout: Layout, present: int, notes: list[str]
) -> np.ndarray | None:
    """Call bad what a truncated BSQ file has lost: else every pixel would miss something.

    The band in which the file ends is kept if at least half of it is there; its missing pixels
    are masked then.
    """
    if layout.interleave != "bsq":
        return bad
    plane = prod(layout.shape) // layout.bands
    usable, rest = divmod(present, plane)
    usable += 2 * rest >= plane
    lost = np.arange(layout.bands) >= usable
    if lost.any():
        notes.append(f"bands {usable + 1} to {layout.bands} are missing and were called bad")
    return lost if bad is None else bad | lost
