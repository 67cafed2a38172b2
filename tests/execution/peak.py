"""Runs a detector on a scene's file, products included; prints the largest memory that it took.

In a process of its own: tracemalloc sees nothing of what BLAS, LAPACK and PyTorch allocate, and a
process's peak also holds what was there before.
"""

import json
import sys
import warnings
from pathlib import Path

from oddspec.detectors import load
from oddspec.execution.resources import Resources, helpers
from oddspec.pipeline import PipelineOptions, detect_scene
from oddspec.settings import build, describe

ROUNDS = ("epochs", "iterations", "max_iter", "rounds", "steps")
"""Settings that say how often a detector repeats what it does in the same memory."""


def largest(process="self"):
    """The largest resident memory so far; 0 where the system does not say."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def main(name, scene, out, budget):
    known = {setting.name for setting in describe(load(name))}
    detector = build(load(name), {word: 2 for word in ROUNDS if word in known})
    detect_scene(scene, out, name, detector, PipelineOptions(resources=Resources(budget)))
    print(json.dumps(largest() + sum(largest(helper._process.pid) for helper in helpers)))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    name, scene, out, budget = sys.argv[1:]
    main(name, Path(scene), Path(out), int(budget))
