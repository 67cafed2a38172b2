"""Disturb runs: ``python -m reliability [kills|power|disk|together|clock|overwritten ...]``.

Each run is disturbed, gone on with, and compared with an undisturbed one: same scores, same
objects, same records, nothing half written, no traceback. ``docs/reliability.md`` shows the table.
``disk`` needs the right to mount a small file system, and is left out elsewhere.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reliability.power import RECORDER, STORE, lose_unsynchronised
from reliability.runs import COMMANDS, Command, difference, make_inputs

LIMIT = 600.0
"""Seconds that a run may take."""

COUNTS = {"kills": 100, "power": 64, "disk": 24, "together": 12, "clock": 8, "overwritten": 12}

TIMER = """
import signal
signal.setitimer(signal.{timer}, {seconds})
"""
"""Has the system end the process, as by a kill: Python does not handle these signals."""

EVENT = """
import itertools, signal
from contextlib import contextmanager
import oddspec.command.detect as command
begin, count = command.progress, itertools.count(1)
@contextmanager
def progress(*arguments):
    with begin(*arguments) as report:
        def counting(*event):
            if next(count) == {number}:
                signal.setitimer(signal.ITIMER_REAL, {delay})
            report(*event)
        yield counting
command.progress = progress
"""
"""Ends it shortly after so many reports of progress."""

COUNT = """
import atexit, pathlib
atexit.register(lambda: pathlib.Path("events").write_text(str(next(count) - 1)))
"""

CLOCK = """
import datetime, time
real, start = time.time, time.time()
time.time = lambda: 2 * start - real()
class Back(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)
datetime.datetime = Back
"""
"""A clock that goes backwards."""


@dataclass(frozen=True)
class Trial:
    """One run that was disturbed.

    Attributes
    ----------
    phase
        When, or how.
    fault
        What was wrong; empty if it held.
    """

    phase: str
    fault: str


class Trials:
    """The undisturbed runs, and what the disturbed ones came to."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.draw = folder, random.Random(seed)
        make_inputs(folder)
        (folder / "site").mkdir()
        (folder / "site" / "sitecustomize.py").write_text(RECORDER)
        self.references: dict[str, Path] = {}
        self.lengths: dict[str, tuple[float, float]] = {}
        self.events: dict[str, int] = {}
        for command in COMMANDS:
            # The first run also fills caches, so the second tells how long they are.
            for _ in range(2):
                place = self.inputs(f"reference-{command.name}")
                wall, cpu = time.monotonic(), os.times()
                before = "" if command.name == "study" else EVENT.format(number=0, delay=0) + COUNT
                said, status = finish(command.start(place, before=before))
                assert status == 0, said
                end = os.times()
            if before:
                self.events[command.name] = int((place / "events").read_text())
            used = end.children_user + end.children_system
            used -= cpu.children_user + cpu.children_system
            self.references[command.name] = place
            self.lengths[command.name] = time.monotonic() - wall, used

    def inputs(self, name: str) -> Path:
        """A fresh folder with the inputs."""
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for path in self.folder.iterdir():
            if path.is_file():
                os.link(path, place / path.name)
        return place

    def timer(self, command: Command) -> str:
        """Code that ends a run at a moment drawn from its whole length.

        Every other time by reports of progress, so that short stages are met as well as long ones;
        else by processor time, which other work on the machine does not stretch. A study waits for
        its children, so its moments are by the clock.
        """
        wall, cpu = self.lengths[command.name]
        if command.name == "study":
            return TIMER.format(timer="ITIMER_REAL", seconds=self.draw.uniform(0.3, 1.0) * wall)
        if self.draw.random() < 0.5:
            number, delay = self.draw.randint(1, self.events[command.name]), self.draw.random()
            return EVENT.format(number=number, delay=1e-6 + 0.02 * delay)
        return TIMER.format(timer="ITIMER_PROF", seconds=self.draw.uniform(0.3, 1.0) * cpu)

    def after(self, command: Command, place: Path, *, retry: bool = False) -> str:
        """Go on with a disturbed run, and compare."""
        process = command.start(place, again=True, retry=retry)
        said, status = finish(process)
        if status != 0 or "Traceback" in said:
            return f"{command.name}: went on with status {status}: {said.strip()[-300:]}"
        found = difference(command, place, self.references[command.name])
        return f"{command.name}: {found}" if found else ""

    def kills(self, number: int) -> Trial:
        """Killed at any moment."""
        command = COMMANDS[number % len(COMMANDS)]
        place = self.inputs("kill")
        finish(command.start(place, before=self.timer(command)))
        return Trial(f"{command.name}: {command.phase(place)}", self.after(command, place))

    def power(self, number: int) -> Trial:
        """Killed, and what was not synchronised lost."""
        command = COMMANDS[number % len(COMMANDS)]
        place, store = self.inputs("power"), self.folder / "store"
        shutil.rmtree(store, ignore_errors=True)
        store.mkdir()
        paths = [str(self.folder / "site"), os.environ.get("PYTHONPATH", "")]
        variables = {STORE: str(store), "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        finish(command.start(place, before=self.timer(command), variables=variables))
        phase = command.phase(place)
        lose_unsynchronised(place / "out", store, self.draw)
        return Trial(f"{command.name}: {phase}", self.after(command, place))

    def disk(self, number: int) -> Trial:
        """A disk that is full after so many bytes: a sentence, and the rest with more room."""
        command = (COMMANDS[0], COMMANDS[-1])[number % 2]
        whole = self.references[command.name] / "out"
        most = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file())
        # Kills leave partial results beside products, so a run needs more than it leaves.
        size = 4096 * (1 + int(1.2 * most / 4096 * number / COUNTS["disk"]))
        place = self.inputs("disk")
        (place / "out").mkdir()
        options = f"size={size}"
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place / "out")]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            return Trial("left out: no right to mount a file system", "")
        try:
            said, status = finish(command.start(place))
            if "Traceback" in said or status not in (0, 2):
                return Trial(command.name, f"{size} bytes: status {status}: {said[-300:]}")
            told = "finished" if status == 0 else "a sentence, status 2"
            room = ["mount", "-o", f"remount,size={10 * most}", str(place / "out")]
            subprocess.run(room, check=True)
            # A row that could not keep its map has failed, and is repeated when asked for.
            fault = self.after(command, place, retry=command.name == "study")
            return Trial(f"{command.name}: {told}", fault and f"{size} bytes: {fault}")
        finally:
            subprocess.run(["umount", str(place / "out")], check=True)

    def together(self, number: int) -> Trial:
        """Two runs into one folder, the second begun a moment later: one is refused."""
        command = COMMANDS[number % len(COMMANDS)]
        place = self.inputs("together")
        first = command.start(place)
        time.sleep(self.draw.uniform(0, 0.5) * self.lengths[command.name][0])
        second = command.start(place)
        ends = [finish(process) for process in (first, second)]
        odd = [said for said, status in ends if "Traceback" in said or status not in (0, 2)]
        refused = sum(status == 2 for _, status in ends)
        if odd or refused == 2:
            return Trial(command.name, f"{command.name}: {(odd or [ends[0][0]])[0][-300:]}")
        found = difference(command, place, self.references[command.name])
        return Trial(f"{command.name}: {refused} refused", found)

    def clock(self, number: int) -> Trial:
        """A clock that goes backwards, killed at any moment, and inputs from the future."""
        command = COMMANDS[number % len(COMMANDS)]
        place = self.inputs("clock")
        finish(command.start(place, before=CLOCK + self.timer(command)))
        return Trial(f"{command.name}: {command.phase(place)}", self.after(command, place))

    def overwritten(self, number: int) -> Trial:
        """A scene that is overwritten while it is read: refused, or read before or after."""
        command = COMMANDS[number % 3]
        place = self.inputs("overwritten")
        path = place / "scene.npy"
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
        process = command.start(place)
        time.sleep(self.draw.uniform(0.3, 1.0) * self.lengths[command.name][0])
        with open(path, "r+b") as file:
            file.seek(len(content) // 2)
            file.write(content[128 : 128 + len(content) - len(content) // 2])
        said, status = finish(process)
        if status == 2 and "was written to after" in said:
            left = [p.name for p in place.glob("out/*/*")]
            return Trial(f"{command.name}: refused", f"left over: {left}" if left else "")
        # Else it must have been read whole, before or after.
        if status != 0:
            return Trial(command.name, f"status {status}: {said[-300:]}")
        if not difference(command, place, self.references[command.name]):
            return Trial(f"{command.name}: read before", "")
        other = self.inputs("overwritten-reference")
        (other / "scene.npy").unlink()
        shutil.copyfile(path, other / "scene.npy")
        finish(command.start(other))
        fault = difference(command, place, other)
        return Trial(f"{command.name}: read after", fault)


def finish(process: subprocess.Popen[str]) -> tuple[str, int]:
    """What it printed, and its exit status."""
    said, _ = process.communicate(timeout=LIMIT)
    return said, process.returncode


def main() -> int:
    """Run the trials and print a table."""
    parser = argparse.ArgumentParser(prog="python -m reliability", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="TRIAL", help=f"of {', '.join(COUNTS)}")
    parser.add_argument("--count", type=int, help="runs of each, instead of the usual number")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    unknown = set(chosen.names) - COUNTS.keys()
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}")
    # Whatever stops it, it tells how far it came.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        trials = Trials(Path(folder), chosen.seed)
        print("| trial | runs | held | when or how |\n|---|---:|---:|---|", flush=True)
        for name in chosen.names or COUNTS:
            found: list[Trial] = []
            try:
                _try(getattr(trials, name), name, chosen.count or COUNTS[name], found)
            finally:
                failed += sum(bool(one.fault) for one in found)
                print(_row(name, found), flush=True)
    return 1 if failed else 0


def _try(trial: Callable[[int], Trial], name: str, count: int, found: list[Trial]) -> None:
    """Make so many trials, and say of each what it came to."""
    for number in range(count):
        found.append(trial(number))
        told = found[-1].fault or "held"
        print(f"{name} {number}: {found[-1].phase}: {told}", file=sys.stderr, flush=True)


def _row(name: str, found: list[Trial]) -> str:
    """A row of the table."""
    held = sum(not one.fault for one in found)
    phases = Counter(one.phase for one in found)
    told = "; ".join(f"{phase} {count}" for phase, count in sorted(phases.items()))
    return f"| {name} | {len(found)} | {held} | {told} |"


if __name__ == "__main__":
    sys.exit(main())
