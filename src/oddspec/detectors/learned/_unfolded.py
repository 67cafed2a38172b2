"""What LRR-Net and LRR-Net+ share: fitting an unfolded low-rank representation."""

from __future__ import annotations

from abc import ABC
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from array_api_compat import device as device_of

from oddspec.arrays import to_numpy
from oddspec.detectors._sampled import SampleDetector
from oddspec.detectors.learned._unfolded_background import (
    Beginning,
    UnfoldedBackground,
    converted,
)
from oddspec.detectors.learned._unfolded_network import (
    MATRIX_STEP,
    SAVED_BYTES,
    Batches,
    Unfolding,
    learn,
)
from oddspec.errors import SettingError
from oddspec.networks.train import one_thread, rng_of_run
from oddspec.progress import Progress, silent
from oddspec.settings import above_zero, at_least, later
from oddspec.solvers import dictionary as solver
from oddspec.solvers.clusters import cluster
from oddspec.solvers.prox import row_norms
from oddspec.solvers.scene_weights import Weights, balance, scene_weights
from oddspec.statistics.scaling import BY_NAME, Scaling
from oddspec.statistics.summary import Sample, enough

NAMES = ("l1", "l3", "mu", "theta")
"""Trained constants; the first only where the dictionary is learnt."""

SHOWN = 10
"""Anomalous pixels whose residual spectra are returned."""

TOLERANCE = 0.02
"""Training stops once epochs have brought less than a fiftieth of the whole fall."""


