"""Small products with the layouts of sensors, to try readers and pages on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from oddspec.errors import InputError, SettingError
from oddspec.io.atomic import must_be_text
from oddspec.scenes.products.aviris_netcdf import write_aviris_5
from oddspec.scenes.products.desis import write_desis
from oddspec.scenes.products.emit import write_emit
from oddspec.scenes.products.enmap import write_enmap
from oddspec.scenes.products.hyperion import write_hyperion
from oddspec.scenes.products.neon import write_neon
from oddspec.scenes.products.pace import write_pace
from oddspec.scenes.products.prisma import write_prisma_l1, write_prisma_l2d
from oddspec.scenes.products.tanager import write_tanager_basic, write_tanager_ortho
from oddspec.scenes.products.wyvern import write_wyvern

MADE_PRODUCTS: dict[str, Callable[..., list[Path]]] = {
    "emit": write_emit,
    "enmap": write_enmap,
    "prisma": write_prisma_l2d,
    "prisma-l1": write_prisma_l1,
    "tanager": write_tanager_ortho,
    "tanager-basic": write_tanager_basic,
    "aviris-5": write_aviris_5,
    "desis": write_desis,
    "neon": write_neon,
    "wyvern": write_wyvern,
    "pace": write_pace,
    "hyperion": write_hyperion,
}
"""What `make_product` can make: writes the files, the product first, and returns them."""


def make_product(
    folder: str | Path,
    product: str,
    *,
    rows: int = 256,
    columns: int = 256,
    seed: int = 0,
    overwrite: bool = False,
) -> list[Path]:
    """Write a small product of a sensor, with truths in the sensor's geometry and on the map.

    The landscape is that of `oddspec.scenes.make_scene`; files, names, orders of axes, fill values
    and lookup tables are those of the sensor's own files.

    Parameters
    ----------
    folder
        Where to write; it is made.
    product
        One of `MADE_PRODUCTS`.
    rows, columns
        Size of the cube as it is stored.
    seed
        Products of the same settings and seed are equal.
    overwrite
        Write into a folder that holds something already.

    Returns
    -------
    The files, what is to be opened first.

    Raises
    ------
    SettingError
        If the product is not known, or the size is less than 16 x 16.
    InputError
        If the folder holds something already, or cannot be written to.
    """
    if product not in MADE_PRODUCTS:
        raise SettingError(f"product {product!r}: expected one of {', '.join(MADE_PRODUCTS)}")
    if min(rows, columns) < 16:
        raise SettingError(f"rows={rows}, columns={columns}: expected at least 16 of each")
    place = Path(folder)
    must_be_text(place)
    try:
        place.mkdir(parents=True, exist_ok=True)
        if any(place.iterdir()) and not overwrite:
            raise InputError(f"{place}: holds something already; choose another folder")
    except OSError as error:
        raise InputError(
            f"{place}: the folder cannot be used ({error.strerror or error}); choose another"
        ) from error
    return MADE_PRODUCTS[product](place, rows=rows, columns=columns, seed=seed)
