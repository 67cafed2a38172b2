"""Where a run keeps scores: in memory, or on disk so that a killed run can go on where it was.

On disk, in the scene's product folder under ``.partial/``: the identity of the run, the summaries
of the first pass, the scores so far, and a journal of the regions that they cover. A region's line
is written after its scores, and whole files are written atomically, so whatever moment a kill hits,
what the journal claims is there.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from oddspec.arrays import Scores
from oddspec.errors import InputError
from oddspec.execution.tiles import Region
from oddspec.io.atomic import atomic_write, write_text
from oddspec.io.journal import Journal
from oddspec.statistics.summary import Tree, pack, unpack


@runtime_checkable
class ScoreStore(Protocol):
    """Where scores go."""

    def write(self, region: Region, scores: Scores) -> None:
        """Keep the scores of that region; called from several threads, for distinct regions."""

    def has(self, region: Region) -> bool:
        """Whether an earlier run has written that region."""


@runtime_checkable
class Checkpoint(Protocol):
    """Where the first pass of an interrupted run is kept."""

    def load(self) -> tuple[Tree, set[int]] | None:
        """Summaries so far, and the numbers of the blocks that they cover."""

    def save(self, tree: Tree, covered: set[int], final: bool) -> None:
        """Keep them; may do nothing unless ``final`` (when too little time has passed)."""


class ScoreArray:
    """Scores kept in memory, in float64."""

    def __init__(self, height: int, width: int) -> None:
        self.scores = np.full((height, width), np.nan)

    def write(self, region: Region, scores: Scores) -> None:
        """Keep the scores of that region."""
        self.scores[slice(*region.rows), slice(*region.columns)] = scores

    def has(self, region: Region) -> bool:
        """Nothing comes from an earlier run."""
        return False


class Discard:
    """Keeps no scores, and asks for none: for a run that only fits."""

    def write(self, region: Region, scores: Scores) -> None:
        """Keep nothing."""

    def has(self, region: Region) -> bool:
        """Nothing is missing."""
        return True


SAVE_EVERY = 5.0
"""Seconds between two saves of the summaries."""


class Partial:
    """The partial results of one run on disk: its `ScoreStore` and its `Checkpoint`."""

    def __init__(
        self, folder: Path, shape: tuple[int, int], identity: Mapping[str, Any], *, resume: bool
    ) -> None:
        self.folder = folder / ".partial"
        self.shape = shape
        self.resumed = resume and self._check(identity)
        if not self.resumed:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            write_text(self.folder / "identity.json", json.dumps(identity))
        self._saved = time.monotonic()
        self._lock = threading.Lock()
        self._journal = Journal(self.folder / "journal.txt")
        self._regions = set(self._journal.lines)
        (self.folder / "scores.f32").touch()
        self._scores = open(self.folder / "scores.f32", "r+b", buffering=0)  # noqa: SIM115
        self._scores.truncate(4 * shape[0] * shape[1])

    @property
    def scores(self) -> np.ndarray:
        """The scores as float32 ``(h, w)``, mapped read-only from the disk."""
        return np.memmap(self.folder / "scores.f32", np.float32, "r", shape=self.shape)

    def write(self, region: Region, scores: Scores) -> None:
        """Keep the scores of that region."""
        values = np.ascontiguousarray(scores, dtype=np.float32)
        (top, bottom), (left, right) = region.rows, region.columns
        width = self.shape[1]
        with self._lock:  # the position in the file is shared
            if right - left == width:
                self._write_at(top * width, values)
            else:
                for row, part in zip(range(top, bottom), values, strict=True):
                    self._write_at(row * width + left, part)
            self._journal.append(_line(region))
            self._regions.add(_line(region))

    def _write_at(self, pixel: int, values: np.ndarray) -> None:
        self._scores.seek(4 * pixel)
        rest = memoryview(values.tobytes())
        while rest:  # without a buffer, a write may take a part only
            rest = rest[self._scores.write(rest) :]

    def has(self, region: Region) -> bool:
        """Whether an earlier run has written that very region."""
        return _line(region) in self._regions

    def load(self) -> tuple[Tree, set[int]] | None:
        """The summaries of the first pass so far."""
        try:
            with np.load(self.folder / "summaries.npz", allow_pickle=False) as file:
                arrays = dict(file)
        except OSError:
            return None
        nodes: dict[tuple[int, int], Any] = {}
        for number, (level, i) in enumerate(arrays["nodes"].tolist()):
            prefix = f"{number}."
            part = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
            nodes[level, i] = unpack(part) if part else None
        return Tree(nodes), set(arrays["covered"].tolist())

    def save(self, tree: Tree, covered: set[int], final: bool) -> None:
        """Keep the summaries, now and then or if ``final``."""
        if not final and time.monotonic() - self._saved < SAVE_EVERY:
            return
        arrays: dict[str, np.ndarray] = {
            "nodes": np.array(list(tree.nodes), dtype=np.int64).reshape(-1, 2),
            "covered": np.array(sorted(covered), dtype=np.int64),
        }
        for number, summary in enumerate(tree.nodes.values()):
            if summary is not None:
                arrays |= {f"{number}.{key}": value for key, value in pack(summary).items()}
        with atomic_write(self.folder / "summaries.npz") as path:
            np.savez(path, allow_pickle=False, **arrays)
        self._saved = time.monotonic()

    @property
    def empty(self) -> bool:
        """Whether nothing is kept yet that another run could go on from."""
        return not self._regions and not (self.folder / "summaries.npz").exists()

    def close(self) -> None:
        """Release the files, and keep them for another run."""
        self._journal.close()
        self._scores.close()

    def discard(self) -> None:
        """The run is over: remove its partial results."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _check(self, identity: Mapping[str, Any]) -> bool:
        """Whether there is something to resume; raises if it is of another run."""
        try:
            found = json.loads((self.folder / "identity.json").read_text())
        except (OSError, ValueError):
            return False
        wanted = json.loads(json.dumps(identity))
        for key in sorted(found.keys() | wanted.keys()):
            if found.get(key) != wanted.get(key):
                raise InputError(
                    f"{self.folder.parent}: the interrupted run there had {key} = "
                    f"{found.get(key)!r}, this one has {wanted.get(key)!r}: repeat its settings, "
                    f"or run without --resume to start anew"
                )
        return True


def _line(region: Region) -> bytes:
    return b"%d %d %d %d" % (*region.rows, *region.columns)