@dataclass(frozen=True)
class Unfolded(SampleDetector, ABC):
    """ADMM sweeps of a low-rank representation as a network with trained constants.

    A subclass says whether the dictionary is learnt.

    Parameters
    ----------
    atoms
        Atoms in the dictionary (K), at most as many as there are bands.
    rank
        How many patterns the low-rank part shall keep at most where lambda2 is not set: the
        nuclear norm's weight is put at the scene's singular value of that number.
    stages
        Repeats of the solver's step.
    epochs
        Most passes of training; 0 leaves the solver as it is.
    learning_rate
        Of Adam, for the logarithms of the constants.
    loss
        objective: the detector's problem at the last stage, with fixed weights; published: the
        paper's squared error ``||X - J D - S||^2``; mse: the same with L in place of its copy J,
        which does not see the background at all (see Notes of `LRRNetPlus`).
    maps
        tied: the linear maps follow from the constants; free: each is multiplied by a trainable
        K x K matrix besides.
    map_rate
        How fast the entries of these matrices are trained, relative to the learning rate.
    start
        What the copy J of the coefficients is before the first stage. zero: as the paper says;
        clusters: a 1 for the nearest atom, which the first stage forgets otherwise.
    mu_growth
        After each stage ``mu <- min(mu_growth mu, mu_limit)`` (eq. 13), and the scaled multiplier
        is divided by what mu has grown.
    mu_limit
        See mu_growth; no limit if None, and a limit below mu leaves mu as it is.
    batch
        Pixels per update of the training; 0 takes all at once. The stages run on these pixels
        alone, so the nuclear norm is theirs.
    patience
        Stop training once this many epochs have brought less than a fiftieth of the whole fall of
        the loss; 0 runs all.
    balanced
        Rescale the atoms such that the penalties on the background are smallest.
    lambda2
        Weight of the nuclear norm, in scaled units; None puts it at the scene's own scale.
    lambda3
        Weight of the l2,1 norm, in scaled units: residuals up to this length are no anomaly. None
        takes the median residual of a plain fit.
    mu
        Penalty that ties L to its copy J; None takes lambda2's value at the scene's scale.
    scaling
        Of the bands, see `oddspec.statistics.scaling`.
    score
        residual: ``||x_i - l_i D||``; sparse: ``||s_i||``, the same shortened by lambda3.
    sample
        Most pixels that the dictionary is learnt from; a smaller scene is used whole.
    training
        How many of them the constants are learnt from.
    seed
        Of the sample and the clusters.
    """

    learn: ClassVar[bool]
    """Whether each stage updates the atoms."""

    atoms: int = 30
    rank: int = 15
    stages: int = 40
    epochs: int = 10
    learning_rate: float = 0.01
    loss: Literal["objective", "published", "mse"] = "objective"
    maps: Literal["tied", "free"] = "tied"
    balanced: bool = True
    lambda2: float | None = None
    lambda3: float | None = None
    mu: float | None = None
    scaling: Literal["globalz", "global01", "band01", "bandz", "max1"] = "globalz"
    score: Literal["residual", "sparse"] = "residual"
    sample: int = 10_000
    training: int = 1_000
    seed: int = 0
    map_rate: float = later(MATRIX_STEP)
    start: Literal["zero", "clusters"] = later("zero")
    mu_growth: float = later(1.0)
    mu_limit: float | None = later(None)
    batch: int = later(0)
    patience: int = later(3)

    cost: ClassVar[str] = "stages K b (n + epochs training)"
    unit: ClassVar[str] = "length of the residual, scaled"
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")

    def __post_init__(self) -> None:
        at_least(self, 1, "atoms", "rank", "stages")
        at_least(self, 0, "epochs", "seed", "batch", "patience")
        at_least(self, 2, "sample", "training")
        above_zero(self, "learning_rate", "lambda2", "lambda3", "mu", "mu_limit", "map_rate")
        if not 1 <= self.mu_growth <= 2:
            raise SettingError(f"mu_growth={self.mu_growth}: expected a number from 1 to 2")

    @property
    def given(self) -> tuple[float | None, float | None, float | None]:
        """Weights of the dictionary's norm, the nuclear norm and the l2,1 norm; None if not set."""
        return None, self.lambda2, self.lambda3

    def fit_bytes(self, bands: int) -> int:
        """The sample and its codes in a few copies, and what all stages save for their gradients.

        That is stopped at `SAVED_BYTES` by the first stage's, which saves less than the later ones.
        """
        atoms = min(self.atoms, bands)
        saved = 8 * min(self.training, self.sample) * self.stages * (4 * bands + 20 * atoms)
        codes = 8 * self.sample * (2 * bands + 8 * atoms)
        return super().fit_bytes(bands) + codes + int(min(saved, 1.4 * SAVED_BYTES))

    def fit(self, summary: Sample, progress: Progress = silent) -> UnfoldedBackground:
        """Train the stages on some pixels, run them on all, and keep what they do to a pixel."""
        pixels = summary.pixels
        enough(len(pixels))
        scaling = BY_NAME[self.scaling](pixels)
        X = to_numpy(scaling(pixels)).astype(np.float64)
        with one_thread():
            return self._fit(X, scaling, device_of(pixels), progress)

    def _fit(
        self, X: np.ndarray, scaling: Scaling, where: Any, progress: Progress
    ) -> UnfoldedBackground:
        whole = self.problem(X, where)
        network, losses = self._train(X, whole, where, progress)
        with torch.no_grad():
            stages, errors, last = whole.run(network)
            # The constants were learnt on some of the pixels: all of them have the last word.
            if self.loss == "objective" and losses.size:
                untrained = self.network(where, len(whole.begin.D))
                run = whole.run(untrained)
                if whole.loss(run[-1]) < whole.loss(last):
                    network, (stages, errors, last) = untrained, run
            solver.must_explain(last, whole.squares, whole.weights)
            factors = torch.exp(network.logs).cpu().numpy()
        stages_constants = [whole.of_stage(stage) for stage in range(self.stages)]
        initial = np.array([[c[name] for name in network.names] for c in stages_constants])
        return UnfoldedBackground(
            scaling,
            stages,
            self.score,
            network.names,
            factors * initial,
            losses,
            errors,
            _typical_atoms(last),
            _largest_residuals(last, X),
            whole.beginning,
            whole.growths,
        )

    def problem(self, X: np.ndarray, where: Any) -> UnfoldedProblem:
        """Weights at the pixels' own scale where none are set, and where to start."""
        found = scene_weights(X, self.rank)
        chosen = zip(found, self.given, strict=True)
        weights = Weights(*(scene if own is None else own for scene, own in chosen))
        mu = found.l2 if self.mu is None else self.mu
        D, L, beginning = self._start(X, weights)
        tensors = [torch.as_tensor(part, device=where) for part in (X, D, L)]
        copy = None if beginning is None else tensors[2]
        return UnfoldedProblem(
            self,
            tensors[0],
            (tensors[0] ** 2).sum(dim=1),
            solver.start(tensors[1], tensors[2], copy),
            weights,
            {"l1": weights.l1, "l3": weights.l3, "mu": mu, "theta": weights.l2 / mu},
            beginning,
        )

    def _start(
        self, X: np.ndarray, weights: Weights
    ) -> tuple[np.ndarray, np.ndarray, Beginning | None]:
        """Cluster centres, and which one each pixel belongs to."""
        D, L = cluster(X, min(self.atoms, X.shape[1]), self.seed)
        beginning = Beginning(D, np.eye(len(D))) if self.start == "clusters" else None
        if self.balanced and not self.learn:
            gram = D @ D.T
            ridge = 1e-9 * np.trace(gram) * np.eye(len(D))
            coefficients = np.linalg.solve(gram + ridge, D @ X.T).T
            D, change_of_basis = balance(D, coefficients, weights.l2 / weights.l1)
            L = L @ change_of_basis
            beginning = beginning and replace(beginning, codes=change_of_basis)
        # Another pixel will be given to the nearest atom: so are these.
        return D, L if beginning is None else beginning.of(X), beginning

    def _train(
        self, X: np.ndarray, whole: UnfoldedProblem, where: Any, progress: Progress
    ) -> tuple[Unfolding, np.ndarray]:
        network = self.network(where, len(whole.begin.D))
        part = whole
        if self.epochs and len(X) > self.training:
            part = self.problem(X[: self.training], where)
            if self.maps == "free" and len(part.begin.D) != len(whole.begin.D):
                part = whole  # a cluster came out empty, and free matrices would not fit

        def loss(problem: UnfoldedProblem) -> torch.Tensor:
            value: torch.Tensor = problem.loss(deque(problem.states(network), maxlen=1)[0])
            return value

        batches = None
        if self.batch:
            rng = rng_of_run(self.seed, 0)
            batches = Batches(len(part.X), self.batch, lambda rows: loss(part.of(rows)), rng)
        losses = learn(
            network,
            lambda: loss(part),
            epochs=self.epochs,
            rate=self.learning_rate,
            patience=self.patience,
            tolerance=TOLERANCE,
            batches=batches,
            progress=progress,
        )
        return network, losses

    def network(self, where: Any, atoms: int) -> Unfolding:
        """The unfolded solver, untrained."""
        names = NAMES if self.learn else NAMES[1:]
        maps = 0 if self.maps == "tied" else 3 if self.learn else 2
        return Unfolding(names, self.stages, [atoms] * maps, where, self.map_rate)


