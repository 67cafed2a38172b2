"""AVIRIS (Classic, NG and 3): ENVI images of radiance or reflectance.

Layout after the distribution documents of JPL and ``emit-sds/emit-sds-l2a`` (``apply_glt.py``).
Images on a map have ``map info`` (mostly rotated). Those in sensor geometry have beside them a
lookup table (``_glt``: sample and line from 1, 0 void, negative where a neighbour fills in) or the
place of every pixel (``_igm``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from oddspec.errors import InputError
from oddspec.io.envi.header import Header
from oddspec.io.envi.metadata import header_bands
from oddspec.io.envi.reader import header_of, must_stay, open_envi
from oddspec.io.flat import FlatSource
from oddspec.io.gains import BandGains
from oddspec.io.products.aviris_places import beside_of, read_places
from oddspec.io.products.source import ProductSource
from oddspec.io.quality import Layer
from oddspec.io.reading import reading
from oddspec.io.source import Metadata, Product
from oddspec.text import positions_text

_FLIGHT = re.compile(r"f\d{6}t\d{2}p\d{2}r\d{2}|ang\d{8}t\d{6}|av3\d{8}t\d{6}", re.IGNORECASE)
"""What names of one flight line begin with."""

_SHORTEST, _LONGEST = (340.0, 400.0), (2440.0, 2530.0)
"""Nanometres within which the first and the last band of all three lie."""


@dataclass(frozen=True)
class _Model:
    name: str
    bands: tuple[int, ...]
    integers: bool
    fill: float
    """Value of pixels without a measurement, where the header declares none."""


_MODELS = (
    _Model("AVIRIS Classic", (224,), True, -50.0),
    _Model("AVIRIS-NG", (425, 432), False, -9999.0),
    _Model("AVIRIS-3", (284, 285), False, -9999.0),
)

_LEVELS = {
    "radiance": re.compile(r"rdn|radiance|\brad\b", re.IGNORECASE),
    "reflectance": re.compile(r"rfl|refl|_corr_", re.IGNORECASE),
}

_LONGEST_GAINS = 100_000
"""Bytes of a file of gains; it has a line of two numbers for each band."""


def is_aviris(path: Path) -> bool:
    """Whether a path is an ENVI image with the bands of one of the sensors and a sign of it."""
    header = header_of(path)
    return header is not None and _model(header) is not None


def _model(header: Header) -> _Model | None:
    """Which of the sensors has these bands; a sign is a name, a word or the stepping back."""
    fields = header.fields
    counts = {str(count): model for model in _MODELS for count in model.bands}
    model = counts.get(fields.get("bands", ""))
    integers = fields.get("data type") in ("2", "3", "12")
    if model is None or integers != model.integers:
        return None
    try:
        wavelengths, *_ = header_bands(header, int(fields["bands"]), [])
    except InputError:
        return None
    if wavelengths is None or np.isnan(wavelengths).all():
        return None
    ends = (np.nanmin(wavelengths), np.nanmax(wavelengths))
    if not all(
        low <= end <= high for end, (low, high) in zip(ends, (_SHORTEST, _LONGEST), strict=True)
    ):
        return None
    named = _FLIGHT.match(header.path.name) or "aviris" in fields.get("description", "").lower()
    # At the joins of the four spectrometers of the Classic one.
    joins = integers and bool((np.diff(wavelengths) < 0).any())
    return model if named or joins else None


def open_aviris(
    path: Path, *, max_memory: int | None = None, allow_truncated: bool = False
) -> ProductSource:
    """Open an image by its header or its data.

    Raises
    ------
    InputError
        If the image, or what lies beside it, is damaged or does not fit.
    """
    source = open_envi(path, allow_truncated=allow_truncated)
    try:
        return _opened(source, max_memory)
    except BaseException:
        source.close()
        raise


def _opened(source: FlatSource, max_memory: int | None) -> ProductSource:
    header = None if source.header is None else header_of(source.header)
    model = None if header is None else _model(header)
    if model is None:
        raise InputError(f"{source.path}: has not the bands of AVIRIS Classic, NG or 3")
    meta, notes = source.metadata, []
    assert source.path is not None
    assert meta.wavelengths is not None
    level = _level(source)
    flight = _FLIGHT.match(source.name)
    identifier = flight.group() if flight else source.name
    layers: dict[str, Layer] = {}
    if meta.nodata is None and (meta.georeference is not None or _holds_fill(source, model.fill)):
        # In all bands: a single one of the Classic sensor's may well be -50 by its noise.
        layers["fill"] = lambda rows, columns: np.all(
            source.read(rows, columns) == model.fill, axis=2
        )
        notes.append(
            f"the header declares no nodata value: pixels of {model.fill:g} in all bands, with "
            f"which {model.name} fills what was not measured, are flagged as fill"
        )
    order = np.argsort(meta.wavelengths, kind="stable")
    steps = np.flatnonzero(np.diff(meta.wavelengths) < 0) + 1
    if len(steps):
        notes.append(
            f"wavelengths step back at bands {positions_text(steps)}, where the next spectrometer "
            f"begins: bands are sorted by wavelength, and counted in that order"
        )
    beside: dict[str, Path] = {}
    if flight:
        beside = beside_of(source.path, flight.group())
    gains, unit = meta.gains, "reflectance" if level == "reflectance" else "uW/cm^2/nm/sr"
    used: list[Path] = []
    if model.integers and level != "reflectance" and gains is None:
        if "gain" in beside:
            must_stay(beside["gain"], source.path)
            factors = read_gain_file(beside["gain"], source.shape[2])
            gains = BandGains(1 / factors, np.zeros(len(factors)))
            used.append(beside["gain"])
        else:
            unit = "uW/cm^2/nm/sr, times the gains of a file (.gain) that is not there"
    locate = None
    if meta.georeference is None:
        tables: dict[str, Path] = {name: beside[name] for name in ("glt", "igm") if name in beside}
        for table in tables.values():
            must_stay(table, source.path)
            used.append(table)
        if tables:
            shape = source.shape[:2]
            locate = lambda: read_places(tables, shape, max_memory)  # noqa: E731
        else:
            notes.append(
                "neither a map nor a lookup table (_glt, _igm) beside it tells where its pixels lie"
            )
    metadata = replace(
        _ordered(replace(meta, gains=gains), order),
        unit=unit,
        product=Product(model.name, level, identifier),
    ).noting(*notes)
    return ProductSource(
        source.path,
        source.name,
        [source],
        metadata,
        order=order,
        layers=layers,
        locate=locate,
        beside=used,
    )


def _level(source: FlatSource) -> str:
    """``radiance`` or ``reflectance``, by name or description; empty where neither tells."""
    for text in (source.name, source.metadata.description):
        found = [level for level, words in _LEVELS.items() if words.search(text)]
        if len(found) == 1:
            return found[0]
    return ""


def _holds_fill(source: FlatSource, fill: float) -> bool:
    """Whether some pixel of evenly spread rows is filled in all bands."""
    height, width, _ = source.shape
    rows = np.unique(np.linspace(0, height - 1, 17).round().astype(np.intp)).tolist()
    return any((source.read((row, row + 1), (0, width)) == fill).all(axis=2).any() for row in rows)


def _ordered(metadata: Metadata, order: np.ndarray) -> Metadata:
    """The metadata with its lists in another order of bands."""

    def turned(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[order]

    names = metadata.band_names
    return replace(
        metadata,
        wavelengths=turned(metadata.wavelengths),
        fwhm=turned(metadata.fwhm),
        bad_bands=turned(metadata.bad_bands),
        gains=metadata.gains and metadata.gains.of_bands(order),
        band_names=names and tuple(names[i] for i in order),
    )


def read_gain_file(path: Path, bands: int) -> np.ndarray:
    """The factors by which radiance was multiplied to become whole numbers, one per band.

    Parameters
    ----------
    path
        Lines of a factor and, mostly, the number of its band from 1.
    bands
        How many there must be.

    Raises
    ------
    InputError
        If there are others than positive numbers, or not one for each band in their order.
    """
    with reading(path), open(path, "rb") as file:
        text = file.read(_LONGEST_GAINS + 1)
    try:
        lines = [line.split() for line in text.decode("ascii").splitlines() if line.strip()]
        factors = np.array([float(line[0]) for line in lines])
        numbers = [int(float(line[1])) for line in lines if len(line) > 1]
    except (ValueError, IndexError) as error:
        raise InputError(f"{path}: is no file of gains, two numbers in each line") from error
    in_order = numbers in ([], list(range(1, bands + 1)))
    if len(factors) != bands or not in_order or not (np.isfinite(factors) & (factors > 0)).all():
        raise InputError(
            f"{path}: expected one positive gain for each of {bands} bands in their order, found "
            f"{len(factors)} lines"
        )
    return factors
