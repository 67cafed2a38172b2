"""Low-rank and sparse representation: few independent patterns, and few atoms per pixel.

Pixels are the n rows of X (n x b), the m rows of D (m x b) are atoms, S (n x m) coefficients and
the rows of E (n x b) what the atoms cannot represent::

    min_{S,E}  ||S||_* + beta ||S||_1 + lam ||E||_{2,1}    subject to  X = S D + E

The linearised alternating direction method with adaptive penalty keeps a copy J of S for the l1
norm, and unscaled multipliers Y1, Y2. One `step`, with ``eta = ||D||_2^2``::

    S  = svt(S + [(X - S D - E + Y1/mu) D^T - (S - J + Y2/mu)] / eta,  1/(mu eta))
    J  = soft(S + Y2/mu, beta/mu)
    E  = shrink_rows(X - S D + Y1/mu, lam/mu)
    Y1 = Y1 + mu (X - S D - E)
    Y2 = Y2 + mu (S - J)
    mu = min(mu_growth mu, MU_MAX)   if  change < 1e-2

    change = mu max(sqrt(eta) ||dS||, ||dJ||, ||dE||) / ||X||

Convergence of the linearised step is proven for ``eta >= ||D||_2^2 + 1``, since the smooth part has
both terms; the published one is much larger than 1 with hundreds of atoms.

S has low rank, so it is never formed: ``S = B C`` with r columns in B. Nor is E:
``Y1 = mu min(1, lam / (mu ||p||)) p`` for the rows p of ``X - S D + Y1/mu``, of which E is the
rest, so ``E = part * Y1`` with one number per pixel. What remains are two products as large as
n x b x m and one of n x m x m in a step; all else runs through in blocks that stay in the cache.

The method: Z. Lin, R. Liu and Z. Su, "Linearized alternating direction method
with adaptive penalty for low-rank representation", NIPS 2011.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy import linalg

from oddspec.execution.executors import Map
from oddspec.solvers.blocks import each_span, row_blocks

MU_MAX = 1e10
"""The penalty grows to here at most, so that all products with it stay finite."""

SLOW = 1e-2
"""The penalty grows when a step has changed less than this part of the data."""


@dataclass(frozen=True)
class SparseLRRProblem:
    """What stays the same; the symbols are those of the module's docstring."""

    X: Float[np.ndarray, "n b"]
    D: Float[np.ndarray, "m b"]
    beta: float
    lam: float
    eta: float
    size: float
    """``||X||_F``."""

    @classmethod
    def of(
        cls, X: Float[np.ndarray, "n b"], D: Float[np.ndarray, "m b"], beta: float, lam: float
    ) -> SparseLRRProblem:
        """With the published eta."""
        return cls(X, D, beta, lam, float(np.linalg.norm(D, 2)) ** 2, float(np.linalg.norm(X)))


@dataclass(frozen=True)
class SparseRepresentation:
    """Where the iteration stands.

    Attributes
    ----------
    B, C
        ``S = B C``.
    J, Y1, Y2
        Copy of S, and multipliers.
    rest
        ``X - S D - E``.
    part
        ``E = part * Y1``.
    mu
        Penalty of the next step.
    work
        Memory for the next step, as large as S.
    unexplained, change
        ``||rest|| / ||X||``; and see the module's docstring.
    """

    B: Float[np.ndarray, "n r"]
    C: Float[np.ndarray, "r m"]
    J: Float[np.ndarray, "n m"]
    Y1: Float[np.ndarray, "n b"]
    Y2: Float[np.ndarray, "n m"]
    rest: Float[np.ndarray, "n b"]
    part: Float[np.ndarray, " n"]
    mu: float
    work: Float[np.ndarray, "n m"]
    unexplained: float = float("inf")
    change: float = float("inf")

    @property
    def errors(self) -> Float[np.ndarray, "n b"]:
        """E."""
        return self.part[:, None] * self.Y1

    @property
    def lengths(self) -> Float[np.ndarray, " n"]:
        """Norms of the rows of E."""
        return self.part * np.sqrt(np.vecdot(self.Y1, self.Y1))


def start(problem: SparseLRRProblem, mu: float) -> SparseRepresentation:
    """All zero, with the penalty mu of the first step."""
    (n, b), m = problem.X.shape, len(problem.D)
    J, Y1, Y2 = np.zeros((n, m)), np.zeros((n, b)), np.zeros((n, m))
    rest, work = problem.X.copy(), np.empty((n, m))
    return SparseRepresentation(
        np.zeros((n, 0)), np.zeros((0, m)), J, Y1, Y2, rest, np.zeros(n), mu, work
    )


def step(
    state: SparseRepresentation,
    problem: SparseLRRProblem,
    *,
    mu_growth: float = 1.1,
    threads: Map = map,
) -> SparseRepresentation:
    """The next state, which takes over the arrays of this one: it must not be used again.

    J, Y1, Y2, rest, part and work are overwritten; only B and C are new.
    """
    mu = state.mu
    gram = _gradient_step(state, problem, threads)
    B, C = _low_rank(state.work, gram, 1.0 / (mu * problem.eta), threads)
    coefficients = _split(state, B, C, problem.beta, threads)
    moved = [problem.eta**0.5 * coefficients[0], coefficients[1]]
    unexplained, errors = _errors(state, B, C @ problem.D, problem, threads)
    change = mu * max(*moved, errors) / problem.size
    grown = min(mu_growth * mu, MU_MAX) if change < SLOW else mu
    unexplained /= problem.size
    return replace(state, B=B, C=C, mu=grown, unexplained=unexplained, change=change)


