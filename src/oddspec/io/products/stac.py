"""STAC items beside images: JSON files that describe the bands of a product and name its files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from oddspec.errors import InputError
from oddspec.io.envi.reader import must_stay
from oddspec.io.reading import reading

_LARGEST = 16 * 2**20
"""Bytes; an item takes a thousandth of it."""

TIFF = (".tif", ".tiff")


def item_of(path: Path, words: tuple[str, ...]) -> Path | None:
    """The STAC item that a path names, or that lies beside the image it names, if there is one.

    Parameters
    ----------
    path
        A folder, an item or an image.
    words
        One of them stands in the item's identifier, collection or properties.

    Raises
    ------
    InputError
        If a folder holds several.
    """
    if path.is_dir():
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file())
        stems = {name.rpartition(".")[0] for name in names if name.lower().endswith(TIFF)}
        items = [
            path / name
            for name in names
            if name.lower().endswith(".json")
            and name.rpartition(".")[0].removesuffix("_metadata") in stems
        ]
    elif path.suffix.lower() == ".json":
        items = [path]
    elif path.suffix.lower() in TIFF:
        items = [path.with_name(f"{path.stem}{ending}.json") for ending in ("", "_metadata")]
    else:
        return None
    found = [item for item in items if item.is_file() and _is_item(read_item(item), words)]
    if len(found) > 1 and path.is_dir():
        raise InputError(
            f"{path}: holds {len(found)} products; name the image of one, such as that of "
            f"{found[0].name}"
        )
    return found[0] if found else None


def read_item(path: Path) -> Any:
    """What a JSON file holds; None where it is too large to be an item, or no JSON at all."""
    with reading(path), open(path, "rb") as file:
        data = file.read(_LARGEST + 1)
    try:
        return None if len(data) > _LARGEST else json.loads(data)
    except (ValueError, RecursionError):
        return None


def _is_item(item: Any, words: tuple[str, ...]) -> bool:
    if not isinstance(item, dict) or not any(_with_bands(item)):
        return False
    properties = item.get("properties")
    known = [item.get("id"), item.get("collection")]
    known += list(properties.values()) if isinstance(properties, dict) else []
    text = " ".join(str(value) for value in known).lower()
    return any(word in text for word in words)


def _with_bands(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The assets that describe spectral bands."""
    assets = item.get("assets")
    for asset in assets.values() if isinstance(assets, dict) else ():
        bands = asset.get("eo:bands") if isinstance(asset, dict) else None
        if isinstance(bands, list) and len(bands) > 1 and all(isinstance(b, dict) for b in bands):
            yield asset


def file_of_asset(path: Path, metadata: Path, asset: Mapping[str, Any]) -> Path | None:
    """The file of an asset, looked for by its bare name where the item lies."""
    name = PurePosixPath(str(asset.get("href", ""))).name
    found = metadata.with_name(name) if name else metadata
    if found == metadata or not found.is_file():
        return None
    must_stay(found, path)
    return found


def spectral_image(path: Path, metadata: Path, item: Any) -> tuple[Mapping[str, Any], Path]:
    """The asset that describes the image's bands, and the image."""
    assets = list(_with_bands(item))
    if path.suffix.lower() in TIFF:
        named = [asset for asset in assets if file_of_asset(path, metadata, asset) == path]
        return (named or assets)[0], path
    for asset in assets:
        if image := file_of_asset(path, metadata, asset):
            return asset, image
    stem = metadata.stem.removesuffix("_metadata")
    same = [metadata.with_name(stem + suffix) for suffix in TIFF]
    image = next((each for each in same if each.is_file()), None)
    if image is None:
        raise InputError(
            f"{metadata}: the image that it describes, {same[-1].name}, does not lie beside it"
        )
    must_stay(image, path)
    return assets[0], image
