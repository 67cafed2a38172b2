"""What the command line shows while it works: a bar, plain lines or JSON, on standard error."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TYPE_CHECKING, Any

from oddspec.progress import Progress, silent
from oddspec.text import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHOWN = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

EVERY = 10.0
"""Seconds between two plain lines."""


def clean(text: str) -> str:
    r"""One line of text, without what a terminal would obey or cannot be sent.

    Line breaks and tabs are shown as ``\n``, ``\r`` and ``\t``: a file's name could forge lines.
    """
    return _CONTROL.sub(lambda c: _SHOWN.get(c[0], "\N{REPLACEMENT CHARACTER}"), text)


def show(*lines: str) -> None:
    """Lines on standard output."""
    print("\n".join(map(clean, lines)), flush=True)


def say(text: str) -> None:
    """One line to the user, beside the results."""
    print(f"oddspec: {clean(text)}", file=sys.stderr, flush=True)


def text_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text in aligned columns; the first row is the heading."""
    rows = [[clean(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


class Lasting:
    """A stream that takes text for ever: what its reader does not want any more is dropped.

    Attributes
    ----------
    error
        Why text could not be written, where the reader has not simply left: a full disk.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.error: str | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write it, or drop it."""
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            # The terminal has no such letter.
            coding = self._stream.encoding
            self._stream.write(text.encode(coding, "backslashreplace").decode(coding))
        except OSError as error:
            self._drop(error)
        return len(text)

    def flush(self) -> None:
        """Send what is waiting, or drop it."""
        try:
            self._stream.flush()
        except OSError as error:
            self._drop(error)

    def _drop(self, error: OSError) -> None:
        if not isinstance(error, BrokenPipeError):
            self.error = error.strerror or str(error)
        # The stream itself is led to nowhere: Python flushes it once more when it ends.
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextmanager
def lasting_output() -> Iterator[Lasting]:
    """Within it, work does not end because nobody reads what it prints; gives standard output."""
    # A stream that was closed (``>&-``) leads to nowhere, so that no product gets its number.
    output, errors = (
        Lasting(stream or open(os.devnull, "w"))  # noqa: SIM115
        for stream in (sys.stdout, sys.stderr)
    )
    with redirect_stdout(output), redirect_stderr(errors):
        try:
            yield output
        finally:
            sys.stdout.flush()


@contextmanager
def progress(kind: str, title: str) -> Iterator[Progress]:
    """A progress callback of the kind ``auto``, ``plain``, ``json`` or ``none``."""
    if kind == "none":
        yield silent
    elif kind == "auto" and sys.stderr.isatty():
        bar = _Bar(title)
        try:
            yield bar
        finally:
            bar.close()
    else:
        yield _Lines(title, as_json=kind == "json")


class _Bar:
    """A bar with a time estimate, one per stage."""

    def __init__(self, title: str) -> None:
        self.title = clean(title)
        self.stage: str | None = None
        self.bar: Any = None

    def __call__(self, done: float, total: float, stage: str) -> None:
        from tqdm import tqdm

        if stage != self.stage:
            self.close()
            self.stage = stage
            # What an earlier run has done must not count towards the speed.
            self.bar = tqdm(
                total=total,
                initial=done,
                desc=f"{self.title}: {stage}",
                file=sys.stderr,
                bar_format="{desc} {percentage:3.0f}% |{bar:30}| {elapsed} < {remaining}",
            )
        self.bar.total = total  # an estimate may change
        self.bar.update(done - self.bar.n)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
        self.bar = self.stage = None


class _Lines:
    """A line at the beginning and end of a stage and every ten seconds between."""

    def __init__(self, title: str, as_json: bool) -> None:
        self.title, self.as_json = clean(title), as_json
        self.stage: str | None = None
        self.started = self.shown = 0.0
        self.first = 0.0

    def __call__(self, done: float, total: float, stage: str) -> None:
        now = time.monotonic()
        if stage != self.stage:
            self.stage, self.started, self.shown, self.first = stage, now, 0.0, done
        elif done < total and now - self.shown < EVERY:
            return
        self.shown = now
        gone = done - self.first
        left = (now - self.started) / gone * (total - done) if gone > 0 else None
        if self.as_json:
            record = {
                "scene": self.title,
                "stage": stage,
                "done": done,
                "total": total,
                "seconds": round(now - self.started, 3),
                "seconds_left": None if left is None else round(left, 1),
            }
            print(json.dumps(record), file=sys.stderr, flush=True)
            return
        share = 100 * done / total if total else 100
        remaining = "" if left is None or done >= total else f", about {duration_text(left)} left"
        print(
            f"{self.title}: {stage} {share:.0f}% after "
            f"{duration_text(now - self.started)}{remaining}",
            file=sys.stderr,
            flush=True,
        )
