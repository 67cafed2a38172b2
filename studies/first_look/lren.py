"""First figures of LREN: ``python -m studies.first_look.lren FOLDER OUT.csv [COLUMN ...]``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from studies.first_look.thirteen import THIRTEEN, measure, summary

CODE: dict[str, Any] = {
    "scaling": "band",
    "latent": 9,
    "learning_rate": 1e-4,
    "steps": 3000,
    "batch": 4096,
    "patience": 0,
    "whiten": False,
    "penalty": 0.01,
    "solver": "published",
    "runs": 1,
}
"""The authors' code."""

PAPER: dict[str, Any] = CODE | {
    "optimiser": "sgd",
    "steps": 1000,
    "batch": 0,
    "energy_weight": 1.0,
    "narrowness_weight": 0.0,
    "dictionary": "centroids",
    "norm": "l1",
}
"""What the paper states."""

PRINTED = ("sandiego-2", "hydice-162", "abu-urban-2", "pavia-crop")
"""Scenes of the paper; it takes another penalty on the last."""

QUICK = {"steps": 600, "learning_rate": 1e-3, "batch": 1024}
"""The default's training, to see what the rest of the authors' settings does."""


def main(folder: str, out: str, *columns: str) -> None:
    """Measure the columns (all without names) and print the table."""
    data, file, tenfold = Path(folder), Path(out), range(10)
    wanted = set(columns)
    if not wanted or "default" in wanted:
        measure(data, file, "lren", "default", {}, THIRTEEN, range(10))
    if not wanted or "spread" in wanted:
        measure(data, file, "lren", "default", {}, PRINTED[:2], tenfold)
        code = CODE | QUICK
        measure(data, file, "lren", "code, quick training", code, PRINTED[:2], tenfold)
    for name, settings in (("code", CODE), ("paper", PAPER)):
        if not wanted or name in wanted:
            measure(data, file, "lren", name, settings, PRINTED[:3], range(5))
            weak = settings | {"penalty": 1e-4 if name == "code" else 1e-3}
            measure(data, file, "lren", name, weak, PRINTED[3:], range(5))
    print(summary(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
