"""What a run keeps on disk while it works, so that a killed one can go on where it was.

In the scene's product folder, under ``.partial/``: the identity of the run, the summaries of the
first pass, the scores so far, and a journal of the regions they cover. A journal line is written
after its scores, and files are written aside and renamed, so whatever moment a kill hits, what
the journal claims is there.
"""

from __future__ import annotations

import json
import os
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
from oddspec.io.atomic import write_text
from oddspec.statistics.summary import Tree, pack, unpack

__all__ = ["Checkpoint", "Discard", "Partial", "ScoreArray", "ScoreStore"]


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
        self._regions = self._read_journal()
        self._scores = os.open(self.folder / "scores.f32", os.O_RDWR | os.O_CREAT, 0o644)
        os.truncate(self._scores, 4 * shape[0] * shape[1])
        self._journal = open(self.folder / "journal.txt", "a")  # noqa: SIM115 - closed by close()

    @property
    def scores(self) -> np.ndarray:
        """The scores as float32 ``(h, w)``, mapped read-only from the disk."""
        return np.memmap(self.folder / "scores.f32", np.float32, "r", shape=self.shape)

    def write(self, region: Region, scores: Scores) -> None:
        """Keep the scores of that region."""
        rows = np.ascontiguousarray(scores, dtype=np.float32)
        width = self.shape[1]
        if region.shape[1] == width:
            _write_at(self._scores, rows.tobytes(), 4 * region.rows[0] * width)
        else:
            for row, values in zip(range(*region.rows), rows, strict=True):
                _write_at(self._scores, values.tobytes(), 4 * (row * width + region.columns[0]))
        with self._lock:
            self._journal.write(_line(region) + "\n")
            self._journal.flush()
            self._regions.add(_line(region))

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
        target = self.folder / "summaries.npz"
        aside = target.with_name("summaries.tmp.npz")
        np.savez(aside, allow_pickle=False, **arrays)
        aside.replace(target)
        self._saved = time.monotonic()

    @property
    def empty(self) -> bool:
        """Whether nothing is kept yet that another run could go on from."""
        return not self._regions and not (self.folder / "summaries.npz").exists()

    def close(self) -> None:
        """Release the files, and keep them for another run."""
        if not self._journal.closed:
            self._journal.close()
            os.close(self._scores)

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

    def _read_journal(self) -> set[str]:
        try:
            text = (self.folder / "journal.txt").read_text()
        except OSError:
            return set()
        # A kill may leave half a line at the end: cut it off, so that the next does not join it.
        whole = text[: text.rfind("\n") + 1]
        os.truncate(self.folder / "journal.txt", len(whole))
        return set(whole.split("\n")) - {""}


def _line(region: Region) -> str:
    return "{} {} {} {}".format(*region.rows, *region.columns)


def _write_at(file: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written
