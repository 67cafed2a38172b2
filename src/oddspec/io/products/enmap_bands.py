"""What EnMAP's metadata say of the bands: which of them an image has, and what they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from oddspec.errors import InputError
from oddspec.io.gains import BandGains
from oddspec.io.products.dlr import usable_gains
from oddspec.io.products.xml import numbers_in, text_in
from oddspec.text import positions_text

BANDS = "specific/bandCharacterisation/bandID"

_RANGES = {"VNIR": (380.0, 1040.0), "SWIR": (860.0, 2500.0)}
"""Nanometres that the bands of a detector lie in, with room to spare; they overlap at 902-993."""
_VNIR_BANDS = 91
_EMPTY_MEAN = -1_000_000
"""Mean, in the statistics, of a band without data; its standard deviation is 0."""


@dataclass(frozen=True)
class EnmapBands:
    """The bands of an image, sorted by wavelength.

    Attributes
    ----------
    order
        Position in the image of each.
    wavelengths, fwhm
        In nanometres.
    gains
        How stored numbers become radiance or reflectance.
    without_data
        Whether a band is nodata throughout.
    notes
        What was unusual.
    """

    order: np.ndarray
    wavelengths: np.ndarray
    fwhm: np.ndarray
    gains: BandGains
    without_data: np.ndarray
    notes: tuple[str, ...] = ()


def read_bands(metadata: Path, root: Element, image: Path, count: int, detector: str) -> EnmapBands:
    """The bands of an image.

    Parameters
    ----------
    metadata, root
        The metadata file, and what it holds.
    image, count
        The image, and how many bands it has.
    detector
        ``VNIR`` or ``SWIR`` for an image that is of one of them only; else empty.

    Raises
    ------
    InputError
        If the metadata describe another number of bands, in an order that cannot be, or without
        a number where one is needed.
    """
    described = _numbered(metadata, root.findall(BANDS))
    detectors = _by_detector(metadata, root, described)
    numbers = detectors[detector] if detector else sorted(described)
    if len(numbers) != count:
        raise InputError(
            f"{metadata}: describes {len(numbers)} bands{' of ' + detector if detector else ''}, "
            f"but {image.name} has {count}; they do not belong together"
        )
    bands = [described[number] for number in numbers]
    wavelengths, fwhm, gains, offsets = (
        numbers_in(metadata, bands, tag)
        for tag in ("wavelengthCenterOfBand", "FWHMOfBand", "GainOfBand", "OffsetOfBand")
    )
    scale = usable_gains(metadata, gains, offsets)
    backward = (np.flatnonzero(np.diff(wavelengths) < 0) + 1).tolist()
    notes: tuple[str, ...] = ()
    if backward == [len(detectors["VNIR"])] and not detector:
        notes = ("the bands of VNIR and SWIR stand one after the other in it, and were sorted",)
    elif backward:
        raise InputError(
            f"{metadata}: the wavelengths of the bands step back at band "
            f"{positions_text(backward)}, so that nobody knows which band has which; the metadata "
            f"are damaged"
        )
    order = np.argsort(wavelengths, kind="stable")
    empty = _empty_bands(root)
    return EnmapBands(
        order,
        wavelengths[order],
        fwhm[order],
        scale.of_bands(order),
        np.array([number in empty for number in numbers])[order],
        notes,
    )


def _numbered(metadata: Path, bands: list[Element]) -> dict[int, Element]:
    """Elements that describe bands, by their numbers, or in their order where they have none."""
    try:
        found = {int(band.get("number", place)): band for place, band in enumerate(bands, start=1)}
    except ValueError:
        found = {}
    if sorted(found) != list(range(1, len(bands) + 1)):
        raise InputError(
            f"{metadata}: the numbers of its {len(bands)} bands are not 1 to {len(bands)}, each "
            f"once; the metadata are damaged"
        )
    return found


def _by_detector(
    metadata: Path, root: Element, described: dict[int, Element]
) -> dict[str, list[int]]:
    """The numbers of the bands of either detector.

    Where both see (902 to 993 nm) their bands alternate in the images of L1C and L2A, and
    ``expectedChannelsList`` tells whose a band is.

    Raises
    ------
    InputError
        If they have wavelengths that this detector does not see.
    """
    found = {name: _channels(root, name.lower()) for name in _RANGES}
    if sorted(found["VNIR"] + found["SWIR"]) != sorted(described):
        # No lists, or lists that count otherwise: the bands of VNIR come first then.
        stated = text_in(root, "specific/numberOfVNIRBands", "product/image/vnir/channels")
        first = int(stated) if stated.isdecimal() else _VNIR_BANDS
        return {"VNIR": sorted(described)[:first], "SWIR": sorted(described)[first:]}
    for name, numbers in found.items():
        low, high = _RANGES[name]
        bands = [described[number] for number in numbers]
        wavelengths = numbers_in(metadata, bands, "wavelengthCenterOfBand")
        if not ((low < wavelengths) & (wavelengths < high)).all():
            raise InputError(
                f"{metadata}: calls bands of {wavelengths.min():g} to {wavelengths.max():g} nm "
                f"those of {name}, which sees {low:g} to {high:g} nm; the metadata are damaged"
            )
    return found


def _channels(root: Element, detector: str) -> list[int]:
    text = text_in(root, f"specific/{detector}ProductQuality/expectedChannelsList")
    items = text.replace(",", " ").split()
    return [int(item) for item in items] if all(item.isdecimal() for item in items) else []


def _empty_bands(root: Element) -> set[int]:
    """The numbers of bands that hold no data, as their statistics say."""
    found = set()
    for place, band in enumerate(root.findall("product/bandStatistics/bandID"), start=1):
        number = band.get("number", str(place))
        try:
            mean, spread = (float(text_in(band, tag)) for tag in ("mean", "stdDeviation"))
        except ValueError:
            continue
        if number.isdecimal() and mean == _EMPTY_MEAN and spread == 0:
            found.add(int(number))
    return found
