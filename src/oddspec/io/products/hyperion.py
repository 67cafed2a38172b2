"""Hyperion: radiance on a map (L1T) of the camera on Earth Observing-1, a GeoTIFF for each band.

Layout after ``acolite/acolite`` (``hyperion/l1_convert.py``, ``metadata.py``, ``projection.py``)
and PyGMI (``get_hyperion``). The products have no wavelengths; they are computed, see below.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from oddspec.errors import InputError
from oddspec.io.envi.reader import must_stay
from oddspec.io.products.mtl import mtl_number, mtl_place, read_mtl
from oddspec.io.products.single_bands import SingleBands
from oddspec.io.products.source import ProductSource
from oddspec.io.source import Georeference, Metadata, Product
from oddspec.text import positions_text, printable

_BANDS = 242
_VNIR = 70
"""Bands of the first spectrometer; the others are those of the second."""

_ENDS = ((356.37, 1058.05), (852.00, 2577.10))
"""Nanometres of the first and last band of either spectrometer, after ``acolite``'s table; bands
lie evenly between. PyGMI's table is even, too, and differs from this by up to 0.8 nm."""

_CALIBRATED = ((8, 57), (77, 224))
"""The only bands whose scaling factors USGS states; the others are empty."""

_LEVELS = ("L1T", "L1GST", "L1GS")
"""Levels that are images on a map."""

_FILE_NAME = re.compile(r"BAND(\d{1,3})_FILE_NAME")


def is_hyperion(path: Path) -> bool:
    """Whether a folder, a metadata file or the image of a band is of a Hyperion product."""
    return _metadata_of(path) is not None


def open_hyperion(path: Path, *, max_memory: int | None = None) -> ProductSource:
    """Open a product by its folder, its metadata file or the image of any band.

    Raises
    ------
    InputError
        If images are missing, differ in size or place, or lie elsewhere than the metadata say.
    """
    metadata = _metadata_of(path)
    if metadata is None:
        raise InputError(f"{path}: no metadata of Hyperion (..._MTL_L1T.TXT) lie beside it")
    values = read_mtl(metadata)
    files, missing = _images(path, metadata, values)
    # Sorted by wavelength: the two spectrometers overlap.
    numbers = np.array(sorted(files, key=lambda number: wavelengths_of(np.array([number]))[0]))
    factors = _factors(metadata, values, numbers)
    source = SingleBands(metadata, [files[number] for number in numbers], factors, max_memory)
    try:
        facts = _facts(metadata, values, numbers, source, missing)
        name = facts.product.identifier if facts.product else metadata.stem
        return ProductSource(metadata, name, [source], facts)
    except BaseException:
        source.close()
        raise


def wavelengths_of(numbers: np.ndarray) -> np.ndarray:
    """Nanometres of bands 1 to 242."""
    vnir, swir = (
        np.linspace(*ends, count)
        for ends, count in zip(_ENDS, (_VNIR, _BANDS - _VNIR), strict=True)
    )
    return np.concatenate([vnir, swir])[numbers - 1]


def _metadata_of(path: Path) -> Path | None:
    """The metadata file that a path names, or that lies beside the image it names.

    Raises
    ------
    InputError
        If a folder holds several.
    """
    if path.is_file() and path.suffix.lower() == ".txt":
        return path if _is_hyperion(path) else None
    is_image = path.is_file() and re.search(r"_B\d{3}_L1\w+\.tif$", path.name, re.IGNORECASE)
    if not is_image and not path.is_dir():
        return None
    with os.scandir(path.parent if is_image else path) as entries:
        names = sorted(Path(entry.path) for entry in entries if entry.is_file())
    texts = [name for name in names if "mtl" in name.name.lower() and name.suffix.lower() == ".txt"]
    found = [name for name in texts if _is_hyperion(name)]
    if is_image:
        found = [text for text in found if path.name in read_mtl(text).values()]
    if len(found) > 1:
        raise InputError(
            f"{path}: holds {len(found)} Hyperion products; name the metadata file of one, such "
            f"as {found[0].name}"
        )
    return found[0] if found else None


def _is_hyperion(path: Path) -> bool:
    try:
        values = read_mtl(path)
    except InputError:
        return False
    named = any(_FILE_NAME.fullmatch(name) for name in values)
    return named and (
        values.get("SENSOR_ID", "").upper() == "HYPERION" or "SCALING_FACTOR_VNIR" in values
    )


