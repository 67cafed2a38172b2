"""Where a run keeps scores: in memory, or on disk so that a killed run can go on where it was.

On disk, in the scene's product folder under ``.partial/``: the identity of the run, the summaries
of the first pass, the scores so far, and a journal of the regions that they cover. A region's line
is written after its scores, and whole files are written atomically, so whatever moment a kill hits,
what the journal claims is there.

After a power cut that is not enough: the disk may have got the line and not the scores. So a line
holds a checksum (CRC-32) of its region's scores, the summaries hold one of themselves, and another
run takes up what agrees with its checksum and computes the rest again. To have the scores on the
disk before each line (``fsync``) would cost about 4 ms per region where it is fast and ten times
that on a turning disk; the checksum costs 1 ms per 400,000 pixels, and also finds what was damaged
later. All checksums begin with that of the run's identity, so nothing of another run agrees.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable
from zlib import crc32

import numpy as np

from oddspec.arrays import Scores
from oddspec.errors import DataWarning, InputError
from oddspec.execution.tiles import Region
from oddspec.io.atomic import atomic_write, told_where, write_text
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


PARTIAL = ".partial"
"""The folder of partial results, in the scene's product folder."""

SAVE_EVERY = 5.0
"""Seconds between two saves of the summaries."""

PIECE = 2**20
"""Scores that are read at once to compare them with their checksum."""


