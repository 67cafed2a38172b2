"""A scene: a source of pixels, and which of its bands and pixels count."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from oddspec.arrays import Cube, Mask
from oddspec.detector import Detector
from oddspec.errors import InputError
from oddspec.io.bands import band_positions
from oddspec.io.gains import BandGains
from oddspec.io.pixel_mask import PixelMask
from oddspec.io.quality import USER_MASK, HasQuality, flag_bits
from oddspec.io.source import Source, parse_nodata
from oddspec.io.to_xarray import to_dataarray

LARGEST = 1e140
"""Of values that are computed with: detectors sum squares of them over all pixels, and what is
beyond 1.8e308 is infinite. No sensor comes near, but files that were never filled do."""


@dataclass(frozen=True)
class Scene:
    """An opened scene as detectors get to see it.

    Attributes
    ----------
    source
        Where the pixels come from; its metadata tells what the file says.
    bands
        Positions of the bands that are used, ascending.
    nodata
        A pixel with this value in any used band is masked; so is one with NaN or infinity.
    mask_flat
        Mask pixels with the same value in every used band too: dead or filled ones.
    notes
        Sentences about what is unusual in the file, or wrong in what was said of it, and how it was
        read.
    fill
        A spectrum of the used bands (float64); pixels that have it are masked. None for no such.
    mask
        Which pixels are left out beside those without a value.
    use_gains
        Whether `suited_to` may apply the gains and offsets that the file declares.
    gains
        Of the used bands, applied to what is read; None for numbers as they are stored. Which
        pixels are masked is decided by the stored numbers.
    """

    source: Source
    bands: np.ndarray
    nodata: float | None = None
    mask_flat: bool = False
    notes: tuple[str, ...] = ()
    fill: np.ndarray | None = None
    mask: PixelMask = field(default_factory=PixelMask)
    use_gains: bool = True
    gains: BandGains | None = None

    @classmethod
    def of(
        cls,
        source: Source,
        bands: Any = None,
        nodata: float | None = None,
        mask_flat: bool = False,
        mask: Any = None,
        area_of_interest: Any = None,
        max_memory: int | None = None,
        use_gains: bool = True,
    ) -> Scene:
        """The scene with the file's own bad bands and nodata value unless others are given.

        Parameters
        ----------
        source
            Where the pixels come from.
        bands
            The bands to use, in any of the ways of `oddspec.io.bands.band_positions`.
        nodata, mask_flat, use_gains
            As the attributes.
        mask, area_of_interest, max_memory
            As for `oddspec.io.pixel_mask.PixelMask.of`.

        Raises
        ------
        InputError, SettingError
            If fewer than two bands remain, a band does not exist or is not named as it should be.
        """
        count = source.shape[2]
        meta = source.metadata
        if bands is not None:
            chosen = band_positions(bands, source)
        elif meta.bad_bands is not None:
            chosen = np.flatnonzero(~meta.bad_bands)
        else:
            chosen = np.arange(count)
        if chosen.size < 2:
            raise InputError(
                f"{source.path or source.name}: {chosen.size} of {count} bands remain, but at "
                f"least 2 are needed; check the bad-band list or choose others with --bands"
            )
        left_out = PixelMask.of(source, mask, area_of_interest, max_memory)
        value, notes = meta.nodata, [*meta.notes, *left_out.notes]
        if nodata is not None:
            # As the data's type has it: no float32 equals -9999.9.
            value, note = parse_nodata(nodata, source.dtype)
            notes += [note] if note else []
        return cls(
            source, chosen, value, mask_flat, tuple(notes), mask=left_out, use_gains=use_gains
        )

    @property
    def name(self) -> str:
        """Short name for folders and titles."""
        return self.source.name

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns, used bands."""
        h, w, _ = self.source.shape
        return h, w, len(self.bands)

    @property
    def wavelengths(self) -> np.ndarray | None:
        """Nanometres of the used bands, or None."""
        everything = self.source.metadata.wavelengths
        used = None if everything is None else everything[self.bands]
        # Bands without one are bad; whoever asks for them does without wavelengths.
        return None if used is None or np.isnan(used).any() else used

    @property
    def declared_gains(self) -> BandGains | None:
        """What the file declares for the used bands; None if that changes nothing."""
        found = self.source.metadata.gains
        used = None if found is None else found.of_bands(self.bands)
        return None if used is None or used.identity else used

    def suited_to(self, detector: Detector) -> Scene:
        """The scene in the values that a detector shall see, with a note where that is a choice.

        Declared gains and offsets are applied unless the detector's scores do not depend on them.
        """
        declared = self.declared_gains
        if declared is None or (detector.affine_invariant and (declared.gains > 0).all()):
            return self
        return self.with_gains(
            declared,
            "gains or offsets that the file declares were applied to the bands, as the scores "
            "depend on them; --no-gains leaves them out",
        )

    def with_gains(self, gains: BandGains, note: str) -> Scene:
        """The scene with these gains applied, unless it may not use any, and a note of either."""
        if not self.use_gains:
            note = "gains or offsets that the file declares were not applied: --no-gains"
            return replace(self, notes=(*self.notes, note))
        return replace(self, gains=gains, notes=(*self.notes, note))

    @property
    def value_label(self) -> str:
        """What the values that are read are, where a file declares what could be made of them."""
        if self.gains is not None:
            return "value with gains applied"
        return "stored value" if self.declared_gains else "value in the scene"

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> tuple[Cube, Mask]:
        """Used bands of a half-open window as float64, and which of its pixels are valid.

        Values of invalid pixels are set to zero, so that nothing downstream can meet a NaN.
        """
        return self.prepare(self.source.read(rows, columns), rows, columns)

    def reasons(self, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray | None:
        """Why pixels ``(h, w)`` of a half-open window are left out, uint16; None where none is.

        The bits are those of `oddspec.io.quality.QUALITY_FLAGS`, and `USER_MASK` for what the user
        has masked. What has no value is not among them.
        """
        found = None
        if self.mask.flags and isinstance(self.source, HasQuality):
            found = self.source.read_quality(rows, columns) & flag_bits(self.mask.flags)
        if self.mask.image is not None:
            image = self.mask.image[slice(*rows), slice(*columns)]
            by_user = np.where(image, USER_MASK, np.uint16(0))
            found = by_user if found is None else found | by_user
        return found

    def prepare(
        self, raw: np.ndarray, rows: tuple[int, int], columns: tuple[int, int]
    ) -> tuple[Cube, Mask]:
        """The same for a window of the source that has been read already."""
        used = raw if len(self.bands) == raw.shape[2] else raw[:, :, self.bands]
        cube = np.array(used, dtype=np.float64, order="C")
        if raw.dtype.kind == "f":
            valid: Mask = np.asarray(np.isfinite(cube).all(axis=2))
        else:
            valid = np.ones(cube.shape[:2], dtype=np.bool_)
        if self.nodata is not None and np.isfinite(self.nodata):
            valid &= (cube != self.nodata).all(axis=2)
        if self.mask_flat:
            valid &= (cube != cube[:, :, :1]).any(axis=2)
        if self.fill is not None:
            valid &= (cube != self.fill).any(axis=2)
        reasons = self.reasons(rows, columns)
        if reasons is not None:
            valid &= reasons == 0
        if self.gains is not None:
            self.gains.apply(cube)
        cube[~valid] = 0.0  # `cube` is a copy of its own, whatever the source gave
        if raw.dtype == np.float64:  # no other type reaches so far, with gains or without
            self._refuse_extremes(cube)
        return cube, valid

    def _refuse_extremes(self, cube: Cube) -> None:
        """Raise `InputError` for values of valid pixels whose squares, summed up, are infinite."""
        # The largest and the least, not of absolute values: those would be a copy.
        for value in (cube.max(initial=0.0), cube.min(initial=0.0)):
            if abs(value) <= LARGEST:
                continue
            where = self.source.path or self.name
            if self.gains is not None:
                raise InputError(
                    f"{where}: its gains and offsets lead to {value:g}, which is too large to be "
                    f"squared; if it marks missing pixels, give the stored number as nodata "
                    f"(--nodata), otherwise leave the gains out (--no-gains)"
                )
            raise InputError(
                f"{where}: holds {value:g}, which is too large to be squared; if it marks missing "
                f"pixels, give it as nodata (--nodata {float(value)!r}), otherwise divide all "
                f"values by a number"
            )

    def to_xarray(self, *, chunks: bool = True) -> Any:
        """The scene as an `xarray.DataArray` whose pixels are read when they are needed.

        Dimensions ``y, x, wavelength``; coordinates ``wavelength``, ``fwhm`` (nm),
        ``good_wavelength`` (the used bands), ``spatial_ref``, and ``quality``, the flags of a
        product's pixels. Values are those of the file. `oddspec.detect` takes it back.

        Parameters
        ----------
        chunks
            Whether dask reads it, by strips of rows; otherwise xarray itself does.

        Raises
        ------
        InputError
            If xarray, or dask for chunks, is not installed.
        """
        return to_dataarray(self.source, self.bands, chunks=chunks)

    def close(self) -> None:
        """Release the file."""
        self.source.close()

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def without_valid_pixel(self) -> InputError:
        """What to raise where all pixels are masked."""
        return InputError(
            f"{self.source.path or self.name}: no pixel is valid (all are nodata, NaN or "
            f"infinite); check the nodata value and the chosen bands"
        )