def _images(
    path: Path, metadata: Path, values: Mapping[str, str]
) -> tuple[dict[int, Path], list[int]]:
    """The images by the numbers of their bands, and the numbers of those that are not there."""
    with os.scandir(metadata.parent) as entries:
        files = {entry.name.lower(): Path(entry.path) for entry in entries if entry.is_file()}
    found, missing = {}, []
    for name, value in values.items():
        match = _FILE_NAME.fullmatch(name)
        if match is None:
            continue
        number = int(match[1])
        if not 1 <= number <= _BANDS or re.search(r"[/\\:\0]", value):
            raise InputError(
                f"{metadata}: {name} is {value[:60]!r}, where the bare name of an image of band 1 "
                f"to {_BANDS} was expected"
            )
        image = files.get(value.lower())
        if image is None:
            missing.append(number)
        else:
            must_stay(image, path)
            found[number] = image
    if len(found) < 2:
        raise InputError(
            f"{metadata}: of the {len(missing) + len(found)} images that it names, {len(found)} "
            f"lie beside it; at least two bands are needed"
        )
    return found, missing


def _factors(metadata: Path, values: Mapping[str, str], numbers: np.ndarray) -> np.ndarray:
    """What the stored numbers of each band are divided by."""
    vnir, swir = (
        mtl_number(metadata, values, f"SCALING_FACTOR_{name}") for name in ("VNIR", "SWIR")
    )
    if min(vnir, swir) <= 0:
        raise InputError(f"{metadata}: a scaling factor is {min(vnir, swir):g}; expected above 0")
    return np.where(numbers <= _VNIR, vnir, swir)


def _facts(
    metadata: Path,
    values: Mapping[str, str],
    numbers: np.ndarray,
    source: SingleBands,
    missing: list[int],
) -> Metadata:
    """What the metadata say."""
    level = values.get("PRODUCT_TYPE", "L1T").upper()
    if level not in _LEVELS:
        raise InputError(
            f"{metadata}: is of level {level[:20]}; expected one of {', '.join(_LEVELS)}"
        )
    notes = [
        "wavelengths are not in the product: they were computed from the numbers of the bands, "
        "and published tables differ by up to 0.8 nm; widths of the bands are not known"
    ]
    if missing:
        where = positions_text(np.array(missing) - 1)
        notes.append(f"images that are not there, and were left out: of bands {where}")
    calibrated = np.logical_or.reduce([(a <= numbers) & (numbers <= b) for a, b in _CALIBRATED])
    georeference = _place(metadata, values, source, notes)
    identifier = re.split(r"_mtl", metadata.stem, flags=re.IGNORECASE)[0]
    date, time = values.get("ACQUISITION_DATE", ""), values.get("START_TIME", "")
    return Metadata(
        wavelengths=wavelengths_of(numbers),
        band_names=tuple(f"B{number:03d}" for number in numbers),
        bad_bands=~calibrated,
        georeference=georeference,
        interleave="bsq",
        unit="W/(m^2 sr um)",
        product=Product(
            "Hyperion", level, identifier, printable(f"{date} {time.split(' ')[-1]}").strip()
        ),
        notes=tuple(notes),
    )


def _place(
    metadata: Path, values: Mapping[str, str], source: SingleBands, notes: list[str]
) -> Georeference | None:
    """The images' georeference, or else that of the metadata; they must not differ by a pixel."""
    own, stated = source.metadata.georeference, mtl_place(metadata, values, source.shape)
    if own is None:
        notes.append(
            "the images have no georeference; "
            + (
                "that of the metadata was taken"
                if stated
                else "nor have the metadata one that could be read"
            )
        )
        return stated
    if stated is not None:
        x, y = stated.transform @ (0, 0)
        right, down = ~own.transform @ (x, y)
        apart = max(abs(right), abs(down))
        if apart > 1:
            raise InputError(
                f"{metadata}: its corner lies {apart:.3g} pixels away from that of the images; "
                f"they do not belong together"
            )
        if apart > 0.01:
            notes.append(
                f"the corner lies {apart:.2f} pixels away from that in the metadata; that of the "
                f"images was taken"
            )
    return own
