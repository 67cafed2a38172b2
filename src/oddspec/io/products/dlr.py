"""Products of the German Aerospace Center (DLR): a metadata file, an image, and masks beside it.

All files of a product begin alike: ``NAME-METADATA.XML``, ``NAME-SPECTRAL_IMAGE.TIF``,
``NAME-QL_QUALITY_CLOUD.TIF``; letters may be large or small, and ``_COG`` may stand before the dot.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oddspec.errors import InputError
from oddspec.io.envi.reader import must_stay, open_envi
from oddspec.io.formats import format_of
from oddspec.io.gains import BandGains
from oddspec.io.geotiff import open_geotiff
from oddspec.io.reading import reading
from oddspec.io.source import Source
from oddspec.text import positions_text

_MEMBER = re.compile(
    r"(?P<name>.+?)-(?:METADATA\.XML|SPECTRAL_IMAGE(?P<detector>_VNIR|_SWIR)?(?:_COG)?"
    r"(?P<suffix>\.[A-Z0-9]+))",
    re.IGNORECASE,
)
_LEVEL = re.compile(r"(?:^|[-_. ])(L\d[A-Z])(?:$|[-_. ])", re.IGNORECASE)
_TIFF = (".tif", ".tiff", ".geotiff", "_cog.tif", "_cog.tiff")
_READ = (*_TIFF, ".bsq", ".bil", ".bip")
_JPEG = (".jp2", ".jpeg2000")


@dataclass(frozen=True)
class DlrProduct:
    """The files of one product.

    Attributes
    ----------
    given
        The folder, the metadata file or the image that was named.
    name
        What all files begin with.
    detector
        ``_VNIR`` or ``_SWIR`` where the image that was named is that of one of two.
    is_image
        Whether an image was named.
    files
        The folder's files by their lower-case names.
    """

    given: Path
    name: str
    detector: str
    is_image: bool
    files: Mapping[str, Path]

    @classmethod
    def of(cls, given: Path) -> DlrProduct | None:
        """The product that a folder holds, or that a file belongs to; None where there is none.

        Raises
        ------
        InputError
            If a folder holds several.
        """
        is_folder = given.is_dir()
        member = None if is_folder else _MEMBER.fullmatch(given.name)
        if not is_folder and (member is None or not given.is_file()):
            return None
        with reading(given), os.scandir(given if is_folder else given.parent) as entries:
            files = {entry.name.lower(): Path(entry.path) for entry in entries if entry.is_file()}
        if member is not None:
            suffix = (member["suffix"] or "").lower()
            detector = (member["detector"] or "").upper()
            return cls(given, member["name"], detector, suffix in (*_READ, *_JPEG), files)
        members = [_MEMBER.fullmatch(path.name) for path in files.values()]
        names = sorted({match["name"] for match in members if match})
        if len(names) > 1:
            raise InputError(
                f"{given}: holds {len(names)} products ({', '.join(names[:2])}, ...); name the "
                f"metadata file of one of them"
            )
        return cls(given, names[0], "", False, files) if names else None

    @property
    def metadata(self) -> Path | None:
        """The metadata file, if it is there."""
        return self.find("-metadata.xml")

    def find(self, *endings: str) -> Path | None:
        """The first file of these endings that is there.

        Raises
        ------
        InputError
            If it is a link that leaves the folder.
        """
        names = [f"{self.name}{ending}".lower() for ending in endings]
        found = next((self.files[name] for name in names if name in self.files), None)
        if found is not None:
            must_stay(found, self.given)
        return found

    def layer(self, what: str) -> Path | None:
        """The image of a layer such as ``QL_QUALITY_CLOUD``, if it is there."""
        return self.find(*(f"-{what}{suffix}" for suffix in _TIFF))

    def image(self, detector: str = "") -> Path | None:
        """The spectral image that was named, or else lies with the metadata, if it is there.

        Raises
        ------
        InputError
            If it is there in JPEG 2000 only.
        """
        if self.is_image and self.detector == detector and self.given.suffix.lower() in _READ:
            return self.given
        base = f"-SPECTRAL_IMAGE{detector}"
        found = self.find(*(base + suffix for suffix in _READ))
        jpeg = self.find(*(base + suffix for suffix in _JPEG)) if found is None else None
        if jpeg is not None:
            raise InputError(
                f"{jpeg}: is JPEG 2000, which is not supported; convert it with gdal_translate to "
                f"a GeoTIFF of that name which ends in .TIF"
            )
        return found


def level_of(path: Path, texts: Iterable[str], known: Collection[str]) -> str:
    """The level that texts such as the product's name and its metadata state.

    Raises
    ------
    InputError
        If they differ, say nothing, or it is none of those that are known.
    """
    stated = {match[1].upper() for text in texts if (match := _LEVEL.search(text))}
    if len(stated) != 1 or not stated <= set(known):
        raise InputError(
            f"{path}: is of level {' and of level '.join(sorted(stated)) or 'unknown'}; expected "
            f"one of {', '.join(known)}"
        )
    return stated.pop()


def open_image(path: Path, max_memory: int | None) -> Source:
    """Open the image of a product, which is a GeoTIFF or an ENVI file.

    Raises
    ------
    InputError
        If it is neither, or cannot be read.
    """
    kind = format_of(path)
    if kind not in ("GeoTIFF", "ENVI"):
        raise InputError(f"{path}: is a {kind} file, where a GeoTIFF or an ENVI file was expected")
    with reading(path, f"is damaged, or no {kind} file that can be read"):
        return open_geotiff(path, max_memory=max_memory) if kind == "GeoTIFF" else open_envi(path)


def usable_gains(path: Path, gains: np.ndarray, offsets: np.ndarray) -> BandGains:
    """Gains and offsets of the bands, without which their numbers have no meaning.

    Raises
    ------
    InputError
        If one is 0, no finite number, or of an impossible size.
    """
    found = BandGains(gains, offsets)
    useless = np.flatnonzero(~found.usable)
    if len(useless):
        raise InputError(
            f"{path}: gains or offsets of bands {positions_text(useless)} (counted from 1) are "
            f"0, no numbers, or of an impossible size; the metadata are damaged"
        )
    return found
