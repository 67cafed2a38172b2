"""CRD: how badly a pixel is reconstructed from the ring around it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oddspec.arrays import Pixels, Scores, Spectrum
from oddspec.detector import WindowDetector
from oddspec.errors import DataWarning
from oddspec.settings import above_zero
from oddspec.statistics.blas import (
    factoriser,
    gram_adder,
    inner_product_adder,
    solve_factorised,
    square,
    with_padding,
)
from oddspec.windows import Tile, Window


@dataclass(frozen=True)
class CRD(WindowDetector):
    r"""Collaborative representation: what is left of a pixel that its ring cannot rebuild.

    With the s pixels ``h_k`` between the guard square and the outer square around a pixel y, the
    rows of H, and ``Gamma = diag(||y - h_k||)``::

        a = argmin ||y - a H||^2 + penalty ||a Gamma||^2
        score(y) = ||y - a H||

    Pixels unlike y cost more to use, so a pixel of the background is reconstructed from its like,
    and an anomaly from nothing.

    Parameters
    ----------
    guard
        Width of the inner square in pixels (w_in), odd: at least the size of the largest target.
    outer
        Width of the outer square in pixels (w_out), odd.
    penalty
        Weight of the coefficients' penalty (lambda), a pure number.
    sum_to_one
        Whether the coefficients are drawn towards the sum 1, by one more band that is equal in
        all pixels.

    Notes
    -----
    * Defaults: ``penalty`` 1e-6 is what the papers that compare with CRD report; it hardly
      regularises, and the ring's size decides instead. A ring of 7 and 15 has 176 pixels, fewer
      than the usual 200 bands. With many more pixels than bands and this penalty almost every
      pixel is reconstructed; the windows deserve more thought here than in `LocalRX`.
    * Solved by the normal equations in the ring's pixels (s x s) or, where there are more pixels
      than bands, by their dual in the bands (b x b), ``y - a H = penalty (penalty I + H^T
      Gamma^{-2} H)^{-1} y``; either with one step of iterative refinement, since 1e-6 leaves them
      nearly singular. If a factorisation fails all the same, by least squares of the stacked
      ``[H^T; sqrt(penalty) Gamma]``.
    * A pixel equal to one of its ring is reconstructed by it at no cost: its score is exactly 0.
    * The score is homogeneous: ``score(c X) = |c| score(X)``, so units do not change a ranking.
      For ``sum_to_one`` that needs the additional band to be in the data's units: it has the
      ring's root mean square value, where public codes have 1 and data scaled to 0..1. With data
      of that kind the two differ by the factor 1 / (root mean square) in the band's weight.
    * The score is not unchanged by an offset of all spectra, nor does brightness count: a pixel
      proportional to one of the ring scores nearly 0.
    * Public codes differ in ``sum_to_one``, and at the scene's border: there windows slide
      inwards here, so that a pixel is never reconstructed by its own mirror image.
    * Invalid ring pixels are left out. With less than a third of the ring valid the pixel is not
      scored (NaN).

    References
    ----------
    W. Li and Q. Du, "Collaborative representation for hyperspectral anomaly detection", IEEE
    Trans. Geosci. Remote Sens. 53(3), 1463-1474, 2015. doi:10.1109/TGRS.2014.2343955
    """

    guard: int = 7
    outer: int = 15
    penalty: float = 1e-6
    sum_to_one: bool = False

    reference: ClassVar[str] = "Li & Du 2015, doi:10.1109/TGRS.2014.2343955"
    cost: ClassVar[str] = "n (s b min(s, b) + min(s, b)^3 / 3)"
    unit: ClassVar[str] = "length of the residual, in the scene's units"

    def __post_init__(self) -> None:
        Window(self.guard, self.outer)
        above_zero(self, "penalty")

    @property
    def window(self) -> Window:
        """The dual window."""
        return Window(self.guard, self.outer)

    def scratch(self, rows: int, columns: int, bands: int) -> int:
        """Bytes needed beside the tile: one ring's matrices, whatever the tile's size."""
        bands, size = bands + 1, self.window.size
        stacked = 4 * (bands + size) * size  # least squares, should it be needed
        return 8 * (rows * columns + 4 * size * bands + stacked)

    def score_tile(self, tile: Tile) -> Scores:
        """Norms of the residuals, in the data's units.

        Raises
        ------
        InputError
            If the scene is smaller than the outer square.

        Warns
        -----
        DataWarning
            If rings have too few valid pixels.
        """
        window, tested = self.window, tile.tested
        window.must_fit(*tile.scene)
        least = window.least
        scores = np.full(tested.shape, np.nan)
        solver = _Solver(tile.cube.shape[2], window.size, self.penalty, self.sum_to_one)
        for i, j in np.argwhere(tested):
            row, column = int(i) + tile.rows[0], int(j) + tile.columns[0]
            ring = tile.ring(window, row, column)
            if len(ring) >= least:
                scores[i, j] = solver.residual_norm(tile.pixel(row, column), ring)
        if np.isnan(scores[tested]).any():
            warnings.warn(
                "some pixels beside masked areas have less than a third of their ring left; they "
                "are not scored (NaN)",
                DataWarning,
                stacklevel=2,
            )
        return scores


class _Solver:
    """The equations of one pixel after another, in the same memory."""

    def __init__(self, bands: int, size: int, penalty: float, sum_to_one: bool) -> None:
        self.penalty, self.sum_to_one = penalty, sum_to_one
        depth = bands + sum_to_one
        self._atoms = np.empty((size, depth))
        self._scaled = np.empty((size, depth))
        self._pixel = np.empty(depth)
        self._equations: dict[int, _Equations] = {}

    def residual_norm(self, pixel: Spectrum, ring: Pixels) -> float:
        """``||y - a H||``."""
        count, bands = ring.shape
        atoms, scaled = self._atoms[:count], self._scaled[:count]
        # Distances from the differences themselves: exactly zero only for equal spectra.
        difference = np.subtract(ring, pixel, out=scaled[:, :bands])
        squared = np.vecdot(difference, difference)
        if not squared.min() > 0.0:
            return 0.0
        atoms[:, :bands] = ring
        y = self._pixel
        y[:bands] = pixel
        if self.sum_to_one:
            y[bands] = atoms[:, bands] = np.sqrt(np.mean(ring * ring))
        if count not in self._equations:
            # Rings have one size, unless many are partly masked: one set of calls is kept.
            dual = count > atoms.shape[1]  # the smaller of the two systems
            self._equations = {count: _Equations(atoms, scaled, dual)}
        residual = self._equations[count].residual(y, squared, self.penalty)
        if residual is None:
            residual = _least_squares(y, atoms, squared, self.penalty)
        return float(np.sqrt(residual[:bands] @ residual[:bands]))


class _Equations:
    """Normal equations of rings of one size, with their prepared calls.

    ``atoms`` and ``scaled`` are the solver's memory, filled anew for every ring. The equations are
    in the atoms or, if ``dual``, in the bands.
    """

    def __init__(self, atoms: np.ndarray, scaled: np.ndarray, dual: bool) -> None:
        self.atoms, self.scaled, self.dual = atoms, scaled, dual
        self.matrix = square(atoms.shape[1] if dual else atoms.shape[0])
        self._padded = with_padding(self.matrix)
        self._diagonal = np.einsum("ii->i", self.matrix)  # a view
        self._add = (
            gram_adder(scaled, self.matrix) if dual else inner_product_adder(atoms, self.matrix)
        )
        self._factorise = factoriser(self.matrix)

    def residual(self, y: np.ndarray, squared: np.ndarray, penalty: float) -> np.ndarray | None:
        """``y - a H``, with one step of refinement; None if the factorisation fails."""
        atoms, scaled = self.atoms, self.scaled
        if self.dual:
            # (penalty I + H^T Gamma^{-2} H) z = y and a = Gamma^{-2} H z
            np.divide(atoms, np.sqrt(squared)[:, None], out=scaled)
            if not self._build(penalty):
                return None
            z = y.copy()
            solve_factorised(self.matrix, z)
            step = y - penalty * z - (scaled @ z) @ scaled
            solve_factorised(self.matrix, step)
            z += step
            return penalty * z
        # (H H^T + penalty Gamma^2) a = H y
        weights = penalty * squared
        if not self._build(weights):
            return None
        a = atoms @ y
        solve_factorised(self.matrix, a)
        residual = y - a @ atoms
        step = atoms @ residual - weights * a
        solve_factorised(self.matrix, step)
        residual -= step @ atoms
        return residual

    def _build(self, weights: np.ndarray | float) -> bool:
        """The matrix with these weights on its diagonal, factorised; False if that fails."""
        self._padded[...] = 0.0
        self._add()
        self._diagonal += weights
        return self._factorise()


def _least_squares(
    y: np.ndarray, atoms: np.ndarray, squared: np.ndarray, penalty: float
) -> np.ndarray:
    """The same residual by a singular value decomposition, which never fails."""
    stacked = np.vstack([atoms.T, np.diag(np.sqrt(penalty * squared))])
    a = np.linalg.lstsq(stacked, np.concatenate([y, np.zeros(len(atoms))]), rcond=None)[0]
    return np.asarray(y - a @ atoms)
