"""Ensemble: several detectors that look at a scene in different ways, averaged by their ranks.

Its members are loaded by their names, as a user's choice is; no detector imports another.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

from oddspec.arrays import Cube, Mask, Scores
from oddspec.detector import Detector, Insight, SceneDetector, SceneResult
from oddspec.detectors import load, short_name
from oddspec.errors import OddspecError, SettingError
from oddspec.execution.in_memory import scores_in_memory, working_bytes
from oddspec.progress import Progress, silent
from oddspec.settings import at_least, build
from oddspec.statistics.pixels import on_map, score_map
from oddspec.statistics.summary import enough

Standings = Float[np.ndarray, "n members"]

RULES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tail": lambda u: -np.log1p(-u),
    "normal": ndtri,
    "rank": lambda u: u,
}
"""What is averaged over the members, as a function of the share of pixels that a pixel is above."""


@dataclass(frozen=True)
class Ensemble(SceneDetector):
    r"""How far up a pixel stands in the lists of several detectors, on average.

    Each of the m members scores the scene. With u_k the share of the n valid pixels that score
    lower than this one by member k, ties and the pixel itself counting half::

        score = 1/m sum_k  -ln(1 - u_k)        (tail)
        score = 1/m sum_k  Phi^{-1}(u_k)       (normal)
        score = 1/m sum_k  u_k                 (rank)

    A mistake of one member counts for 1/m; what most of them find anomalous, each in its own way,
    leads.
    Only a member's ranking bears on the result, never its scale or units.

    Parameters
    ----------
    members
        Names of the detectors, separated by commas, each with settings of its own after it if they
        are to differ from its defaults: ``rx, crd guard=5 outer=9``.
    combine
        tail: 1 - u is the share of pixels at least as anomalous, and its logarithm grows by the
        same amount whenever that share falls by the same factor, so a high place counts for much;
        normal: the same more gently, and low places count as much as high ones; rank: all alike.
    seed
        Of every member that has one.

    Notes
    -----
    * The sum of ``-ln(1 - u_k)`` is Fisher's for combining tests; members of one scene are not
      independent, so no probability follows from it, and thresholds are fitted to the scores.
    * `members` are two views of a scene that hardly know of each other: non-negative materials of
      the whole scene (`rednmf`), and the pixels around a pixel (`lsunrsorad`). Choosing pairs on
      twelve scenes and judging them on the thirteenth gives this one, of 153, for every scene, and
      larger sets so chosen gain less than 0.001; docs/results/ensemble.md has the figures, and
      what a set fixed beforehand did. Neither needs PyTorch or minutes. With its default guard of
      3, its authors', `lsunrsorad` fails on targets of more than three pixels; 5 is the next, and 7
      takes three times as long.
    * A valid pixel that some members do not score (too few valid pixels around it) has the average
      of the others.
    * No score can exceed ln(2n): a list of n pixels tells no probability below 1/n.

    References
    ----------
    C. C. Aggarwal and S. Sathe, "Theoretical foundations and algorithms for outlier ensembles",
    ACM SIGKDD Explorations 17(1), 24-47, 2015. doi:10.1145/2830544.2830549
    """

    members: str = "rednmf, lsunrsorad guard=5 outer=7"
    combine: Literal["tail", "normal", "rank"] = "tail"
    seed: int = 0

    reference: ClassVar[str] = "after Aggarwal & Sathe 2015, doi:10.1145/2830544.2830549"
    cost: ClassVar[str] = "that of its members"
    unit: ClassVar[str] = "mean over the members of a pixel's standing"

    def __post_init__(self) -> None:
        at_least(self, 0, "seed")
        self.built()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the members, with the settings that they were given."""
        return tuple(" ".join(member.split()) for member in self.members.split(","))

    def built(self) -> tuple[Detector, ...]:
        """The members with their settings.

        Raises
        ------
        SettingError
            If there are fewer than two, one stands twice or is an ensemble, there is no detector of
            that name, it does not have such settings, or needs a library that is not installed.
        """
        parts = [_parts(member) for member in self.names]
        different = {(short_name(name), *sorted(given.items())) for name, given in parts}
        if (
            len(different) < len(parts)
            or len(parts) < 2
            or any(short_name(name) == "ensemble" for name, _ in parts)
        ):
            raise SettingError(
                f"members={self.members!r}: expected at least two different detectors other than "
                f"ensemble, separated by commas"
            )
        return tuple(self._member(name, given) for name, given in parts)

    def memory(self, height: int, width: int, bands: int) -> int:
        """What the largest member needs, for one runs at a time; their scores and standings."""
        most = max(working_bytes(member, height, width, bands) for member in self.built())
        return most + 8 * height * width * (4 * len(self.names) + 4)

    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Scores; the members' own views as maps, and how far their rankings agree.

        Raises
        ------
        InputError
            If fewer than two pixels are valid, or the scene does not suit a member.

        Warns
        -----
        Warning
            Whatever a member warns of, with its name before it.
        """
        enough(int(valid.sum()))
        lists = np.empty((int(valid.sum()), len(self.names)))
        for number, member in enumerate(self.built()):
            lists[:, number] = self._scores(number, member, cube, valid, progress)[valid]
        shares = standings(lists)
        return SceneResult(
            score_map(combined(shares, self.combine), valid),
            (
                Insight(
                    "members",
                    "maps",
                    on_map(-np.log10(1.0 - shares), valid),
                    "minus the decimal logarithm of the share of pixels that a member finds at "
                    "least as odd: 2 is one in a hundred",
                    self.names,
                ),
                Insight(
                    "agreement",
                    "values",
                    _rank_correlations(shares),
                    "rank correlations between the members",
                    self.names,
                    columns=self.names,
                ),
            ),
        )

    def _member(self, name: str, settings: dict[str, str]) -> Detector:
        try:
            cls = load(name)
            seeded = any(field.name == "seed" for field in fields(cls))  # type: ignore[arg-type]
            member: Detector = build(cls, ({"seed": self.seed} if seeded else {}) | settings)
        except SettingError as error:
            hint = "; settings are written NAME KEY=VALUE, without blanks around =" * (" " in name)
            raise SettingError(f"members={self.members!r}: {error}{hint}") from None
        return member

    def _scores(
        self, number: int, member: Detector, cube: Cube, valid: Mask, progress: Progress
    ) -> Scores:
        name = self.names[number]

        def report(done: float, total: float, stage: str) -> None:
            share = min(done / total, 1.0) if total else 1.0
            progress(number + share, len(self.names), f"{name}: {stage}")

        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                scores = scores_in_memory(member, cube, valid, report)
        except OddspecError as error:
            raise type(error)(f"member {name}: {error}") from error
        for warning in caught:
            warnings.warn(f"member {name}: {warning.message}", warning.category, stacklevel=3)
        return scores


def _parts(member: str) -> tuple[str, dict[str, str]]:
    """Name and settings of ``NAME KEY=VALUE KEY=VALUE``; a file's name may hold blanks."""
    name, *rest = re.split(r"\s+(?=\w+=)", member)
    return name, dict(setting.split("=", 1) for setting in rest)


