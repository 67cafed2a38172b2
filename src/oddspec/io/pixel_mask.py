"""Which pixels the user wants left out: by quality flags, by an image or polygons, by an area."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.geolocation import lookup_table
from oddspec.io.quality import DEFAULT_MASK, HasQuality, parse_flags
from oddspec.io.source import Source
from oddspec.io.truth import read_marked


@dataclass(frozen=True, eq=False)
class PixelMask:
    """What is left out of a scene beside what has no value.

    Attributes
    ----------
    flags
        Of those that the product tells.
    image
        True for pixels ``(h, w)`` to leave out; None for none.
    notes
        Sentences for the user.
    """

    flags: tuple[str, ...] = ()
    image: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        source: Source,
        mask: Any = None,
        area_of_interest: Any = None,
        max_memory: int | None = None,
    ) -> PixelMask:
        """What to leave out of a scene.

        Parameters
        ----------
        source
            The scene.
        mask
            Names of flags (``cloud,water``), the path of an image or of polygons, an array
            ``(h, w)`` that is true where pixels are left out, or a list of such. Without flags
            among them `DEFAULT_MASK` holds, as far as the product tells these.
        area_of_interest
            A path or an array: what lies outside is left out.
        max_memory
            Bytes that reading may take.

        Raises
        ------
        InputError, SettingError
            If a word is no flag, an array has another shape, or a file cannot be read.
        """
        told: tuple[str, ...] = source.quality if isinstance(source, HasQuality) else ()
        wanted: list[str] | None = None
        images = []
        for each in _separate(mask):
            if isinstance(each, str) and not _is_file(each):
                wanted = [*(wanted or ()), *parse_flags(each)]
            else:
                images.append(_image(source, each, "mask", max_memory))
        if area_of_interest is not None:
            images.append(~_image(source, area_of_interest, "area_of_interest", max_memory))
        notes = []
        untold = [flag for flag in wanted or () if flag not in told]
        if untold:
            by = f"the product tells {', '.join(told)}" if told else "the file tells no flags"
            notes.append(f"nothing is masked as {', '.join(untold)}: {by}")
        chosen = DEFAULT_MASK if wanted is None else wanted
        image = np.logical_or.reduce(images) if images else None
        if image is not None and image.all():
            raise InputError(
                f"{source.path or source.name}: mask and area of interest leave no pixel; check "
                f"that they are not inverted"
            )
        return cls(tuple(flag for flag in chosen if flag in told), image, tuple(notes))


def _separate(mask: Any) -> list[Any]:
    """What a mask is made of, one after the other."""
    if mask is None:
        return []
    return list(mask) if isinstance(mask, (list, tuple)) and not _is_rows(mask) else [mask]


def _is_rows(mask: Sequence[Any]) -> bool:
    """Whether a list is an image itself, row after row."""
    return all(isinstance(row, (list, tuple)) for row in mask)


def _is_file(text: str) -> bool:
    return Path(text).exists() or "/" in text or "\\" in text or "." in text


def _image(source: Source, given: Any, what: str, max_memory: int | None) -> np.ndarray:
    """True where an image, a file of one or polygons are set, as pixels of the scene."""
    shape = source.shape[:2]
    if not isinstance(given, (str, os.PathLike)):
        found = np.asarray(np.ma.filled(given, True))
        if found.shape != shape:
            raise InputError(
                f"{what}: an array of shape {found.shape} was given, but the scene has {shape[0]} "
                f"rows and {shape[1]} columns"
            )
        if found.dtype.kind not in "biuf":
            raise InputError(f"{what}: an array of type {found.dtype} was given; expected bool")
        return found.astype(bool)
    path = Path(given)
    table = lookup_table(source)
    if table is not None:
        marked = read_marked(path, table.shape, max_memory, georeference=table.georeference)
        return table.to_sensor(marked, shape)
    return read_marked(path, shape, max_memory, georeference=source.metadata.georeference)