class Partial:
    """The partial results of one run on disk: its `ScoreStore` and its `Checkpoint`.

    Parameters
    ----------
    folder
        Where the run writes; the partial results go to ``.partial`` in it.
    shape
        Rows and columns of the scene.
    identity
        What must be equal in two runs for one to take up the other's scores, in terms of JSON.
    resume
        Take up what an earlier run left there. What is damaged is left out, with a `DataWarning`.

    Raises
    ------
    InputError
        If what is there is of a run of another identity.
    OddspecError
        If nothing can be written there; from `write` and `save`, too.
    """

    def __init__(
        self, folder: Path, shape: tuple[int, int], identity: Mapping[str, Any], *, resume: bool
    ) -> None:
        self.folder = folder / PARTIAL
        self.shape = shape
        wanted = json.loads(json.dumps(identity))
        self._identity_sum = crc32(_text(wanted))
        # Those of version 0.1.0 had no checksums: their word has to do.
        self._has_checksums = True
        with told_where(self.folder):
            self.resumed = resume and self._is_mine(wanted)
            if not self.resumed:
                _remove(self.folder)
                self.folder.mkdir(parents=True)
                content = {**wanted, "checksum": _hexadecimal(self._identity_sum)}
                write_text(self.folder / "identity.json", json.dumps(content))
            for path in self.folder.iterdir():
                # Folders under the names of our files would stop every later run, too.
                if path.is_dir():
                    _remove(path)
            self._journal = Journal(self.folder / "journal.txt")
            (self.folder / "scores.f32").touch()
            self._scores = open(self.folder / "scores.f32", "r+b", buffering=0)  # noqa: SIM115
            size = 4 * shape[0] * shape[1]
            whole = self._scores.seek(0, 2) == size
            self._scores.truncate(size)
            self._regions = set(self._intact(whole))
        self._saved = time.monotonic()
        self._lock = threading.Lock()

    @property
    def scores(self) -> np.ndarray:
        """The scores as float32 ``(h, w)``, mapped read-only from the disk."""
        return np.memmap(self.folder / "scores.f32", np.float32, "r", shape=self.shape)

    def write(self, region: Region, scores: Scores) -> None:
        """Keep the scores of that region."""
        values = np.ascontiguousarray(scores, dtype=np.float32)
        line = self._line(region, crc32(values.data, self._sum_before(region)))
        (top, bottom), (left, right) = region.rows, region.columns
        width = self.shape[1]
        with self._lock, told_where(self.folder):  # the position in the file is shared
            if right - left == width:
                self._write_at(top * width, values)
            else:
                for row, part in zip(range(top, bottom), values, strict=True):
                    self._write_at(row * width + left, part)
            self._journal.append(line)
            self._regions.add(region)

    def _write_at(self, pixel: int, values: np.ndarray) -> None:
        self._scores.seek(4 * pixel)
        rest = memoryview(values.tobytes())
        while rest:  # without a buffer, a write may take a part only
            rest = rest[self._scores.write(rest) :]

    def has(self, region: Region) -> bool:
        """Whether an earlier run has written that very region."""
        return region in self._regions

    def load(self) -> tuple[Tree, set[int]] | None:
        """The summaries of the first pass so far."""
        path = self.folder / "summaries.npz"
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = dict(file)
            found = arrays.pop("checksum", None)
            if self._has_checksums and (found is None or int(found) != self._sum_of(arrays)):
                raise ValueError("another checksum")
            return _tree(arrays), set(arrays["covered"].tolist())
        except Exception:  # a damaged archive fails in as many ways as it has parts
            self._warn("summaries.npz is damaged: the first pass is done again")
            return None

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
        arrays["checksum"] = np.asarray(self._sum_of(arrays))
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

    def _is_mine(self, wanted: Mapping[str, Any]) -> bool:
        """Whether there is something to resume; raises if it is of another run."""
        found, self._has_checksums = read_identity(self.folder)
        if found is None:
            return False
        if not found:
            self._warn("identity.json is damaged: everything is computed anew")
            return False
        for key in sorted(found.keys() | wanted.keys()):
            if found.get(key) != wanted.get(key):
                raise InputError(
                    f"{self.folder.parent}: the interrupted run there had {key} = "
                    f"{found.get(key)!r}, this one has {wanted.get(key)!r}: repeat its settings, "
                    f"or run without --resume to start anew"
                )
        return True

    def _intact(self, whole: bool) -> Iterator[Region]:
        """The regions of the journal whose scores are in the file as they were written.

        ``whole``: the file of the scores had its full length.
        """
        damaged = 0
        for line in dict.fromkeys(self._journal.lines):
            region = _region(line, self.shape)
            if region is None:
                damaged += 1
                continue
            trusted = whole and not self._has_checksums and line == _place(region)
            if trusted or line == self._line(region, self._sum_at(region)):
                yield region
            else:
                damaged += 1
        if damaged:
            self._warn(f"scores of {damaged} regions are damaged and are computed again")

    def _sum_before(self, region: Region) -> int:
        """The checksum of the identity and the region's place, which its scores are added to."""
        return crc32(_place(region), self._identity_sum)

    def _sum_at(self, region: Region) -> int:
        """The checksum of a region from the scores in the file, read piece by piece."""
        (top, bottom), (left, right) = region.rows, region.columns
        width, found = self.shape[1], self._sum_before(region)
        # Of full rows several lie together; of others each for itself.
        together = max(1, PIECE // width) if right - left == width else 1
        for row in range(top, bottom, together):
            rows = min(row + together, bottom) - row
            self._scores.seek(4 * (row * width + left))
            left_over = 4 * rows * (right - left)
            while left_over:
                piece = self._scores.read(left_over)
                if not piece:
                    raise OSError("scores.f32 ended while it was read")
                found, left_over = crc32(piece, found), left_over - len(piece)
        return found

    def _sum_of(self, arrays: Mapping[str, np.ndarray]) -> int:
        """The checksum of the identity and of named arrays."""
        found = self._identity_sum
        for name, values in sorted(arrays.items()):
            found = crc32(f"{name} {values.dtype.str} {values.shape}".encode(), found)
            found = crc32(np.ascontiguousarray(values).data, found)
        return found

    def _line(self, region: Region, checksum: int) -> bytes:
        """What the journal says of a region."""
        return b"%s %s" % (_place(region), _hexadecimal(checksum).encode())

    def _warn(self, what: str) -> None:
        warnings.warn(
            f"{self.folder}: the partial results of an interrupted run: {what}",
            DataWarning,
            stacklevel=3,
        )


def read_identity(folder: Path) -> tuple[dict[str, Any] | None, bool]:
    """The identity of the run with partial results in a folder, and whether these have checksums.

    It is empty where it is damaged, and None where there is none.
    """
    try:
        found = json.loads((folder / "identity.json").read_text(encoding="utf-8"))
        checksum = found.pop("checksum", None)
    except FileNotFoundError:
        return None, True
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return {}, True
    if checksum is not None and checksum != _hexadecimal(crc32(_text(found))):
        return {}, True
    return found, checksum is not None


def _place(region: Region) -> bytes:
    return b"%d %d %d %d" % (*region.rows, *region.columns)


def _region(line: bytes, shape: tuple[int, int]) -> Region | None:
    """The region that a line begins with; None where it is none of a scene of that shape."""
    try:
        top, bottom, left, right = map(int, line.split(b" ")[:4])
    except ValueError:
        return None
    if 0 <= top <= bottom <= shape[0] and 0 <= left <= right <= shape[1]:
        return Region((top, bottom), (left, right))
    return None


def _tree(arrays: Mapping[str, np.ndarray]) -> Tree:
    """The summaries that `Partial.save` took apart."""
    nodes: dict[tuple[int, int], Any] = {}
    for number, (level, i) in enumerate(arrays["nodes"].tolist()):
        prefix = f"{number}."
        part = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
        nodes[level, i] = unpack(part) if part else None
    return Tree(nodes)


def _text(identity: Mapping[str, Any]) -> bytes:
    """The text that an identity's checksum is of."""
    return json.dumps(identity, sort_keys=True).encode()


def _hexadecimal(checksum: int) -> str:
    return f"{checksum:08x}"


def _remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
