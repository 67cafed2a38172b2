"""Wyvern: radiance (L1B) and reflectance (L2A) of the Dragonette satellites, in GeoTIFF and STAC.

Layout after ``acolite/acolite`` (``wyvern/l1_convert.py``, ``metadata_parse.py``), Wyvern's own
``wyvern-public-resources``, and users' readers of the STAC items (asset ``Cloud optimized GeoTiff``
with ``eo:bands`` and ``raster:bands``; asset ``Data Mask``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.gains import BandGains
from oddspec.io.geotiff import open_geotiff
from oddspec.io.products.layers import LayerImages
from oddspec.io.products.source import ProductSource
from oddspec.io.products.stac import file_of_asset, item_of, read_item, spectral_image
from oddspec.io.source import Metadata, Product, Source, parse_nodata
from oddspec.text import printable

_WORDS = ("wyvern", "dragonette")
_UNITS = {"L1B": "W/(m^2 sr um)", "L2A": "reflectance"}

_CLOSE = 1.5
"""Nanometres by which two statements on a band may differ; names are rounded to one."""

_LONGEST = 80
"""Characters of a text that is shown."""

_SHORTEST = 300
"""Nanometres; smaller numbers in names are no wavelengths."""

_MASK_BANDS = {"cloud": 1, "haze": 2, "cloud-shadow": 3}
"""Bands of the data mask, from 0, that are 1 where the flag is set; 0 is clear."""


def is_wyvern(path: Path) -> bool:
    """Whether a folder, a STAC item or an image is of a Wyvern product."""
    return item_of(path, _WORDS) is not None


def open_wyvern(path: Path, *, max_memory: int | None = None) -> ProductSource:
    """Open a product by its folder, its STAC item or its image.

    Raises
    ------
    InputError
        If the image is missing, or what item and image say of the bands does not agree.
    """
    metadata = item_of(path, _WORDS)
    if metadata is None:
        raise InputError(f"{path}: no STAC item of Wyvern lies beside it")
    item = read_item(metadata)
    asset, image = spectral_image(path, metadata, item)
    source = open_geotiff(image, max_memory=max_memory)
    layers = LayerImages(source.shape[:2], max_memory)
    try:
        facts, order = _facts(metadata, item, asset, source)
        notes = _add_masks(layers, path, metadata, item)
        return ProductSource(
            image,
            image.stem,
            [source],
            facts.noting(*notes),
            order=order,
            layers=layers.readers,
            files=[layers],
        )
    except BaseException:
        layers.close()
        source.close()
        raise


def _facts(
    metadata: Path, item: Any, asset: Mapping[str, Any], source: Source
) -> tuple[Metadata, np.ndarray]:
    """What item and image say, bands sorted by wavelength, and their order."""
    image, count = source.metadata, source.shape[2]
    notes = list(image.notes)
    bands = asset["eo:bands"]
    if len(bands) != count:
        raise InputError(
            f"{metadata}: describes {len(bands)} bands, but {source.path and source.path.name} has "
            f"{count}; they do not belong together"
        )
    wavelengths = _lengths(bands, "center_wavelength")
    if wavelengths is None:
        raise InputError(f"{metadata}: not every one of its bands has a 'center_wavelength'")
    _must_agree(metadata, wavelengths, source, bands)
    fwhm = _lengths(bands, "full_width_half_max")
    order = np.argsort(wavelengths, kind="stable")
    rasters = _listed_rasters(asset, count)
    nodata = image.nodata
    if nodata is None:
        nodata, note = parse_nodata(rasters[0].get("nodata"), source.dtype)
        notes += [note] if note else []
    if image.georeference is None:
        notes.append("the image has no georeference, although it should have one")
    properties = item.get("properties") or {}
    level = _level(metadata, properties, notes)
    gains = _gains(metadata, rasters, image)
    unit = printable(rasters[0].get("unit") or _UNITS[level])[:_LONGEST]
    if source.dtype.kind in "iu" and gains is None:
        notes.append("the numbers are integers, and nothing says their scale: they have no unit")
        unit = ""
    facts = Metadata(
        wavelengths=wavelengths[order],
        fwhm=None if fwhm is None else fwhm[order],
        bad_bands=None if image.bad_bands is None else image.bad_bands[order],
        nodata=nodata,
        gains=None if gains is None else gains.of_bands(order),
        georeference=image.georeference,
        interleave=image.interleave,
        description=image.description,
        unit=unit,
        product=Product(
            "Wyvern",
            level,
            printable(item.get("id") or metadata.stem)[:_LONGEST],
            printable(properties.get("datetime") or "")[:_LONGEST],
        ),
        notes=tuple(notes),
    )
    return facts, order


def _level(metadata: Path, properties: Mapping[str, Any], notes: list[str]) -> str:
    """The level by the item, or by the names that files have since there are two levels."""
    stated = printable(properties.get("processing:level") or "").upper()
    if not stated:
        stated = "L2A" if "_l2a" in metadata.name.lower() else "L1B"
        notes.append(f"the item does not say its level; by its name it is {stated}")
    if stated not in _UNITS:
        raise InputError(f"{metadata}: is of level {stated[:20]}; expected {' or '.join(_UNITS)}")
    return stated


def _lengths(bands: list[dict[str, Any]], key: str) -> np.ndarray | None:
    """A length of each band in nanometres; STAC has micrometres, some items nanometres."""
    try:
        values = np.array([float(band[key]) for band in bands])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if not (np.isfinite(values).all() and (values > 0).all()):
        return None
    micrometres = np.median(values) < 3
    return values * 1e3 if micrometres else values


def _must_agree(
    metadata: Path, wavelengths: np.ndarray, source: Source, bands: list[dict[str, Any]]
) -> None:
    """Compare the item's wavelengths with the image's own, and with names such as ``Band_503``.

    Raises
    ------
    InputError
        If one of them says something else.
    """
    statements = {"the image's own": source.metadata.wavelengths}
    names = {
        "the names of the image's bands": source.metadata.band_names,
        "the names of its bands": [str(band.get("name", "")) for band in bands],
    }
    for what, texts in names.items():
        found = [re.fullmatch(r"\w*?_(\d{3,4})", text) for text in texts or ()]
        numbers = np.array([int(match[1]) for match in found if match], dtype=np.float64)
        # Names that merely count say nothing.
        tells = len(numbers) == len(wavelengths) and numbers.min() >= _SHORTEST
        statements[what] = numbers if tells else None
    for what, stated in statements.items():
        if stated is not None and (np.abs(stated - wavelengths) > _CLOSE).any():
            band = int(np.abs(stated - wavelengths).argmax())
            raise InputError(
                f"{metadata}: band {band + 1} has {wavelengths[band]:g} nm, but {stated[band]:g} "
                f"nm by {what}; nobody knows which is right"
            )


def _listed_rasters(asset: Mapping[str, Any], count: int) -> list[Mapping[str, Any]]:
    """What the item says of the stored numbers of each band; empty where it says nothing."""
    found = asset.get("raster:bands")
    usable = isinstance(found, list) and all(isinstance(each, dict) for each in found)
    return found if usable and found and len(found) == count else [{}] * count


def _gains(metadata: Path, rasters: list[Mapping[str, Any]], image: Metadata) -> BandGains | None:
    """Scale and offset of each band by item and image; None where neither states any.

    Raises
    ------
    InputError
        If they are of no use, or differ.
    """
    try:
        lists = [
            np.array([float(raster.get(key, default)) for raster in rasters])
            for key, default in (("scale", 1.0), ("offset", 0.0))
        ]
    except (TypeError, ValueError, OverflowError):
        lists = [np.zeros(len(rasters))] * 2
    found = BandGains(*lists)
    if not found.usable.all():
        raise InputError(f"{metadata}: a scale or offset in 'raster:bands' is 0 or no number")
    if found.identity:
        return image.gains
    own = image.gains
    if own is not None and not (
        np.allclose(own.gains, found.gains) and np.allclose(own.offsets, found.offsets)
    ):
        raise InputError(
            f"{metadata}: its scales and offsets are not those that the image declares; nobody "
            f"knows which are right"
        )
    return found


def _add_masks(layers: LayerImages, path: Path, metadata: Path, item: Any) -> list[str]:
    """Add the data mask, if it lies beside the image; notes where it does not."""
    mask = next(
        (asset for name, asset in item["assets"].items() if name.lower() == "data mask"), None
    )
    found = file_of_asset(path, metadata, mask) if isinstance(mask, dict) else None
    if found is None:
        return ["no data mask lies beside it: clouds are not masked"]
    for flag, band in _MASK_BANDS.items():
        layers.add(flag, found, lambda values: values == 1, [band])
    return []
