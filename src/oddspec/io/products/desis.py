"""DESIS: radiance (L1B, L1C) and reflectance (L2A) of the German camera on the space station.

Layout after ``EnMAP-Box/enmap-box`` (``importdesisl1balgorithm.py`` and those of L1C and L2A, which
read the header), hyperproc (``readers/desis.py``, which reads the XML) and ``acolite/acolite``
(``desis/l1_convert.py``, which reads both).
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from oddspec.errors import InputError
from oddspec.io.envi.header import read_header, split_list
from oddspec.io.products.dlr import DlrProduct, level_of, open_image, usable_gains
from oddspec.io.products.layers import LayerImages
from oddspec.io.products.source import ProductSource
from oddspec.io.products.xml import numbers_in, read_xml, text_in
from oddspec.io.source import Metadata, Product, Source
from oddspec.text import positions_text

_UNITS = {"L1B": "mW/(cm^2 sr um)", "L1C": "mW/(cm^2 sr um)", "L2A": "reflectance"}
_NODATA = -32768.0

_BANDS = ".//bandCharacterisation/band"
_LISTS = {
    # In the XML file, in the header, and how far both may lie apart by rounding.
    "wavelength": ("wavelengthCenterOfBand", "wavelength", 0.1),
    "fwhm": ("wavelengthWidthOfBand", "fwhm", 0.1),
    "gain": ("gainOfBand", "data gain values", 0.0),
    "offset": ("offsetOfBand", "data offset values", 0.0),
}
_ROUNDED = 1e-3
"""Of gains and offsets, by which XML and header may differ."""

_MASK_BANDS = {
    "cloud-shadow": (0,),
    "snow": (2,),
    "haze": (3, 4),
    "cloud": (5, 6),
    "water": (7,),
}
"""Bands of QL_QUALITY-2 behind each flag, those over land and over water; 1 is land, 8 and 9 are
numbers (aerosols, water vapour)."""


def is_desis(path: Path) -> bool:
    """Whether a folder, a metadata file, a header or an image is of a DESIS product."""
    product = DlrProduct.of(path)
    if product is None:
        return False
    if product.name.upper().startswith("DESIS"):
        return True
    metadata = product.metadata
    return metadata is not None and read_xml(metadata).find(_BANDS) is not None


def open_desis(path: Path, *, max_memory: int | None = None) -> ProductSource:
    """Open a product by its folder, its metadata file or its image.

    Raises
    ------
    InputError
        If the image is missing, neither metadata nor header tell of its bands, or they contradict
        one another.
    """
    product = DlrProduct.of(path)
    image = None if product is None else product.image()
    if product is None or image is None:
        raise InputError(f"{path}: there is no image of DESIS (-SPECTRAL_IMAGE.tif) beside it")
    metadata = product.metadata
    root = None if metadata is None else read_xml(metadata)
    stated = "" if root is None else text_in(root, ".//productType", "base/level")
    level = level_of(metadata or image, (product.name, stated), _UNITS)
    source = open_image(image, max_memory)
    layers = LayerImages(source.shape[:2], max_memory)
    try:
        facts = _facts(product, root, level, source)
        notes = _add_masks(layers, product, level)
        return ProductSource(
            image,
            product.name,
            [source],
            facts.noting(*notes),
            layers=layers.readers,
            files=[layers],
        )
    except BaseException:
        layers.close()
        source.close()
        raise


def _facts(product: DlrProduct, root: Element | None, level: str, source: Source) -> Metadata:
    image = source.metadata
    notes = list(image.notes)
    lists = _band_lists(product, root, source.shape[2])
    wavelengths = lists["wavelength"]
    backward = np.flatnonzero(np.diff(wavelengths) <= 0) + 1
    if len(backward):
        raise InputError(
            f"{product.given}: the wavelengths of the bands do not rise at band "
            f"{positions_text(backward)}, so that nobody knows which band has which; the metadata "
            f"are damaged"
        )
    georeference = None if level == "L1B" else image.georeference
    if level != "L1B" and georeference is None:
        notes.append(f"the image has no georeference, although {level} should have one")
    return Metadata(
        wavelengths=wavelengths,
        fwhm=lists["fwhm"],
        bad_bands=image.bad_bands,
        nodata=_NODATA if image.nodata is None else image.nodata,
        gains=usable_gains(product.given, lists["gain"], lists["offset"]),
        georeference=georeference,
        interleave=image.interleave,
        description=image.description,
        unit=_UNITS[level],
        product=Product(
            "DESIS", level, product.name, "" if root is None else text_in(root, ".//startTime")
        ),
        notes=tuple(notes),
    )


def _band_lists(product: DlrProduct, root: Element | None, count: int) -> dict[str, np.ndarray]:
    """Wavelengths, widths, gains and offsets by XML file and header, which must agree.

    Raises
    ------
    InputError
        If neither has one of them, one has another number of bands, or they differ.
    """
    metadata, header = product.metadata, product.find("-SPECTRAL_IMAGE.hdr")
    bands = [] if root is None else root.findall(_BANDS)
    fields = {} if header is None else read_header(header).fields
    found = {}
    for name, (tag, field, near) in _LISTS.items():
        stated = []
        if metadata is not None and any(band.find(tag) is not None for band in bands):
            stated.append((metadata, numbers_in(metadata, bands, tag)))
        if header is not None and field in fields:
            stated.append((header, _numbers(header, field, split_list(fields[field], count))))
        if not stated:
            raise InputError(
                f"{product.given}: neither {product.name}-METADATA.xml nor -SPECTRAL_IMAGE.hdr "
                f"tells {field!r} of its bands; put them beside the image, or rename the image to "
                f"read it as it is"
            )
        for path, values in stated:
            if len(values) != count:
                raise InputError(
                    f"{path}: {field!r} is told of {len(values)} bands, but the image has {count}; "
                    f"they do not belong together"
                )
            if not np.allclose(values, stated[0][1], rtol=0 if near else _ROUNDED, atol=near):
                raise InputError(
                    f"{path}: {field!r} differs from that in {stated[0][0].name}; nobody knows "
                    f"which is right"
                )
        found[name] = stated[0][1]
    return found


def _numbers(header: Path, field: str, items: list[str]) -> np.ndarray:
    try:
        values = np.array([float(item) for item in items])
    except ValueError:
        values = np.array([np.nan])
    if not np.isfinite(values).all():
        raise InputError(f"{header}: {field!r} holds other things than numbers")
    return values


def _add_masks(layers: LayerImages, product: DlrProduct, level: str) -> list[str]:
    """Add the masks of L2A, the only level that has some; notes on what was not used."""
    path = product.layer("QL_QUALITY-2")
    if path is None:
        return [f"no masks (QL_QUALITY-2) lie beside {level}: clouds are not masked"]
    for flag, bands in _MASK_BANDS.items():
        layers.add(flag, path, _is_set, bands)
    return []


def _is_set(values: np.ndarray) -> np.ndarray:
    return np.asarray((values > 0) & (values < 255))