@dataclass(frozen=True)
class UnfoldedProblem:
    """Pixels, where to start with them, and what is minimised."""

    settings: Unfolded
    X: Any
    squares: Any
    begin: solver.LearntRepresentation
    weights: Weights
    constants: Mapping[str, float]
    beginning: Beginning | None = None

    def of(self, rows: Any) -> UnfoldedProblem:
        """The problem of these pixels alone, with the same constants."""
        codes = solver.Codes(*(part[rows] for part in self.begin.codes))
        begin = replace(self.begin, codes=codes)
        return replace(self, X=self.X[rows], squares=self.squares[rows], begin=begin)

    @cached_property
    def penalties(self) -> list[float]:
        """Mu of each stage, and after the last, as multiples of the first stage's (eq. 13)."""
        growth, limit = self.settings.mu_growth, self.settings.mu_limit
        most = float("inf") if limit is None else max(limit / self.constants["mu"], 1.0)
        stages = range(self.settings.stages)
        return list(accumulate(stages, lambda mu, _: min(growth * mu, most), initial=1.0))

    @cached_property
    def growths(self) -> tuple[float, ...]:
        """By which mu grows after each stage; empty where it never does."""
        if self.settings.mu_growth == 1:
            return ()
        return tuple(new / old for old, new in pairwise(self.penalties))

    def of_stage(self, stage: int) -> dict[str, float]:
        """The untrained constants of one stage."""
        times = self.penalties[stage]
        own = {"mu": self.constants["mu"] * times, "theta": self.constants["theta"] / times}
        return {**self.constants, **own}

    def states(self, network: Any) -> Iterator[solver.LearntRepresentation]:
        """The states after each stage of the network."""
        return network(self.begin, self._step)

    def run(
        self, network: Any
    ) -> tuple[tuple[solver.Stage, ...], np.ndarray, solver.LearntRepresentation]:
        """All stages in NumPy arrays, what each leaves unexplained, and the last state."""
        stages, errors, state = [], [], self.begin
        for state in self.states(network):
            assert state.stage is not None, "every state that a step returns has one"
            stages.append(converted(state.stage, to_numpy))
            rest = self.X - state.codes.L @ state.D
            errors.append(float((rest * rest).sum() / self.squares.sum()))
        return tuple(stages), np.array(errors), state

    def _step(
        self, state: Any, stage: int, factors: Mapping[str, Any], free: Sequence[Any]
    ) -> solver.LearntRepresentation:
        learn, base = self.settings.learn, self.of_stage(stage)
        maps = solver.Maps(*(free if learn else (None, *free))) if free else None
        new = solver.step(
            state,
            self.X,
            self.squares,
            solver.Constants(*(base[name] * factors.get(name, 1.0) for name in NAMES)),
            learn=learn,
            balanced=self.settings.balanced and learn,
            free=maps,
        )
        return solver.relaxed(new, self.growths[stage]) if self.growths else new

    def loss(self, state: Any) -> Any:
        """Of a state, per pixel: the problem's own objective, or the paper's squared error."""
        loss = self.settings.loss
        if loss == "objective":
            return solver.objective(state, self.X, self.squares, self.weights) / len(self.X)
        S = solver.anomalies(state, self.X)
        codes = state.codes.J if loss == "published" else state.codes.L
        rest = self.X - codes @ state.D - S
        return (rest * rest).sum() / len(self.X)


def _typical_atoms(state: Any) -> np.ndarray:
    """Atoms times the root mean square of their coefficients, strongest first."""
    L, D = to_numpy(state.codes.L), to_numpy(state.D)
    typical = np.sqrt(np.mean(L**2, axis=0))[:, None] * D
    lengths = row_norms(typical)
    order = np.argsort(-lengths)
    return typical[order[lengths[order] > 1e-3 * lengths.max()]]


def _largest_residuals(state: Any, X: Any) -> np.ndarray:
    """Residuals of the pixels with the longest ones."""
    rest = X - to_numpy(state.codes.L) @ to_numpy(state.D)
    return rest[np.argsort(-row_norms(rest), kind="stable")[:SHOWN]]
