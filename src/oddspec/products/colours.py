"""Three bands of a scene as a picture, read no finer than it is shown."""

from __future__ import annotations

import numpy as np

from oddspec.arrays import Scores, Windowed
from oddspec.scene import Scene

_TRUE = (650.0, 550.0, 450.0)
_FALSE = (860.0, 650.0, 550.0)
_TOLERANCE = 40.0
"""Nanometres that a band's centre may be away from the colour it stands for."""
_GAMMA = 1 / 1.5
"""Brightens the middle: scenes with a few bright roofs or clouds would be black otherwise."""
_STRIP_BYTES = 64_000_000
_ROW_BYTES = 4_000_000_000
"""Bytes of whole rows read at most, unless that left fewer than `_FEWEST_ROWS`."""
_FEWEST_ROWS = 200


def choose_bands(scene: Scene) -> tuple[tuple[int, int, int], str]:
    """Bands (positions in the file) for red, green and blue, and what the picture then is.

    True colour where bands lie near 650, 550 and 450 nm, else false colour near 860, 650 and
    550 nm, else three bands evenly spread over the used ones.
    """
    waves = scene.wavelengths
    if waves is not None:
        for name, wanted in (("True colour", _TRUE), ("False colour", _FALSE)):
            away = np.abs(np.subtract.outer(wanted, waves))
            if np.nanmax(away.min(axis=1)) <= _TOLERANCE:
                best = [int(i) for i in away.argmin(axis=1)]
                shown = ", ".join(f"{waves[i]:.0f}" for i in best)
                r, g, b = (int(scene.bands[i]) for i in best)
                return (r, g, b), f"{name} ({shown} nm)"
    count = len(scene.bands)
    r, g, b = (int(scene.bands[min(int(count * f), count - 1)]) for f in (5 / 6, 1 / 2, 1 / 6))
    why = "no wavelengths given" if waves is None else "no visible bands"
    return (r, g, b), f"Bands {r + 1}, {g + 1}, {b + 1} ({why})"


def composite(
    scene: Scene, scores: Scores, most_rows: int, most_columns: int
) -> tuple[np.ndarray, str]:
    """The scene in colour, each band stretched between its 2 % and 98 % quantiles (gamma 1.5).

    Parameters
    ----------
    scene
        Read by single rows or strips, never as a whole.
    scores
        ``(h, w)``; pixels whose score is NaN are shown in grey.
    most_rows, most_columns
        Size of the picture; every n-th row and column of a larger scene is shown.

    Returns
    -------
    tuple
        The picture ``(rows, columns, 3)``, values 0 to 1 and grey where invalid, and its title.
    """
    height, width, bands = scene.source.shape
    chosen, title = choose_bands(scene)
    row_bytes = width * bands * scene.source.dtype.itemsize
    most_rows = min(most_rows, max(_FEWEST_ROWS, int(_ROW_BYTES / row_bytes)))
    down, right = -(-height // most_rows), -(-width // most_columns)
    together = max(1, _STRIP_BYTES // row_bytes) if down == 1 else 1
    parts, valid = [], []
    # The middle row and column of every block that falls on one dot.
    for top in range(down // 2 if down > 1 else 0, height, down * together):
        rows = (top, min(top + together, height))
        raw = scene.source.read(rows, (0, width))[:, right // 2 :: right, list(chosen)]
        part = np.array(raw, dtype=np.float64)
        ok = np.isfinite(part).all(axis=2)
        ok &= ~np.isnan(np.asarray(scores[slice(*rows), right // 2 :: right]))
        parts.append(part)
        valid.append(ok)
    return _stretch(np.concatenate(parts), np.concatenate(valid)), title


def largest_in_blocks(scores: Windowed, most_rows: int, most_columns: int) -> np.ndarray:
    """The largest score of every block of pixels, so that no detection is lost; NaN if all are."""
    height, width = scores.shape
    down, right = -(-height // most_rows), -(-width // most_columns)
    together = down * max(1, _STRIP_BYTES // (8 * width * down))
    parts = []
    for top in range(0, height, together):
        strip = np.asarray(scores[top : top + together], dtype=np.float64)
        rows = np.fmax.reduceat(strip, np.arange(0, len(strip), down), axis=0)
        parts.append(np.fmax.reduceat(rows, np.arange(0, width, right), axis=1))
    return np.concatenate(parts)


def _stretch(picture: np.ndarray, valid: np.ndarray) -> np.ndarray:
    shown = np.full(picture.shape, 0.8)
    for band in range(3):
        values = picture[..., band][valid]
        if not len(values):
            continue
        low, high = np.quantile(values, (0.02, 0.98))
        span = high - low
        stretched = np.clip((values - low) / span, 0, 1) if span > 0 else np.full(len(values), 0.5)
        shown[..., band][valid] = stretched**_GAMMA
    return shown
