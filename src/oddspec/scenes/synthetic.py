"""Write a physically plausible scene of any size, with its truth beside it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oddspec.errors import InputError, SettingError
from oddspec.execution.executors import one_blas_thread, run_tasks
from oddspec.execution.resources import processors
from oddspec.io.atomic import must_be_text
from oddspec.io.envi.writer import EnviWriter
from oddspec.progress import Progress, silent
from oddspec.scenes.mixing import Renderer
from oddspec.scenes.recipe import Recipe
from oddspec.scenes.sidecars import write_parameters, write_target_list, write_truth
from oddspec.scenes.targets import Target
from oddspec.text import gigabytes

_STRIP_BYTES = 32 << 20


@dataclass(frozen=True)
class MadeScene:
    """The files of a scene that was made."""

    recipe: Recipe
    data: Path
    header: Path
    truth: Path
    target_list: Path
    parameters: Path

    @property
    def targets(self) -> tuple[Target, ...]:
        """What was implanted, in order of position."""
        return self.recipe.planned


def make_scene(
    path: str | Path,
    *,
    rows: int = 256,
    columns: int = 256,
    bands: int = 224,
    seed: int = 0,
    dtype: str = "int16",
    interleave: str = "bil",
    quantity: str = "reflectance",
    wavelength_range: tuple[float, float] = (400.0, 2500.0),
    targets: int | Sequence[Target] | None = None,
    noise_snr: float | Sequence[float] = 250.0,
    stripes: bool | float = False,
    dead_pixels: int = 0,
    bad_lines: int = 0,
    nodata_border: int = 0,
    crs: str | None = "EPSG:32611",
    pixel_size: float = 4.0,
    rotation: float = 0.0,
    origin: tuple[float, float] = (480_000.0, 3_640_000.0),
    overwrite: bool = False,
    workers: int | None = None,
    strip_rows: int | None = None,
    progress: Progress = silent,
) -> MadeScene:
    """Write an ENVI scene with implanted targets, and beside it what was implanted.

    The background is a rural landscape (fields, hedges, woods, a river, roads, villages) of 17
    materials with the absorptions of pigments, water, cellulose, iron oxide, clay and carbonate,
    mixed linearly in each pixel, with spectra that vary within each material, lit by sun and sky
    over hills, under cloud and house shadows, and seen through a clear atmosphere by a noisy
    sensor. The values are the same whatever ``workers`` and ``strip_rows`` are, and a scene of
    fewer rows is the beginning of one of more rows except for its targets and bad lines.

    Parameters
    ----------
    path
        The data file, such as ``scene.img``. Beside it are written ``scene.hdr``,
        ``scene_truth.tif`` (1 where a target is), ``scene_targets.csv`` and ``scene.json`` (all
        settings, targets, bad lines and dead detector elements).
    rows, columns, bands
        Size.
    seed
        Scenes of the same settings and seed are equal.
    dtype
        ``int16``, ``uint16``, ``int32``, ``float32`` or ``float64``.
    interleave
        ``bil``, ``bip`` or ``bsq``.
    quantity
        ``reflectance``: surface reflectance x 10000, as after atmospheric correction, so that the
        noise is large where little light comes through. ``radiance``: at the sensor, 50 per
        mW / (m2 sr nm). Bands in the deep water absorptions are marked bad in the header.
    wavelength_range
        Nanometres of the first and last band, within 350 to 2500; the bands are evenly spaced.
    targets
        How many to implant (at full and sub-pixel abundance, 1 to 9 pixels each), or the targets
        themselves; by default one for every 64 x 64 pixels, from 4 to 400.
    noise_snr
        Signal-to-noise ratio of a 30 % reflecting surface under the full sun: one number for the
        best band, or one per band; infinity for no noise.
    stripes
        Gain errors of the detector elements, which are the same in all rows: true for a relative
        standard deviation of 0.01, or that deviation.
    dead_pixels
        Detector elements (one band of one column) that always give 0.
    bad_lines
        Rows that were lost and hold 0 in all bands.
    nodata_border
        Width in pixels of a frame of nodata (-9999, or 65535 for ``uint16``).
    crs, pixel_size, rotation, origin
        Coordinate system (None for no georeference), size of a pixel in its units, angle by which
        the rows are turned counter-clockwise in degrees, and position of the upper left corner.
    overwrite
        Replace files that exist.
    workers
        Threads; one per processor by default.
    strip_rows
        Rows written at a time; by default some 32 MB.
    progress
        Called with the rows done.

    Raises
    ------
    SettingError
        If a setting is out of its range, or the disk has no room for the scene.
    InputError
        If files are in the way, or they or the folder cannot be written.
    """
    recipe = Recipe(
        rows=rows, columns=columns, bands=bands, seed=seed, dtype=dtype, interleave=interleave,
        quantity=quantity, wavelength_range=wavelength_range, targets=targets,
        noise_snr=noise_snr, stripes=stripes, dead_pixels=dead_pixels, bad_lines=bad_lines,
        nodata_border=nodata_border, crs=crs, pixel_size=pixel_size, rotation=rotation,
        origin=origin,
    )  # fmt: skip
    for name, value in (("workers", workers), ("strip_rows", strip_rows)):
        if value is not None and value < 1:
            raise SettingError(f"{name}={value}: expected a whole number of at least 1")
    must_be_text(Path(path))
    made = _files(recipe, Path(path))
    _must_be_free(made, overwrite)
    _must_fit(made)
    per_row = max(recipe.bytes // recipe.rows, 1)
    _write_cube(
        made,
        workers=workers or processors(),
        strip_rows=strip_rows or max(_STRIP_BYTES // per_row, 1),
        progress=progress,
    )
    georeference = recipe.georeference()
    write_truth(made.truth, recipe, georeference)
    write_target_list(made.target_list, recipe, georeference)
    write_parameters(made.parameters, recipe)
    return made


def _files(recipe: Recipe, path: Path) -> MadeScene:
    if path.suffix.lower() in (".hdr", ".json", ".csv", ".tif"):
        raise SettingError(
            f"{path}: expected the name of a data file such as {path.with_suffix('.img').name}"
        )
    return MadeScene(
        recipe,
        data=path,
        header=path.with_suffix(".hdr"),
        truth=path.with_name(f"{path.stem}_truth.tif"),
        target_list=path.with_name(f"{path.stem}_targets.csv"),
        parameters=path.with_suffix(".json"),
    )


def _must_be_free(made: MadeScene, overwrite: bool) -> None:
    for path in (made.data, made.header, made.truth, made.target_list, made.parameters):
        if path.exists() and not overwrite:
            raise InputError(
                f"{path} exists already; choose another name for the scene, or allow overwriting"
            )


def _must_fit(made: MadeScene) -> None:
    folder = made.data.parent
    recipe = made.recipe
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise InputError(
            f"{folder}: the folder cannot be used ({error.strerror or error}); choose another"
        ) from error
    needed = recipe.bytes + recipe.rows * recipe.columns + (1 << 20)
    if needed > free:
        raise SettingError(
            f"rows={recipe.rows}, columns={recipe.columns}, bands={recipe.bands}: the scene takes "
            f"{gigabytes(needed)}, but the disk of {folder} has {gigabytes(free)} left; "
            f"make it smaller or choose another disk"
        )


def _write_cube(made: MadeScene, *, workers: int, strip_rows: int, progress: Progress) -> None:
    recipe = made.recipe
    renderer = Renderer(recipe)
    # Enough strips for every worker, even of a small scene.
    height = min(strip_rows, max(recipe.rows // (2 * workers), 1))
    strips = [(at, min(at + height, recipe.rows)) for at in range(0, recipe.rows, height)]

    def work(strip: tuple[int, int]) -> None:
        writer.write_rows(strip[0], renderer.rows(*strip))

    def by_rows(done: float, total: float, stage: str) -> None:
        progress(min(done * height, recipe.rows), recipe.rows, stage)

    what = "Surface reflectance x 10000" if recipe.quantity == "reflectance" else "Radiance x 50"
    # The threads are the parallelism; a BLAS with threads of its own would only disturb them.
    with (
        EnviWriter(
            made.data,
            rows=recipe.rows,
            columns=recipe.columns,
            bands=recipe.bands,
            dtype=recipe.dtype,
            interleave=recipe.interleave,
            wavelengths=recipe.wavelengths,
            bad_bands=renderer.air.blind,
            nodata=recipe.nodata,
            georeference=recipe.georeference(),
            description=f"Synthetic scene made by oddspec, seed {recipe.seed}. {what}.",
        ) as writer,
        one_blas_thread(),
    ):
        run_tasks(strips, work, workers, by_rows, "making the scene")
