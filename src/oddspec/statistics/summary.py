"""Summaries of pixels that can be added up: of(part) + of(rest) == of(whole)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from oddspec.arrays import Index, Pixels, to_numpy
from oddspec.errors import InputError

CONSTANT = 1e-13
"""A band whose spread is below this fraction of its size varies by rounding only."""

FAR = 1e-7
"""A band whose spread is below this fraction of its size has its mean computed again: rounding a
sum of n values may cost up to n units in the last place, 1e-12 of the size for 8192 pixels. Above
it, where all ordinary scenes are, nothing is touched, and no bit of any score changes."""


@dataclass(frozen=True)
class Moments:
    """Number, mean and scatter of pixels, in float64.

    The scatter is the sum of ``(x - mean)(x - mean)^T`` over the pixels. Parts are merged by the
    pairwise formula of Chan, Golub and LeVeque (1979), which never subtracts large sums. The
    arrays stay on the device that the pixels were on.
    """

    count: int
    mean: Any
    scatter: Any

    @classmethod
    def of(cls, pixels: Pixels) -> Moments:
        """Moments of the rows of ``pixels``."""
        xp = array_namespace(pixels)
        mean = xp.mean(pixels, axis=0)
        centred = pixels - mean
        # Centred before multiplying: raw second moments lose half of the digits.
        scatter = centred.T @ centred
        variance = xp.linalg.diagonal(scatter) / max(pixels.shape[0], 1)
        again = centred_again(mean, centred, variance)
        if again:
            mean, centred = again
            scatter = centred.T @ centred
        return cls(pixels.shape[0], mean, scatter)

    def __add__(self, other: Moments) -> Moments:
        """Moments of both parts together."""
        if not self.count or not other.count:
            return self if self.count else other
        n = self.count + other.count
        shift = other.mean - self.mean
        scatter = (self.count * other.count / n) * (shift[:, None] * shift[None, :])
        scatter += self.scatter
        scatter += other.scatter
        return Moments(n, self.mean + (other.count / n) * shift, scatter)

    @property
    def covariance(self) -> Any:
        """Scatter / (count - 1)."""
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 pixels, not {self.count}")
        return self.scatter / (self.count - 1)


def centred_again(mean: Any, centred: Pixels, variance: Any) -> tuple[Any, Pixels] | None:
    """Mean and centred pixels with the rounding of the mean taken out; None where it is small.

    The centred pixels' own mean is that error, as exact as their spread allows (the corrected
    two-pass algorithm of Chan, Golub and LeVeque, doi:10.1080/00031305.1983.10483115). Each band
    is judged by itself, so an offset in one changes no bit of another.
    """
    xp = array_namespace(centred)
    far = variance < (FAR * mean) ** 2
    if not bool(xp.any(far)):
        return None
    error = xp.where(far, xp.mean(centred, axis=0), xp.zeros_like(mean))
    return mean + error, centred - error


@dataclass(frozen=True)
class Sample:
    """At most ``size`` pixels, drawn evenly without replacement and whatever way a scene was cut.

    Every position of a scene has a fixed random key (a hash of seed and position), and the pixels
    with the smallest keys stay.
    """

    size: int
    seed: int
    index: Index
    pixels: Pixels

    @classmethod
    def of(cls, pixels: Pixels, index: Index, *, size: int, seed: int = 0) -> Sample:
        """The sample of these pixels at these positions."""
        return _smallest(size, seed, index, pixels)

    def __add__(self, other: Sample) -> Sample:
        """The sample of both parts together."""
        index = np.concatenate([self.index, other.index])
        # The pixels stay on the device that they were on.
        pixels = array_namespace(self.pixels).concat([self.pixels, other.pixels], axis=0)
        return _smallest(self.size, self.seed, index, pixels)


def _smallest(size: int, seed: int, index: Index, pixels: Pixels) -> Sample:
    order = np.argsort(_key(index, seed))[:size]
    return Sample(size, seed, index[order], pixels[order])


def _key(index: Index, seed: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """A one-to-one scrambling of positions (the finaliser of SplitMix64), so keys never tie."""
    step = np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
    z = index.astype(np.uint64) + step
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


_ABSENT = object()


@dataclass
class Tree:
    """Adds summaries up along one fixed binary tree over numbered leaves, in any order of arrival.

    Node (level, i) is the sum of (level - 1, 2i) and (level - 1, 2i + 1), so floating-point sums
    do not depend on who summarised which leaf when. A leaf without pixels is None.
    """

    nodes: dict[tuple[int, int], Any] = field(default_factory=dict)

    def add(self, leaf: int, summary: Any) -> None:
        """Put the summary of leaf number ``leaf`` in."""
        self._put(0, leaf, summary)

    def merge(self, other: Tree) -> None:
        """Put all nodes of another tree in (of other leaves)."""
        for (level, i), summary in other.nodes.items():
            self._put(level, i, summary)

    def total(self) -> Any:
        """The sum of all leaves; None if none of them has pixels."""
        result = None
        for key in sorted(self.nodes, key=lambda key: key[1] << key[0]):
            result = _sum(result, self.nodes[key])
        return result

    def _put(self, level: int, i: int, summary: Any) -> None:
        while (sibling := self.nodes.pop((level, i ^ 1), _ABSENT)) is not _ABSENT:
            summary = _sum(sibling, summary) if i % 2 else _sum(summary, sibling)
            level, i = level + 1, i // 2
        self.nodes[level, i] = summary


def _sum(first: Any, second: Any) -> Any:
    if first is None or second is None:
        return second if first is None else first
    return first + second


def pack(summary: Moments | Sample) -> dict[str, np.ndarray]:
    """The summary as named arrays, for a file."""
    values = {f.name: np.asarray(to_numpy(getattr(summary, f.name))) for f in fields_of(summary)}
    return {"kind": np.asarray(type(summary).__name__), **values}


def unpack(arrays: Mapping[str, np.ndarray]) -> Moments | Sample:
    """The summary that `pack` took apart."""
    kind = {"Moments": Moments, "Sample": Sample}[str(arrays["kind"])]
    values = {
        f.name: arrays[f.name] if arrays[f.name].ndim else arrays[f.name].item()
        for f in fields_of(kind)
    }
    return kind(**values)


def enough(count: int) -> None:
    """Refuse to make a background of fewer than two pixels.

    Raises
    ------
    InputError
        If there are fewer.
    """
    if count < 2:
        raise InputError(
            f"{count} valid pixels: a background needs at least 2; check the nodata value and the "
            f"mask"
        )
