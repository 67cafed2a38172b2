r"""The discrete fractional Fourier transform, as a matrix.

The discrete Fourier transform F of N samples, centred and unitary, has the eigenvalues 1, -i, -1
and i. Raised to the power a on orthonormal eigenvectors e_k, it is the transform of order a::

    F_a = sum_k exp(-i pi a k / 2) e_k e_k^T,      F_0 = I,   F_1 = F,   F_a F_b = F_{a+b}

As each eigenvalue belongs to many vectors, they must be chosen: those of a symmetric matrix that
commutes with F and approximates the Hermite operator d^2/dt^2 - t^2, so that e_k resembles the k-th
Hermite-Gauss function and has k changes of sign.

Source: C. Candan, M. A. Kutay and H. M. Ozaktas, "The discrete fractional Fourier transform", IEEE
Trans. Signal Process. 48(5), 1329-1337, 2000. doi:10.1109/78.839980
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float


def fractional_fourier(
    size: int, order: float, *, coarse: bool = False
) -> Complex[np.ndarray, "n n"]:
    """The matrix of the transform of that order; symmetric and unitary, the identity for order 0.

    Parameters
    ----------
    size
        Samples N, at least 1.
    order
        Any number; 1 is the Fourier transform with both origins in the middle, at N // 2.
    coarse
        See `hermite_gauss`.
    """
    vectors, indices = hermite_gauss(size, coarse=coarse)
    # The origin lies at sample 0 for the eigenvectors, in the middle for the spectrum.
    vectors = np.roll(vectors, size // 2, axis=0)
    phases = np.exp(-0.5j * np.pi * order * indices)
    return np.asarray((vectors * phases) @ vectors.T)


def hermite_gauss(
    size: int, *, coarse: bool = False
) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, " n"]]:
    """Orthonormal eigenvectors of the discrete Fourier transform, as columns, and their indices.

    Parameters
    ----------
    size
        Samples N.
    coarse
        Take the coefficients ``2 (k!)^2 / (2k)!`` of the second derivative's series, which one
        public code has, for ``2 ((k-1)!)^2 / (2k)!``. The matrix commutes with F all the same, but
        is another.

    Returns
    -------
    vectors
        ``(N, N)``, with the origin at row 0.
    indices
        0 to N - 1; for an even N the last is N, as an even vector has no odd index.
    """
    even, odd = _symmetric_bases(size)
    matrix = _commuting(size, coarse)
    vectors, indices = [], []
    for first, basis in ((0, even), (1, odd)):
        change_of_basis = np.linalg.eigh(basis.T @ matrix @ basis)[1][:, ::-1]
        vectors.append(basis @ change_of_basis)
        indices.append(first + 2.0 * np.arange(basis.shape[1]))
    order = np.argsort(np.concatenate(indices))
    return np.hstack(vectors)[:, order], np.concatenate(indices)[order]


def _commuting(size: int, coarse: bool) -> Float[np.ndarray, "n n"]:
    """A circulant matrix, which approximates d^2/dt^2, plus its Fourier image, a diagonal."""
    lags = np.zeros(size)
    longest = max(size // 4, 1) if size > 1 else 0
    for k in range(1, longest + 1):
        # Binomials over the middle one, as products: neither they nor factorials would fit.
        j = np.arange(1, k + 1)
        ratios = np.cumprod((k - j + 1) / (k + j))
        terms = (-1.0) ** (j + 1) * ratios * (2.0 if coarse else 2.0 / k**2)
        np.add.at(lags, j, terms)
        np.add.at(lags, -j, terms)
    rows = np.arange(size)
    circulant = lags[(rows[:, None] - rows[None, :]) % size]
    return np.asarray(circulant + np.diag(np.fft.fft(lags).real))


def _symmetric_bases(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal columns that span what is even and what is odd about sample 0."""
    pairs = np.arange(1, (size - 1) // 2 + 1)
    unit = np.eye(size)
    sums = (unit[:, pairs] + unit[:, size - pairs]) / np.sqrt(2)
    differences = (unit[:, pairs] - unit[:, size - pairs]) / np.sqrt(2)
    alone = [0] if size % 2 else sorted({0, size // 2})
    return np.hstack([unit[:, alone], sums]), differences
