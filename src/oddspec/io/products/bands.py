"""The bands of a product: joined from several spectrometers, in ascending order, good and bad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oddspec.errors import InputError
from oddspec.io.wavelengths import good_to_bad, to_nanometres


@dataclass(frozen=True, eq=False)
class BandList:
    """What a product says of its bands, all in ascending order of wavelength.

    Attributes
    ----------
    wavelengths, fwhm
        Nanometres; ``fwhm`` is None where the product tells none.
    bad
        True for bands that the product calls bad; None where it tells nothing.
    order
        Where the bands lie in the file; None where that is their order.
    notes
        What was unusual.
    """

    wavelengths: np.ndarray
    fwhm: np.ndarray | None
    bad: np.ndarray | None
    order: np.ndarray | None
    notes: tuple[str, ...]


def band_list(
    path: Path,
    bands: int,
    wavelengths: np.ndarray | None,
    fwhm: np.ndarray | None = None,
    good: np.ndarray | None = None,
    units: str = "nm",
) -> BandList:
    """The bands by the lists of a product.

    Parameters
    ----------
    path
        The file, for messages.
    bands
        How many there are.
    wavelengths, fwhm
        In ``units``, with one entry per band.
    good
        0 for a bad band.
    units
        Of both; a unit that contradicts the numbers does not count.

    Raises
    ------
    InputError
        If the product has no wavelengths, or they are none.
    """
    if wavelengths is None:
        raise InputError(f"{path}: has no list of wavelengths; the product is incomplete")
    nanometres, note = to_nanometres(wavelengths, units, bands)
    if nanometres is None:
        raise InputError(f"{path}: {note}; the product is damaged")
    notes = [note] if note else []
    bad = None
    if good is not None:
        bad, note = good_to_bad(good, bands, "the list of good bands")
        notes += [note] if note else []
    if fwhm is not None:
        # In the unit that the wavelengths turned out to be in.
        fwhm = fwhm * float(
            np.nanmedian(nanometres / np.where(wavelengths == 0, np.nan, wavelengths))
        )
    steps = np.diff(nanometres)
    if not (steps <= 0).any():
        return BandList(nanometres, fwhm, bad, None, tuple(notes))
    order = np.argsort(nanometres, kind="stable")
    notes.append("the bands were brought into ascending order of wavelength")
    return BandList(
        nanometres[order],
        None if fwhm is None else fwhm[order],
        None if bad is None else bad[order],
        order,
        tuple(notes),
    )


def join_bands(wavelengths: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Which bands of several spectrometers make one ascending spectrum.

    Where two of them saw the same wavelengths, the later one counts. Bands without a wavelength
    (0 or NaN) were not acquired and are left out.

    Parameters
    ----------
    wavelengths
        Nanometres of the bands of each spectrometer, in any order.

    Returns
    -------
    order
        Positions among the bands of all, one after the other, by ascending wavelength.
    overlapping
        Positions of those that were left out since another spectrometer saw the same.
    """
    acquired = [np.isfinite(part) & (part > 0) for part in wavelengths]
    twice = [np.zeros(len(part), dtype=bool) for part in wavelengths]
    for at, part in enumerate(wavelengths):
        for other, known in zip(wavelengths[at + 1 :], acquired[at + 1 :], strict=True):
            if known.any():
                twice[at] |= (part >= other[known].min()) & (part <= other[known].max())
    everything = np.concatenate(wavelengths)
    kept = np.flatnonzero(np.concatenate(acquired) & ~np.concatenate(twice))
    overlapping = np.flatnonzero(np.concatenate(acquired) & np.concatenate(twice))
    return kept[np.argsort(everything[kept], kind="stable")], overlapping