def standings(lists: Standings) -> Standings:
    """Share of the column's values that are lower, equal ones (and itself) counting half.

    NaN stays NaN and counts for nothing.
    """
    found = np.full(lists.shape, np.nan)
    for column, shares in zip(lists.T, found.T, strict=True):
        valid = ~np.isnan(column)
        _, place, count = np.unique(column[valid], return_inverse=True, return_counts=True)
        # `shares` is a view: this fills a column of what is found.
        shares[valid] = ((np.cumsum(count) - count / 2) / max(valid.sum(), 1))[place]
    return found


def combined(shares: Standings, rule: str) -> Float[np.ndarray, " n"]:
    """Mean of each row's standings under that rule of `RULES`; NaN where a row has none."""
    values = RULES[rule](shares)
    valid = ~np.isnan(values)
    number = valid.sum(axis=1)
    total = np.where(valid, values, 0.0).sum(axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _rank_correlations(shares: Standings) -> Float[np.ndarray, "members members"]:
    """Spearman's, over the pixels that all members score; NaN where one ranks nothing."""
    rows = shares[~np.isnan(shares).any(axis=1)]
    centred = rows - rows.mean(axis=0) if len(rows) else rows
    products = centred.T @ centred
    lengths = np.sqrt(np.diag(products))
    with np.errstate(invalid="ignore", divide="ignore"):
        return products / np.outer(lengths, lengths)
