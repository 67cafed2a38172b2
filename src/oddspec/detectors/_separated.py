"""What a detector takes a scene apart into: the background and the anomaly of each pixel."""

from __future__ import annotations

from typing import Any

import numpy as np

from oddspec.arrays import Mask
from oddspec.detector import Insight
from oddspec.statistics.pixels import on_map

_SHOWN = "; the picture shows the length of its spectrum, in the scene's units"


class LinearCube:
    """A cube that is never whole: ``scale * (coefficients @ spectra) + offset``, row by row.

    Parameters
    ----------
    coefficients
        ``(n, k)`` of the valid pixels, an array or a sparse one.
    spectra
        ``(k, b)``; None where the coefficients are spectra themselves.
    valid
        ``(h, w)``; other pixels are NaN.
    scale, offset
        ``(b,)``, or numbers.
    """

    def __init__(
        self,
        coefficients: Any,
        spectra: np.ndarray | None,
        valid: Mask,
        scale: np.ndarray | float = 1.0,
        offset: np.ndarray | float = 0.0,
    ) -> None:
        bands = coefficients.shape[1] if spectra is None else spectra.shape[1]
        self.shape = (*valid.shape, bands)
        self._coefficients, self._spectra = coefficients, spectra
        self._valid, self._scale, self._offset = valid, scale, offset
        # How many valid pixels lie before each row: where its coefficients begin.
        self._begin = np.concatenate([[0], np.cumsum(valid.sum(axis=1))])

    def __getitem__(self, rows: slice) -> np.ndarray:
        top, bottom, _ = rows.indices(self.shape[0])
        part = self._coefficients[self._begin[top] : self._begin[bottom]]
        part = part if isinstance(part, np.ndarray) else part.toarray()
        values = part if self._spectra is None else part @ self._spectra
        return on_map(values * self._scale + self._offset, self._valid[top:bottom])


def separated(background: Any, anomaly: Any = None) -> tuple[Insight, ...]:
    """Background and anomaly of each pixel as insights, in the scene's units.

    Parameters
    ----------
    background
        ``(h, w, b)``, read by rows.
    anomaly
        The same of what the method itself sets apart; None where that is all that remains.
    """
    found = [Insight("background", "cube", background, f"background of each pixel{_SHOWN}")]
    if anomaly is not None:
        found.append(
            Insight("anomaly", "cube", anomaly, f"what is set apart of each pixel{_SHOWN}")
        )
    return tuple(found)
