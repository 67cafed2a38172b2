"""Detections of a scene in sensor geometry as pixels of the map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from oddspec.detections import Detections
from oddspec.io.geolocation import LookupTable

_STRIP = 512
"""Rows of the map looked at together."""


def detections_on_map(detections: Detections, table: LookupTable) -> Detections:
    """The same objects with the pixels of the map that show them.

    An object that no pixel of the map shows, since neighbours were nearer everywhere, takes the
    map pixel whose sensor pixel is nearest to it: so each object has a place.

    Parameters
    ----------
    detections
        In rows and columns of the sensor.
    table
        From the map to the sensor.

    Returns
    -------
    Detections
        ``shape``, ``pixels``, ``starts`` and ``scores`` are of the map; ``peak_index`` stays that
        of the sensor.
    """
    if not len(detections):
        return replace(detections, shape=table.shape)
    order = np.argsort(detections.pixels)
    known, scores = detections.pixels[order], detections.scores[order]
    owner = np.repeat(np.arange(len(detections)), detections.sizes)[order]
    places, owners, values = [], [], []
    for top in range(0, table.shape[0], _STRIP):
        rows = table.rows[top : top + _STRIP].astype(np.int64)
        index = (rows * detections.shape[1] + table.columns[top : top + _STRIP]).ravel()
        at = np.minimum(np.searchsorted(known, index), len(known) - 1)
        hit = np.flatnonzero((known[at] == index) & (rows.ravel() >= 0))
        places.append(hit + top * table.shape[1])
        owners.append(owner[at[hit]])
        values.append(scores[at[hit]])
    place, belongs, value = map(np.concatenate, (places, owners, values))
    lost = np.setdiff1d(np.arange(len(detections)), belongs)
    if len(lost):
        place = np.concatenate([place, _nearest(detections, lost, table)])
        belongs = np.concatenate([belongs, lost])
        value = np.concatenate([value, detections.peak[lost]])
    sort = np.lexsort((place, belongs))
    starts = np.searchsorted(belongs[sort], np.arange(len(detections) + 1))
    return replace(
        detections, shape=table.shape, pixels=place[sort], scores=value[sort], starts=starts
    )


def _nearest(detections: Detections, objects: np.ndarray, table: LookupTable) -> np.ndarray:
    """Map pixels whose sensor pixels are nearest to the peaks of objects."""
    from scipy.spatial import cKDTree

    shown = np.flatnonzero(table.valid.ravel())
    seen = np.column_stack([table.rows.ravel()[shown], table.columns.ravel()[shown]])
    peaks = np.column_stack(np.divmod(detections.peak_index[objects], detections.shape[1]))
    return np.asarray(shown[cKDTree(seen).query(peaks)[1]])
