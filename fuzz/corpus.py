"""The files that are mutated: small, right ones of every kind, made on the spot.

Each lies in a folder of its own with all that belongs to it (the data of a header, the scene of a
plan), which is copied for each mutant.
"""

from __future__ import annotations

import json
import os
import warnings
import zipfile
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
from affine import Affine

import oddspec
from oddspec.detectors import load
from oddspec.execution.resources import Resources
from oddspec.execution.run import run
from oddspec.execution.score_store import Partial
from oddspec.pipeline.options import PipelineOptions, run_identity
from oddspec.scenes.products import make_product

SHAPE = (9, 11, 6)
"""Rows, columns and bands of all scenes."""

PLAN = """\
scenes = ["hill.mat"]
seeds = 2
time_limit = "2 h"

[base.wide.settings]
outer = 7

[[runs]]
detector = ["rx", "pca_rx"]

[[runs]]
detector = "local_rx"
column = "wider"
noise = [0.01]
base = "wide"
grid = { guard = [1, 3] }
"""


def make_corpus(folder: Path) -> dict[str, list[Path]]:
    """Write the corpus and list the files to mutate by kind."""
    return {kind: make(folder / kind) for kind, make in MAKERS.items()}


def cube() -> np.ndarray:
    """The scene's pixels, the same ones each time."""
    return np.random.default_rng(0).normal(100, 5, SHAPE)


def truth() -> np.ndarray:
    """Target pixels, the same ones each time."""
    return (np.random.default_rng(1).random(SHAPE[:2]) > 0.9).astype(np.uint8)


WAVES = np.linspace(400, 1000, SHAPE[2])

PLACE = Affine(5, 0, 5e5, 0, -5, 4e6)
"""Where scenes with a georeference lie, in UTM zone 11."""


def _place(folder: Path, name: str) -> Path:
    """Where a file of that name goes: into a folder of its own."""
    path = folder / name.replace(".", "-") / name
    path.parent.mkdir(parents=True)
    return path


