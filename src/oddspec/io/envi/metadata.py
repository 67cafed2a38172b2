"""What an ENVI header says beside the layout."""

from __future__ import annotations

from math import prod

import numpy as np

from oddspec.io.envi.header import Header, split_list
from oddspec.io.envi.layout import Layout
from oddspec.io.envi.map import read_map
from oddspec.io.gains import BandGains, read_gains
from oddspec.io.source import Metadata, parse_nodata
from oddspec.io.wavelengths import read_bad_bands, to_nanometres, wavelengths_in_names

_WAVELENGTHS = ("wavelength", "wavelengths")
_UNITS = ("wavelength units", "wavelengths units", "wavelength unit", "wavelengths unit")
_READ = (*_WAVELENGTHS, "band names", "bbl", "description")


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
    wavelengths, names, bad = header_bands(header, layout.bands, notes)
    nodata, note = parse_nodata(fields.get("data ignore value"), layout.dtype)
    notes += [f"{header.path.name}: {note}"] if note else []
    georeference, unclear = read_map(fields)
    notes += [f"{header.path.name}: {note}" for note in unclear]
    if present is not None:
        bad = _without_lost_bands(bad, layout, present, notes)
    return Metadata(
        wavelengths=wavelengths,
        band_names=names,
        bad_bands=bad,
        nodata=nodata,
        gains=header_gains(header, layout.bands, bad, notes),
        georeference=georeference,
        interleave=layout.interleave,
        description=" ".join(fields.get("description", "").split()),
        notes=tuple(notes),
        extra={name: value for name, value in fields.items() if name not in _READ},
    )


def header_bands(
    header: Header, bands: int, notes: list[str]
) -> tuple[np.ndarray | None, tuple[str, ...] | None, np.ndarray | None]:
    """Wavelengths in nanometres, names and bad bands of a header; None where it has none.

    Raises
    ------
    InputError
        If the bad-band list has another length than there are bands, or holds no numbers.
    """
    names = _band_names(header, bands, notes)
    text = header.fields.get("bbl")
    bad = None if text is None else read_bad_bands(header.path, split_list(text, bands), bands)
    return _wavelengths(header, bands, names, notes), names, bad


def header_gains(
    header: Header, bands: int, bad: np.ndarray | None, notes: list[str]
) -> BandGains | None:
    """The gains and offsets per band of a header, or else its reflectance scale factor."""
    fields = header.fields
    given = [fields.get(f"data {name} values") for name in ("gain", "offset")]
    gains, offsets = (None if text is None else split_list(text, bands) for text in given)
    factor = fields.get("reflectance scale factor")
    if gains is None and offsets is None:
        divisor, note = read_gains(factor, None, bands, "reflectance scale factor")
        found = divisor and BandGains(1.0 / divisor.gains, divisor.offsets)
    else:
        found, note = read_gains(gains, offsets, bands, "data gain values, data offset values", bad)
        if factor is not None:
            notes.append(
                f"{header.path.name}: the reflectance scale factor was not applied, as there are "
                f"data gain values or data offset values"
            )
    notes += [f"{header.path.name}: {note}"] if note else []
    return found


def _wavelengths(
    header: Header, bands: int, names: tuple[str, ...] | None, notes: list[str]
) -> np.ndarray | None:
    """From the header's list, or else from the names of the bands."""
    text = next((header.fields[key] for key in _WAVELENGTHS if key in header.fields), None)
    if text is not None:
        items = split_list(text, bands)
        units = next((header.fields[key] for key in _UNITS if key in header.fields), None)
        wavelengths, note = to_nanometres(np.array(items, dtype=object), units, bands)
        notes += [f"{header.path.name}: {note}"] if note else []
        if wavelengths is not None:
            return wavelengths
    if names is None:
        return None
    wavelengths, note = wavelengths_in_names(names)
    notes += [f"{header.path.name}: {note}"] if note else []
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
