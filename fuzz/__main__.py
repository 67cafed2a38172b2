"""Try mutated files: ``python -m fuzz [--inputs N] [--seconds S] [--seed N] [--kind KIND ...]``.

Each mutant is read in a process that is watched: a traceback, more than 5 s of work, more than a
gigabyte or a dead process is a finding. Findings are kept in a folder, each with its bytes; the
exit status is 1 if there are any. The same seed tries the same mutants.
"""

from __future__ import annotations

import argparse
import json
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from fuzz.corpus import KINDS, make_corpus
from fuzz.worker import content_of

SECONDS = 5.0
"""Of work; a mutant that takes longer hangs. A busy machine's clock says nothing about that."""

ASLEEP = 120.0
"""Seconds by the clock, for what waits and does not work."""

GIGABYTE = 1_000_000_000


class Worker:
    """A process that tries mutants, one at a time; a new one takes the place of a dead one."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "fuzz.worker"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.memory, self.worked = 0, 0.0
        self.task: dict[str, Any] | None = None

    def give(self, task: dict[str, Any]) -> None:
        """Let it try that mutant."""
        self.task, self.since = task, time.monotonic()
        assert self.process.stdin
        self.process.stdin.write(json.dumps(task).encode() + b"\n")
        self.process.stdin.flush()

    def outcome(self) -> str | None:
        """What became of the mutant; None while it is tried."""
        assert self.process.stdout
        if select.select([self.process.stdout], [], [], 0)[0]:
            line = self.process.stdout.readline()
            if line:
                return str(json.loads(line)["outcome"])
            found = f"the process died with status {self.process.wait()}"
            self._start()
            return found
        taken = time.monotonic() - self.since
        used, worked = self._used()
        if self.memory and used > self.memory + GIGABYTE:
            return self._ended(f"{used / 1e9:.1f} GB")
        # The first mutant waits for the imports.
        if self.memory and worked > self.worked + SECONDS:
            return self._ended(f"more than {SECONDS:.0f} s of work")
        if taken > ASLEEP:
            return self._ended(f"more than {ASLEEP:.0f} s")
        return None

    def done(self) -> None:
        """Ready for the next: what it holds now is no mutant's doing."""
        self.task = None
        memory, self.worked = self._used()
        self.memory = max(self.memory, memory)

    def _used(self) -> tuple[int, float]:
        """Bytes and processor seconds of the process and the children in which it reads."""
        try:
            process = psutil.Process(self.process.pid)
            family = [process, *process.children(recursive=True)]
            times = [one.cpu_times() for one in family]
            worked = sum(time.user + time.system for time in times)
            return sum(one.memory_info().rss for one in family), worked
        except psutil.Error:
            return 0, 0.0

    def _ended(self, why: str) -> str:
        self.end()
        self._start()
        return why

    def end(self) -> None:
        """End the process and its children."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            child.kill()
        self.process.kill()
        self.process.wait()


def tasks(corpus: dict[str, list[Path]], kinds: list[str], seed: int) -> Iterator[dict[str, Any]]:
    """Mutants without end, the kinds in turn and the files of a kind in turn."""
    number = seed * 10_000_000
    while True:
        for kind in kinds:
            for original in corpus[kind]:
                number += 1
                yield {"kind": kind, "original": str(original), "number": number}


def main() -> int:
    """Try mutants until the inputs or the seconds are used up."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--out", type=Path, default=Path("fuzz-findings"))
    chosen = parser.parse_args()
    # Whatever stops it, it tells how far it came.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        corpus = make_corpus(Path(folder))
        waiting = tasks(corpus, chosen.kind or list(KINDS), chosen.seed)
        found = _run(waiting, chosen.inputs, chosen.seconds, chosen.workers, chosen.out)
    return 1 if found else 0


def _run(
    waiting: Iterator[dict[str, Any]], inputs: int, seconds: float, count: int, out: Path
) -> int:
    """Try mutants and print how many of each kind came to what; the number of findings."""
    workers = [Worker() for _ in range(count)]
    counts: Counter[tuple[str, str]] = Counter()
    given, until = 0, time.monotonic() + seconds
    try:
        while True:
            going = given < inputs and time.monotonic() < until
            for worker in workers:
                task = worker.task  # one that takes the place of a dead one knows of none
                if task is not None and (outcome := worker.outcome()) is not None:
                    counts[_counted(task, outcome, out)] += 1
                    worker.done()
                if worker.task is None and going and given < inputs:
                    worker.give(next(waiting))
                    given += 1
                    if given % 10_000 == 0:
                        print(f"{given} inputs, {_findings(counts)} findings so far", flush=True)
            if not going and all(worker.task is None for worker in workers):
                break
            busy = [worker.process.stdout for worker in workers if worker.task is not None]
            select.select(busy, [], [], 0.05)
    except KeyboardInterrupt:
        print("stopped; so far:")
    for worker in workers:
        worker.end()
    for (kind, outcome), number in sorted(counts.items()):
        print(f"{kind:8} {outcome:10} {number}")
    print(f"{sum(counts.values())} inputs, {_findings(counts)} findings")
    return _findings(counts)


def _counted(task: dict[str, Any], outcome: str, out: Path) -> tuple[str, str]:
    """The kind of a mutant and what it came to; a finding is kept."""
    if outcome in ("accepted", "refused"):
        return task["kind"], outcome
    _keep(task, outcome, out)
    return task["kind"], "finding"


def _findings(counts: Counter[tuple[str, str]]) -> int:
    return sum(number for (_, outcome), number in counts.items() if outcome == "finding")


def _keep(task: dict[str, Any], outcome: str, out: Path) -> None:
    """A finding's bytes and what happened."""
    out.mkdir(parents=True, exist_ok=True)
    original = Path(task["original"])
    name = f"{task['kind']}-{task['number']}-{original.name}"
    (out / name).write_bytes(content_of(original, task["number"]))
    (out / f"{name}.txt").write_text(outcome)
    print(f"{name}: {outcome.strip().splitlines()[-1][:160]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