def _scenes(folder: Path) -> list[Path]:
    import h5py
    from scipy.io import netcdf_file, savemat

    pixels = cube()
    made = []

    def place(name: str) -> Path:
        made.append(_place(folder, name))
        return made[-1]

    savemat(place("plain.mat"), {"data": pixels, "map": pixels[:, :, 0] > 100, "wavelength": WAVES})
    savemat(place("packed.mat"), {"data": pixels.astype(np.int16)}, do_compression=True)
    np.save(place("plain.npy"), pixels.astype(np.float32))
    np.save(place("fortran.npy"), np.asfortranarray(pixels.astype(">i2")))
    np.savez_compressed(place("packed.npz"), data=pixels, wavelengths=WAVES)
    np.savez(place("plain.npz"), data=pixels)
    _geotiff(place("plain.tif"), pixels, interleave="band")
    tiles = {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"}
    _geotiff(place("tiled.tif"), pixels, **tiles)
    path = place("tags.tif")
    _geotiff(path, pixels, interleave="pixel")
    # Tags in another coding than UTF-8 are common; GDAL itself writes UTF-8 only.
    path.write_bytes(path.read_bytes().replace(b"Munchen", b"M\xfcnchen"))
    with h5py.File(place("plain.h5"), "w") as file:
        file["cube"] = pixels
        file["wavelength"] = WAVES
    with h5py.File(place("named.nc"), "w") as file:
        data = file.create_dataset(
            "reflectance", data=pixels.astype(np.int16), chunks=(4, 4, 3), compression="gzip"
        )
        data.attrs.update(scale_factor=1e-3, add_offset=0.0, _FillValue=np.int16(-1))
        for axis, (name, values) in enumerate(
            {"y": np.arange(9.0), "x": np.arange(11.0), "wavelength": WAVES}.items()
        ):
            file[name] = values
            file[name].make_scale(name)
            data.dims[axis].attach_scale(file[name])
    with netcdf_file(place("classic.nc"), "w") as file:
        for name, length in zip(("y", "x", "wavelength"), SHAPE, strict=True):
            file.createDimension(name, length)
        file.createVariable("wavelength", "d", ("wavelength",))[:] = WAVES
        data = file.createVariable("reflectance", "h", ("y", "x", "wavelength"))
        data[:] = pixels
        data.scale_factor, data._FillValue = 1e-3, np.int16(-1)
    path = place("v73.mat")
    with h5py.File(path, "w", userblock_size=512) as file:
        file["data"] = pixels.T
        file["data"].attrs["MATLAB_class"] = np.bytes_("double")
    with open(path, "r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    return made


def _geotiff(path: Path, pixels: np.ndarray, **options: object) -> None:
    import rasterio

    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=SHAPE[0],
        width=SHAPE[1],
        count=SHAPE[2],
        dtype="int16",
        nodata=-9999,
        crs="EPSG:32611",
        transform=PLACE,
        **options,
    ) as file:
        file.write(pixels.astype(np.int16).transpose(2, 0, 1))
        file.update_tags(place="Munchen", TIFFTAG_IMAGEDESCRIPTION="Munchen")
        for band, wave in enumerate(WAVES, 1):
            file.set_band_description(band, f"{wave:.1f} nm")
            file.update_tags(band, wavelength=f"{wave:.1f}", wavelength_units="nm")


def _members(folder: Path) -> list[Path]:
    """Arrays to be put into an archive whose checksums agree: only so is what they say read."""
    path = _place(folder, "data.npy")
    np.save(path, cube())
    np.savez(path.parent / "scene.npz", data=cube(), wavelengths=WAVES)
    return [path]


def _truths(folder: Path) -> list[Path]:
    import h5py
    import rasterio
    from PIL import Image
    from scipy.io import savemat

    plane = truth()
    made = []

    def place(name: str) -> Path:
        made.append(_place(folder, name))
        return made[-1]

    savemat(place("truth.mat"), {"map": plane})
    np.save(place("truth.npy"), plane)
    np.savez(place("truth.npz"), map=plane)
    for name in ("truth.png", "truth.bmp"):
        Image.fromarray(plane * 255).save(place(name))
    Image.fromarray(plane * 255).convert("1").save(place("bits.png"))
    Image.fromarray(plane * 255).convert("P").save(place("palette.png"))
    Image.fromarray(plane.astype(np.uint16)).save(place("deep.png"))
    form = {"driver": "GTiff", "height": SHAPE[0], "width": SHAPE[1], "count": 1, "dtype": "uint8"}
    for name, options in {"truth.tif": {}, "packed.tif": {"compress": "lzw"}}.items():
        with rasterio.open(place(name), "w", **form, **options) as file:
            file.write(plane, 1)
    with h5py.File(place("truth.h5"), "w") as file:
        file["map"] = plane
    header = place("truth.hdr")
    header.write_text(_header("bsq", 1, bands=1))
    header.with_suffix(".img").write_bytes(plane.tobytes())
    return made


def _vectors(folder: Path) -> list[Path]:
    """Polygons with and without a coordinate system; of shapefiles each file in its turn."""
    import pyogrio.raw
    import shapely

    boxes = [shapely.box(2, -5, 4, -3), shapely.box(6, -8, 9, -6).difference(shapely.Point(7, -7))]
    here = shapely.transform(boxes, lambda points: points * PLACE.a + (PLACE.c, PLACE.f))
    systems = {"UTM": (here, "EPSG:32611"), "none": (boxes, None)}
    drivers = {".gpkg": "GPKG", ".shp": "ESRI Shapefile"}
    made = []
    for (name, (shapes, crs)), suffix in product(systems.items(), drivers):
        path = _place(folder, f"{name}{suffix}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a file without a coordinate system
            pyogrio.raw.write(
                path,
                shapely.to_wkb(np.asarray(shapes, dtype=object)),
                [np.arange(len(boxes))],
                ["number"],
                driver=drivers[suffix],
                crs=crs,
                geometry_type="Polygon",
            )
        made += [one for one in sorted(path.parent.iterdir()) if one.suffix != ".cpg"]
    for name, (shapes, crs) in systems.items():
        path = _place(folder, f"{name}.geojson")
        features = [
            {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(one)}
            for one in shapes
        ]
        system = crs and {"type": "name", "properties": {"name": crs}}
        path.write_text(
            json.dumps({"type": "FeatureCollection", "crs": system, "features": features})
        )
        made.append(path)
    return made


PRODUCTS = ("emit", "enmap", "desis", "wyvern", "hyperion")
"""The products that are tried, of all that `oddspec.scenes.products` makes."""


def _products(folder: Path) -> list[Path]:
    """Of each sensor's product one file of every sort."""
    made = []
    for name in PRODUCTS:
        files = make_product(folder / name, name, rows=24, columns=24)
        sorts = {path.suffix: path for path in reversed(files) if "truth" not in path.name}
        made += [path for path in sorts.values() if path.parent == folder / name]
    return made


def _headers(folder: Path) -> list[Path]:
    """ENVI headers of all interleaves; ``glt`` is a lookup table of an orthorectified scene."""
    pixels = cube()
    made = []
    orders = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}
    for interleave, (code, kind) in {
        "bsq": (4, "<f4"),
        "bil": (5, "<f8"),
        "bip": (2, ">i2"),
    }.items():
        path = _place(folder, f"{interleave}.hdr")
        path.write_text(_header(interleave, code, big_endian=kind.startswith(">"), full=True))
        stored = pixels.transpose(orders[interleave]).astype(kind)
        path.with_suffix(".img").write_bytes(stored.tobytes())
        made.append(path)
    path = _place(folder, "glt.hdr")
    path.write_text(_header("bip", 3, bands=2))
    table = np.stack(np.meshgrid(np.arange(1, 12), -np.arange(1, 10)), axis=2)
    path.with_suffix(".img").write_bytes(table.astype("<i4").tobytes())
    return [*made, path]


def _header(
    interleave: str, code: int, bands: int = SHAPE[2], big_endian: bool = False, full: bool = False
) -> str:
    text = (
        f"ENVI\ndescription = {{made, for trial}}\nsamples = {SHAPE[1]}\nlines = {SHAPE[0]}\n"
        f"bands = {bands}\nheader offset = 0\ndata type = {code}\ninterleave = {interleave}\n"
        f"byte order = {int(big_endian)}\n"
        "map info = {UTM, 1, 1, 500000, 4000000, 5, 5, 11, North, WGS-84, units=Meters, "
        "rotation=12.5}\n"
    )
    if full:
        text += (
            f"data gain values = {{{', '.join('0.01' for _ in range(bands))}}}\n"
            "data ignore value = -9999\nbbl = {1, 1, 0, 1, 1, 1}\n"
            "wavelength units = Nanometers\n"
            f"wavelength = {{{', '.join(f'{wave:.2f}' for wave in WAVES)}}}\n"
            f"band names = {{{', '.join(f'band {k + 1}' for k in range(bands))}}}\n"
        )
    return text


def _models(folder: Path) -> list[Path]:
    made = [_place(folder, f"{name}.npz") for name in ("rx", "pca_rx", "frfe")]
    for path in made:
        oddspec.fit(cube(), path.stem).save(path)
    return made


def _settings(folder: Path) -> list[Path]:
    """The JSON of models, to be put into an archive whose checksums agree."""
    made = []
    for model in _models(folder / "whole"):
        path = _place(folder, f"{model.stem}.json")
        with zipfile.ZipFile(model) as archive:
            path.write_bytes(archive.read("settings.json"))
        os.replace(model, path.parent / "model.npz")
        made.append(path)
    return made


def _plans(folder: Path) -> list[Path]:
    """A plan that is accepted as it stands: only then do its mutants reach what lies behind."""
    from scipy.io import savemat

    path = _place(folder, "plan.toml")
    path.write_text(PLAN)
    savemat(path.parent / "hill.mat", {"data": cube(), "map": truth()})
    return [path]


def _studies(folder: Path) -> list[Path]:
    """The files of a study's folder beside each other, each to be damaged in its turn."""
    path = _plans(folder)[0]
    out = path.parent / "study"
    plan = PLAN.replace("seeds = 2", "seeds = 1")
    path.write_text(plan[: plan.rindex("[[runs]]")])
    oddspec.study(path, out=out, workers=1)
    return sorted(
        one
        for one in out.iterdir()
        if one.name in ("records.jsonl", "rows.json", "study.json", "plan.toml")
    )


def _partials(folder: Path) -> list[Path]:
    """What an interrupted run leaves: all of its scores, before the products were written."""
    path = _place(folder, "scene.npy")
    np.save(path, cube())
    store = resumed(path, resume=False)
    store.close()
    return sorted(store.folder.iterdir())


def resumed(path: Path, *, resume: bool = True) -> Partial:
    """The scores of a scene, begun anew or gone on with beside it."""
    scene, detector = oddspec.open(path), load("rx")()
    # The copy of a scene is another file, made at another time.
    identity = run_identity(scene, "rx", detector, PipelineOptions())
    identity |= dict.fromkeys(("input", "modified"))
    store = Partial(path.parent, scene.shape[:2], identity, resume=resume)
    try:
        run(scene, detector, store, Resources(workers=1), checkpoint=store)
    except BaseException:
        store.close()
        raise
    finally:
        scene.source.close()
    return store


def with_member(archive: Path, name: str, content: bytes, made: Path) -> None:
    """Copy an archive with other bytes for one of its members, and checksums that agree."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(made, "w") as new:
        for info in old.infolist():
            new.writestr(info.filename, content if info.filename == name else old.read(info))


MAKERS: dict[str, Callable[[Path], list[Path]]] = {
    "scene": _scenes,
    "member": _members,
    "truth": _truths,
    "vector": _vectors,
    "product": _products,
    "header": _headers,
    "model": _models,
    "settings": _settings,
    "plan": _plans,
    "study": _studies,
    "partial": _partials,
}
"""What is mutated, and what makes it."""

KINDS = tuple(MAKERS)
