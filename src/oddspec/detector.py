"""The three kinds of detector, told apart by what a pixel's score may depend on.

==================== ============================================= =================================
class                a pixel's score depends on                    on tiles
==================== ============================================= =================================
`BackgroundDetector` its spectrum and one fitted model of a scene  same scores as on the whole scene
`WindowDetector`     its spectrum and the ring of pixels around it same scores as on the whole scene
`SceneDetector`      every pixel                                   in memory, or refused
==================== ============================================= =================================

A detector is a frozen dataclass of settings: nothing about files, tiles, thresholds, ground truth
or the screen is known to it, and fitted state is returned, never stored.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import (
    Any,
    ClassVar,
    Generic,
    Literal,
    NamedTuple,
    Protocol,
    TypeVar,
    runtime_checkable,
)

from oddspec.arrays import Cube, Index, Mask, Pixels, PixelScores, Scores
from oddspec.progress import Progress, silent
from oddspec.settings import complete_docstring
from oddspec.windows import Tile, Window

S = TypeVar("S", bound="Summary")


@runtime_checkable
class Summary(Protocol):
    """What is kept of some pixels; ``of(part) + of(rest) == of(whole)``."""

    def __add__(self: S, other: S) -> S:
        """The summary of both parts together."""


@runtime_checkable
class Background(Protocol):
    """A fitted model of a scene.

    A frozen dataclass of arrays, numbers, names and further such dataclasses can be saved and
    applied to another scene (`oddspec.models`).
    """

    def score(self, pixels: Pixels) -> PixelScores:
        """One score per pixel, larger is more anomalous.

        A background may also have ``insights() -> tuple[Insight, ...]``,
        ``distribution() -> ScoreDistribution | None`` where theory gives one, and ``health``, the
        state of the covariance that distances are measured in
        (`oddspec.statistics.gaussian.Health`). One that separates a pixel into background and
        anomaly has ``background(pixels) -> Pixels``: the background's spectra, in their units.
        """


@dataclass(frozen=True)
class Insight:
    """A part of a fitted model that means something to a person, and how to draw it.

    Attributes
    ----------
    name
        Short, unique within a detector, such as ``dictionary``.
    kind
        ``spectra`` (k, b): one line each; ``maps`` (h, w, k): one picture each; ``curve`` (steps,)
        or (steps, k): values over iterations or epochs; ``values`` (k,) or (k, m): a small table;
        ``cube`` (h, w, b): a spectrum for each pixel, in the scene's units, such as ``background``
        and ``anomaly``.
    values
        The numbers; of a cube what gives its rows when they are asked for.
    label
        What they are, with units, as a figure's caption says it.
    names
        Of the spectra, maps, columns of a curve or rows of a table, where they have any.
    axis
        What a curve's steps are.
    columns
        Of a table's columns, where they have any names.
    """

    name: str
    kind: Literal["spectra", "maps", "curve", "values", "cube"]
    values: Any
    label: str
    names: tuple[str, ...] = ()
    axis: str = "step"
    columns: tuple[str, ...] = ()


class Detector:
    """What all detectors share. Subclass one of the three kinds below, not this."""

    family: ClassVar[str] = ""
    """Set by the folder that the detector's file lies in."""
    reference: ClassVar[str] = ""
    """Authors, year and DOI, for ``oddspec detectors``."""
    cost: ClassVar[str] = ""
    """Operations for n pixels, b bands and s ring pixels, such as ``n b^2``."""
    unit: ClassVar[str] = ""
    """What a score is by default, such as ``squared Mahalanobis distance``."""
    separates: ClassVar[bool] = False
    """Whether a run leaves a background and an anomaly of each pixel, for ``--write``."""
    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    """Where it can run: ``cpu``, and ``cuda`` where its core takes array-API arrays."""

    @property
    def score_unit(self) -> str:
        """What a score is with these settings, for legends; `unit` where they do not change it."""
        return self.unit

    @property
    def affine_invariant(self) -> bool:
        """Whether scores are invariant to affine transforms per band, with these settings.

        They are if they rank pixels alike when each band is multiplied by a number of its own,
        above 0, and another is added to it. Where they are not, or a class does not say, gains and
        offsets that a file declares are applied before the detector sees the pixels.
        """
        return False

    def __init_subclass__(cls) -> None:
        """Let ``help()`` show all settings, those too that only a base class explains."""
        super().__init_subclass__()
        cls.__doc__ = complete_docstring(cls)


class BackgroundDetector(Detector, ABC, Generic[S]):
    """Summarise the pixels, fit one model, score every pixel with it."""

    @abstractmethod
    def summarise(self, pixels: Pixels, index: Index) -> S:
        """What the fit needs to know of these (valid) pixels at these positions."""

    @abstractmethod
    def fit(self, summary: S, progress: Progress = silent) -> Background:
        """The model of the scene that the summary describes."""

    def summary_bytes(self, bands: int) -> int:
        """Size of the largest summary; by default that of `Moments`."""
        return 8 * bands * (bands + 1)

    def fit_bytes(self, bands: int) -> int:
        """Bytes that `fit` takes beside the summary; by default some matrices of the bands."""
        return 80 * bands**2


class WindowDetector(Detector, ABC):
    """Score each pixel against the ring around it."""

    @property
    @abstractmethod
    def window(self) -> Window:
        """The dual window."""

    @abstractmethod
    def score_tile(self, tile: Tile) -> Scores:
        """Scores of ``tile.rows`` x ``tile.columns``; NaN where the tested pixel is invalid.

        Invalid ring pixels get weight zero. A pixel's score must not depend, not even in its last
        bit, on where the tile begins and ends.
        """

    def scratch(self, rows: int, columns: int, bands: int) -> int:
        """Bytes that `score_tile` needs beside the tile, to score that many rows and columns."""
        return 0


class SceneResult(NamedTuple):
    """What a `SceneDetector` makes of a scene."""

    scores: Scores
    """``(h, w)``; NaN where invalid."""
    insights: tuple[Insight, ...] = ()
    """What was found on the way."""
    fitted: SceneModel | None = None
    """What has been learnt here, to be applied to other scenes as it is; a dataclass such as
    `Background` describes."""


@runtime_checkable
class SceneModel(Protocol):
    """What scores whole scenes: a `SceneDetector`, or what one has fitted.

    What is fitted needs no more memory than its detector states.
    """

    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Score the whole scene. Invalid pixels influence no other."""


class SceneDetector(Detector, ABC):
    """Score all pixels together, in memory."""

    fitted: ClassVar[type[SceneModel] | None] = None
    """The class of what `examine` leaves for other scenes, where it leaves something."""

    @abstractmethod
    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Score the whole scene. Invalid pixels influence no other.

        Raises
        ------
        InputError
            If the scene does not suit: too few valid pixels, all equal, or none above zero.

        Warns
        -----
        NotConverged
            If the steps of an iteration did not suffice.
        """

    @abstractmethod
    def memory(self, height: int, width: int, bands: int) -> int:
        """Bytes needed beside the cube itself; the run refuses before allocating more."""


_RENAMED = {"Examined": SceneResult, "Examiner": SceneModel}


def __getattr__(name: str) -> Any:
    """Names from before, which detectors in users' files import."""
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = _RENAMED[name]
    warnings.warn(
        f"oddspec.detector.{name} is now {found.__name__}; the old name will go away",
        DeprecationWarning,
        stacklevel=2,
    )
    return found