def _gradient_step(
    state: SparseRepresentation, problem: SparseLRRProblem, threads: Map
) -> np.ndarray:
    """What singular values are thresholded of, in the state's working memory; its Gram matrix."""
    mu, eta = state.mu, problem.eta

    def work(span: slice) -> np.ndarray:
        A = state.work[span]
        pixels = [part[span] for part in (state.Y1, state.rest, state.B, state.J, state.Y2)]
        for rows, (other,) in row_blocks(A, 1):
            Y1, rest, B, J, Y2 = (part[rows] for part in pixels)
            # S + [(rest + Y1/mu) D^T - (S - J + Y2/mu)] / eta, with S = B C and rest = X - S D - E.
            target = Y1 * (1.0 / (mu * eta))
            target += rest * (1.0 / eta)
            out = np.matmul(target, problem.D.T, out=A[rows])
            np.matmul(B, state.C, out=other)
            other *= 1.0 - 1.0 / eta
            out += other
            out += np.multiply(J, 1.0 / eta, out=other)
            out -= np.multiply(Y2, 1.0 / (mu * eta), out=other)
        return A.T @ A

    return np.sum(each_span(len(state.work), work, threads), axis=0)


def _low_rank(
    A: np.ndarray, gram: np.ndarray, t: float, threads: Map
) -> tuple[np.ndarray, np.ndarray]:
    """The factors of ``svt(A, t)``, from the eigenvalues above t^2 of its Gram matrix."""
    top = max(float(np.trace(gram)), t * t) * 2.0
    squares, V = linalg.eigh(gram, subset_by_value=[t * t, top], overwrite_a=True)
    B = np.empty((len(A), len(squares)))

    def work(span: slice) -> None:
        np.matmul(A[span], V, out=B[span])

    each_span(len(A), work, threads)
    return B, (1.0 - t / np.sqrt(squares))[:, None] * V.T


def _split(
    state: SparseRepresentation, B: np.ndarray, C: np.ndarray, beta: float, threads: Map
) -> tuple[float, float]:
    """Update J and Y2 in place; ``||dS||`` and ``||dJ||``."""
    mu = state.mu

    def work(span: slice) -> tuple[float, float]:
        moved = copied = 0.0
        pixels = [part[span] for part in (state.J, state.Y2, B, state.B)]
        for rows, (S, other) in row_blocks(pixels[0], 2):
            J, Y2, new, old = (part[rows] for part in pixels)
            np.matmul(new, C, out=S)
            np.matmul(old, state.C, out=other)
            other -= S
            moved += float(np.vdot(other, other))
            S *= mu
            S += Y2
            # Of mu S + Y2 the multiplier keeps what lies within beta, and mu J what lies beyond.
            np.clip(S, -beta, beta, out=Y2)
            S -= Y2
            S *= 1.0 / mu
            np.subtract(S, J, out=other)
            copied += float(np.vdot(other, other))
            J[...] = S
        return moved, copied

    moved, copied = np.sum(each_span(len(B), work, threads), axis=0)
    return float(moved) ** 0.5, float(copied) ** 0.5


def _errors(
    state: SparseRepresentation,
    B: np.ndarray,
    patterns: np.ndarray,
    problem: SparseLRRProblem,
    threads: Map,
) -> tuple[float, float]:
    """Update Y1, the rest and E's parts in place; norm of the rest, and ``||dE||``."""
    mu, lam = state.mu, problem.lam

    def work(span: slice) -> tuple[float, float]:
        unexplained = moved = 0.0
        pixels = [part[span] for part in (problem.X, B, state.Y1, state.part, state.rest)]
        for rows, (P, other) in row_blocks(pixels[0], 2):
            X, new, Y1, part, rest = (part[rows] for part in pixels)
            np.matmul(new, patterns, out=P)
            np.subtract(X, P, out=P)
            P *= mu
            P += Y1
            lengths = np.sqrt(np.vecdot(P, P))
            within = lam / np.maximum(lengths, lam)
            old = np.multiply(Y1, part[:, None], out=other)  # E of the step before
            # rest = X - S D - E = (new Y1 - old Y1) / mu, the old one before it is overwritten.
            Y1 *= -1.0 / mu
            rest[...] = Y1
            np.multiply(P, within[:, None], out=Y1)
            part[...] = (1.0 - within) / (mu * within)
            rest += np.multiply(Y1, 1.0 / mu, out=P)
            unexplained += float(np.vdot(rest, rest))
            old -= np.multiply(Y1, part[:, None], out=P)
            moved += float(np.vdot(old, old))
        return unexplained, moved

    unexplained, moved = np.sum(each_span(len(B), work, threads), axis=0)
    return float(unexplained) ** 0.5, float(moved) ** 0.5
