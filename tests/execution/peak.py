"""Runs a detector on a scene's file, products included; prints the largest memory it took, as JSON.

In a process of its own: tracemalloc sees nothing of what BLAS, LAPACK and PyTorch allocate, and a
process's peak also holds what was there before.
"""

import json
import sys
import time
import warnings
from pathlib import Path

from oddspec.detectors import load
from oddspec.execution.resources import Resources, helpers
from oddspec.pipeline import PipelineOptions, detect_scene


class Enough(Exception):
    """The run is called off; all that it holds was held before."""


def largest(process="self"):
    """The largest resident memory so far; 0 where the system does not say."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def main(name, scene, out, budget, seconds):
    def progress(done, total, stage):
        if time.process_time() > seconds:
            raise Enough

    try:
        options = PipelineOptions(resources=Resources(budget))
        detect_scene(scene, out, name, load(name)(), options, progress)
        whole = True
    except Enough:
        whole = False
    children = sum(largest(helper._process.pid) for helper in helpers)
    print(json.dumps({"whole": whole, "peak": largest() + children}))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    name, scene, out, budget, seconds = sys.argv[1:]
    main(name, Path(scene), Path(out), int(budget), float(seconds))
