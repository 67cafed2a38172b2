"""Run the benchmarks: ``python -m speed [NAME ...] [--small]``."""

import argparse
import importlib
from pathlib import Path

from speed.machine import copy_rate, describe, matmul_rate


def main() -> None:
    """Run the chosen benchmarks, or all."""
    here = Path(__file__).parent
    known = sorted(p.stem for p in here.glob("*.py") if p.stem[0] != "_" and p.stem != "machine")
    parser = argparse.ArgumentParser(prog="python -m speed", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(known)}")
    parser.add_argument("--small", action="store_true", help="tiny sizes: only shows that it runs")
    chosen = parser.parse_args()
    print(describe())
    print(f"{matmul_rate() / 1e9:.0f} GFLOP/s in float64, {copy_rate() / 1e9:.1f} GB/s copied")
    for name in chosen.names or known:
        importlib.import_module(f"speed.{name}").run(small=chosen.small)


if __name__ == "__main__":
    main()
