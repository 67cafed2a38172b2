"""``xarray.open_dataset(PATH, engine="oddspec")``: whatever this package reads, in xarray's words.

Found by the entry point ``xarray.backends``; nothing else imports this module.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from xarray import Dataset
from xarray.backends import BackendEntrypoint

from oddspec.io.open import open_source
from oddspec.io.to_xarray import to_dataarray


class OddspecBackend(BackendEntrypoint):  # type: ignore[misc]
    """Scenes of all formats and products that `oddspec.open` knows."""

    description = "Hyperspectral scenes and sensor products, read by oddspec"
    url = "https://github.com/oddspec/oddspec"
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "variable", "axes")

    def open_dataset(
        self,
        filename_or_obj: str | os.PathLike[str],
        *,
        drop_variables: str | Iterable[str] | None = None,
        variable: str | None = None,
        axes: str | None = None,
    ) -> Dataset:
        """One variable of rows, columns and bands: ``reflectance``, ``radiance`` or ``cube``.

        Parameters
        ----------
        filename_or_obj
            A path.
        drop_variables
            Coordinates to leave out, such as ``quality``.
        variable, axes
            As for `oddspec.open`.

        Raises
        ------
        InputError
            If it cannot be read; the message says what to do.
        """
        source = open_source(filename_or_obj, variable=variable, axes=axes)
        array = to_dataarray(source, chunks=False)
        unit = source.metadata.unit.lower()
        name = "radiance" if "sr" in unit else unit if unit == "reflectance" else "cube"
        dropped = [drop_variables] if isinstance(drop_variables, str) else drop_variables or ()
        found: Dataset = array.to_dataset(name=name).drop_vars(list(dropped), errors="ignore")
        found.set_close(source.close)
        return found

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Never by itself: other engines open NetCDF files as they are."""
        return False
