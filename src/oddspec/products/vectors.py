"""Detections as map layers (GeoPackage, GeoJSON) and as a table (CSV).

If a file cannot be written, an `OddspecError` says so and the older file is kept.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.atomic import atomic_write
from oddspec.products.table import COLUMNS, Table
from oddspec.text import csv_cell, printable

LAYER = "detections"


def write_geopackage(path: Path, table: Table, facts: Mapping[str, Any] | None = None) -> None:
    """Write the detections as the layer ``detections`` of a GeoPackage.

    Coordinates and coordinate system are the scene's. ``facts`` (detector, threshold, wavelengths)
    become the layer's metadata.
    """
    crs = None if table.georeference is None else table.georeference.crs
    with atomic_write(path) as partial:
        _write(
            partial,
            table,
            driver="GPKG",
            crs=None if crs is None else crs.to_wkt(version="WKT2_2019"),
            geometry_type="MultiPolygon",
            promote_to_multi=True,
            layer_metadata={str(k): printable(v) for k, v in (facts or {}).items()},
            layer_options={
                "GEOMETRY_NAME": "geom",
                "DESCRIPTION": _description(table, native=True),
            },
        )
        _verify(partial, len(table))


def write_geojson(path: Path, table: Table) -> None:
    """Write the detections as GeoJSON (RFC 7946): longitude and latitude in WGS 84.

    Raises
    ------
    InputError
        If the table has no longitudes and latitudes: programs would take any other coordinates for
        these.
    OddspecError
        If the file cannot be written; the older one is kept.
    """
    if not table.has_longitude_latitude:
        raise InputError(
            f"{path}: the scene has no coordinate system that leads to longitude and latitude, "
            f"and GeoJSON has no others; use the GeoPackage"
        )
    assert table.georeference is not None
    assert table.georeference.crs is not None
    with atomic_write(path) as partial:
        _write(
            partial,
            table,
            driver="GeoJSON",
            crs=table.georeference.crs.to_wkt(version="WKT2_2019"),
            geometry_type="Unknown",
            # Nine digits are a tenth of a millimetre. GDAL reprojects, and cuts at the date line.
            layer_options={
                "RFC7946": "YES",
                "COORDINATE_PRECISION": "9",
                "DESCRIPTION": _description(table, native=False),
            },
        )
        _verify(partial, len(table))


def write_csv(path: Path, table: Table, scene: str = "") -> None:
    """Write the detections as CSV, without outlines and spectra; the first column names the scene.

    Text that a spreadsheet would take for a formula is made harmless, see `csv_cell`.
    """
    names = [name for name in COLUMNS if name != "mean_spectrum"]
    with atomic_write(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["scene", *names])
        lists = [table.columns[name].tolist() for name in names]
        for row in zip(*lists, strict=True):
            writer.writerow([csv_cell(scene), *map(csv_cell, row)])


def _write(partial: Path, table: Table, **options: Any) -> None:
    import pyogrio.errors
    import pyogrio.raw
    import shapely

    columns = {name: _field(values) for name, values in table.columns.items()}
    errors = [getattr(pyogrio.errors, name) for name in ("DataSourceError", "DataLayerError")]
    errors += [pyogrio.errors.FeatureError, pyogrio.errors.GeometryError]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="'crs' was not provided")
        try:
            pyogrio.raw.write(
                partial,
                shapely.to_wkb(table.geometries),
                list(columns.values()),
                list(columns),
                layer=LAYER,
                **options,
            )
        except tuple(errors) as error:
            raise OSError(str(error)) from error


def _field(values: np.ndarray) -> np.ndarray:
    """NaN and infinity have no place in SQL and JSON: both become null."""
    if values.dtype.kind == "f":
        return np.where(np.isfinite(values), values, np.nan)
    return values


def _verify(partial: Path, count: int) -> None:
    """Read it back: on a full disk, closing a file may fail without an error."""
    import pyogrio
    import pyogrio.errors

    try:
        found = pyogrio.read_info(partial, force_feature_count=True)["features"]
    except pyogrio.errors.DataSourceError as error:
        raise OSError(str(error)) from error
    if found != count:
        raise OSError(f"{found} of {count} features could be read back; the disk may be full")


def _description(table: Table, native: bool) -> str:
    if table.georeference is None:
        place = (
            "Coordinates are pixels, not longitude and latitude: the scene has no georeference; "
            "x is the column and y minus the row, (0, 0) the upper left corner of the first pixel. "
        )
    elif not native:
        place = "Coordinates are WGS 84 longitude and latitude. "
    elif table.georeference.crs is None:
        place = "Coordinates are the scene's own; its coordinate system is unknown. "
    else:
        place = "Coordinates are in the scene's own coordinate system. "
    return place + " ".join(f"{name}: {meaning}." for name, meaning in COLUMNS.items())
