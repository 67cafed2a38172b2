"""BRAD: how much a residual stands out from the residuals around it.

Any detector that explains a scene by a background leaves a residual cube, and scoring a residual
by its norm throws away its direction and its surroundings. BRAD takes the residual's leading
principal components and gives each pixel its squared Mahalanobis distance from the ring around it,
which is local RX. It knows nothing of the model that left the residual, so models can be compared
under one score, and scores on one model.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float

from oddspec.arrays import Cube, Mask, Pixels, Scores
from oddspec.errors import InputError
from oddspec.statistics.gaussian import Gaussian
from oddspec.statistics.local_gaussian import local_distances
from oddspec.statistics.pixels import on_map, score_map
from oddspec.statistics.summary import Moments
from oddspec.windows import Tile, Window

ROWS = 65536
"""Pixels that are projected at a time."""


def brad(
    residual: Cube,
    valid: Mask,
    *,
    guard: int = 11,
    outer: int = 21,
    ridge: float = 1e-4,
    components: int | None = 10,
) -> Scores:
    """Squared Mahalanobis distance of each residual from those in the ring around it.

    Parameters
    ----------
    residual
        What a model could not explain.
    valid
        False where a pixel is masked; such pixels are NaN and influence no other.
    guard, outer
        Widths in pixels of the inner and the outer square, both odd.
    ridge
        Added to every direction's variance, as a fraction of the ring's mean variance.
    components
        Leading principal components of the residual to keep; None keeps all bands.

    Returns
    -------
    Scores
        All zero if the residual is constant; the caller has to say so.

    Raises
    ------
    InputError
        If no pixel is valid or the scene is smaller than the outer square.

    Notes
    -----
    Reading of "a background reconstruction-based anomaly detector", which models "local spatial
    context through the mean and covariance of neighbouring pixels" (Moradi et al. 2026,
    doi:10.1016/j.neucom.2026.133709, section 4.3). Windows, ridge and components are not stated
    there; the reading is supported by figures, see the documentation of `rednmf`.
    """
    window = Window(guard, outer)
    window.must_fit(*valid.shape)
    reduced = residual if components is None else leading(residual, valid, components)
    return local_distances(Tile.whole(reduced, valid), window, ridge)


def score_residual(
    residual: Pixels,
    valid: Mask,
    score: Literal["brad", "rx", "both", "norm"],
    *,
    guard: int = 11,
    outer: int = 21,
    components: int = 10,
    scene_components: int = 30,
) -> Scores:
    """One of the scores that a residual can be given, whatever model left it.

    Parameters
    ----------
    residual
        Of the valid pixels, in the scene's order.
    valid
        Where they lie.
    score
        norm: Euclidean norm; brad: `brad`; rx: squared Mahalanobis distance in the leading
        principal components of the whole scene's residuals; both: the sum of the last two, so that
        a pixel counts that stands out from its surroundings or from the scene.
    guard, outer, components
        Of `brad`.
    scene_components
        Leading principal components for rx.

    Returns
    -------
    Scores
        NaN where invalid. A constant residual has no spread to be measured in: its norms are
        returned, a constant map.
    """
    if score == "norm" or np.ptp(residual, axis=0).max() == 0:
        return score_map(np.sqrt(np.vecdot(residual, residual)), valid)
    scores = np.where(valid, 0.0, np.nan)
    if score in ("brad", "both"):
        cube = on_map(residual, valid, 0.0)
        scores += brad(cube, valid, guard=guard, outer=outer, components=components)
    if score in ("rx", "both"):
        scene = Gaussian.of(Moments.of(residual), components=scene_components)
        scores[valid] += scene.score(residual)
    return scores


def leading(cube: Cube, valid: Mask, components: int) -> Float[np.ndarray, "h w c"]:
    """The cube in its leading principal components, centred; zero where invalid.

    Raises
    ------
    InputError
        If no pixel is valid.
    """
    h, w, b = cube.shape
    pixels, keep = cube.reshape(-1, b), valid.ravel()
    total: Moments | None = None
    for start in range(0, len(pixels), ROWS):
        some = slice(start, start + ROWS)
        chosen = pixels[some] if keep[some].all() else pixels[some][keep[some]]
        if len(chosen):
            part = Moments.of(chosen)
            total = part if total is None else total + part
    if total is None:
        raise InputError("no pixel is valid, so there is no residual to score")
    vectors = np.linalg.eigh(total.scatter)[1][:, ::-1][:, :components]
    out = np.zeros((h * w, vectors.shape[1]))
    for start in range(0, len(pixels), ROWS):
        some = slice(start, start + ROWS)
        out[some] = np.where(keep[some, None], (pixels[some] - total.mean) @ vectors, 0.0)
    return out.reshape(h, w, -1)
