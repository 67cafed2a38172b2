"""EnMAP: radiance (L1B, L1C) and reflectance (L2A) of the German satellite, in GeoTIFF and XML.

Layout after ``EnMAP-Box/enmap-box`` (``importenmapl1b``, ``l1c`` and ``l2aalgorithm.py``),
``GFZ/enpt`` (``metadata_sensorgeo.py``, ``images_sensorgeo.py``), hyperproc (``readers/enmap.py``)
and ESA's SNAP (``EnmapMetadata.java``; ``QualityLayerInfo.java`` for the codes of the masks).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from oddspec.errors import InputError
from oddspec.io.products.dlr import DlrProduct, level_of, open_image
from oddspec.io.products.enmap_bands import BANDS, read_bands
from oddspec.io.products.layers import LayerImages
from oddspec.io.products.source import ProductSource
from oddspec.io.products.xml import read_xml, text_in
from oddspec.io.source import Metadata, Product, Source

_UNITS = {"L1B": "W/m^2/sr/nm", "L1C": "W/m^2/sr/nm", "L2A": "reflectance"}
_NODATA = {"L1B": 0.0, "L1C": 0.0, "L2A": -32768.0}

_NOT_PRODUCED = 0b11
"""Lowest bits of QL_QUALITY_TESTFLAGS where the others mean nothing."""


def _is_one(values: np.ndarray) -> np.ndarray:
    return np.asarray(values == 1)


def _has_bits(values: np.ndarray, bits: int) -> np.ndarray:
    produced = (values & _NOT_PRODUCED) != _NOT_PRODUCED
    return np.asarray(produced & ((values & bits) != 0))


_MASKS: tuple[tuple[str, str, Callable[[np.ndarray], np.ndarray]], ...] = (
    ("water", "QL_QUALITY_CLASSES", lambda values: values == 2),
    ("fill", "QL_QUALITY_CLASSES", lambda values: values == 3),  # 1 is land
    ("cloud", "QL_QUALITY_CLOUD", _is_one),
    ("cloud-shadow", "QL_QUALITY_CLOUDSHADOW", _is_one),
    ("haze", "QL_QUALITY_HAZE", _is_one),
    ("snow", "QL_QUALITY_SNOW", _is_one),
    # Thin, medium, thick.
    ("cirrus", "QL_QUALITY_CIRRUS", lambda values: (values >= 1) & (values <= 3)),
    # Bits of SWIR and VNIR: interpolated, saturated, artefact.
    ("bad-detector", "QL_QUALITY_TESTFLAGS", lambda values: _has_bits(values, 0b00001100)),
    ("saturated", "QL_QUALITY_TESTFLAGS", lambda values: _has_bits(values, 0b00110000)),
    ("product-invalid", "QL_QUALITY_TESTFLAGS", lambda values: _has_bits(values, 0b11000000)),
    # A band for each band of the image; 255 is background.
    ("bad-detector", "QL_PIXELMASK", _is_one),
)
"""Each flag, the image that tells it, and what it has there."""


def is_enmap(path: Path) -> bool:
    """Whether a folder, a metadata file or an image is of an EnMAP product."""
    product = DlrProduct.of(path)
    if product is None:
        return False
    if product.metadata is None:
        return product.name.upper().startswith("ENMAP")
    return read_xml(product.metadata).find(BANDS) is not None


def open_enmap(path: Path, *, max_memory: int | None = None) -> ProductSource:
    """Open a product by its folder, its metadata file or its image.

    Raises
    ------
    InputError
        If the metadata or the image are missing, contradict one another, or are those of L1B as a
        whole: its two detectors have grids of their own.
    """
    product = DlrProduct.of(path)
    metadata = None if product is None else product.metadata
    if product is None or metadata is None:
        raise InputError(
            f"{path}: the file of its metadata, whose name ends in -METADATA.XML, does not lie "
            f"beside it, and without it bands have no wavelengths and no scale; put it there, or "
            f"rename the image to read it as it is"
        )
    root = read_xml(metadata)
    level = level_of(metadata, (product.name, text_in(root, "base/level")), _UNITS)
    image, detector = _image(product, level)
    source = open_image(image, max_memory)
    layers = LayerImages(source.shape[:2], max_memory)
    try:
        facts, order = _facts(metadata, root, level, detector, source)
        notes = _add_masks(layers, product, detector)
        return ProductSource(
            image,
            f"{product.name}_{detector}" if detector else product.name,
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


def _image(product: DlrProduct, level: str) -> tuple[Path, str]:
    """The image to read, and whose it is where each detector has its own."""
    if level != "L1B":
        image = None if product.detector else product.image()
        found = {} if image is None else {"": image}
    else:
        detectors = [product.detector] if product.detector else ["_VNIR", "_SWIR"]
        found = {name: image for name in detectors if (image := product.image(name))}
    if len(found) == 2:
        names = " or ".join(image.name for image in found.values())
        raise InputError(
            f"{product.given}: is an EnMAP product of level L1B, whose two detectors see the "
            f"ground in pixels of their own and cannot be stacked; open one of them, {names}, or "
            f"the product of level L1C or L2A"
        )
    if not found:
        expected = "_VNIR.TIF or _SWIR.TIF" if level == "L1B" else ".TIF"
        raise InputError(
            f"{product.given}: is of an EnMAP product of level {level}, but there is no "
            f"{product.name}-SPECTRAL_IMAGE{expected} beside it"
        )
    detector, image = found.popitem()
    return image, detector.strip("_")


def _facts(
    metadata: Path, root: Element, level: str, detector: str, source: Source
) -> tuple[Metadata, np.ndarray]:
    """What metadata and image say, bands sorted by wavelength, and their order."""
    image = source.metadata
    path = source.path or metadata
    bands = read_bands(metadata, root, path, source.shape[2], detector)
    notes = [*image.notes, *bands.notes]
    nodata = _NODATA[level]
    if image.nodata is not None and image.nodata != nodata:
        notes.append(
            f"the image declares {image.nodata:g} as nodata, which was taken, although EnMAP "
            f"{level} has {nodata:g}"
        )
        nodata = image.nodata
    georeference = None if level == "L1B" else image.georeference
    if level == "L1B":
        notes.append(
            "L1B has no map: what the image states is fitted to the corners of the scene, with "
            "rows that run the wrong way, and was not used; nor were the polynomials (RPC)"
        )
    elif georeference is None:
        notes.append(f"the image has no georeference, although {level} should have one")
    facts = Metadata(
        wavelengths=bands.wavelengths,
        fwhm=bands.fwhm,
        bad_bands=bands.without_data,
        nodata=nodata,
        gains=bands.gains,
        georeference=georeference,
        interleave=image.interleave,
        description=image.description,
        unit=_UNITS[level],
        product=Product(
            "EnMAP",
            level,
            metadata.name[: -len("-METADATA.XML")],
            text_in(root, "base/temporalCoverage/startTime", "specific/datatakeStart"),
        ),
        notes=tuple(notes),
    )
    return facts, bands.order


def _add_masks(layers: LayerImages, product: DlrProduct, detector: str) -> list[str]:
    """Add the masks that lie beside the image; notes on what was not used."""
    unused = []
    for flag, what, test in _MASKS:
        path = product.layer(f"{what}_{detector}") if detector else None
        if path is None:
            path = product.layer(what)
            if path is not None and detector == "SWIR":
                unused.append(path.name)
                continue
        if path is not None:
            layers.add(flag, path, test)
    notes = []
    if unused:
        names = ", ".join(dict.fromkeys(unused))
        notes.append(f"not used, as they lie in the grid of VNIR: {names}")
    if "cloud" not in layers.readers:
        notes.append("no mask of clouds was found (QL_QUALITY_CLOUD): clouds are not masked")
    return notes
