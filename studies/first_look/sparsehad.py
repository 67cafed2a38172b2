"""First figures of sparseHAD: ``python -m studies.first_look.sparsehad FOLDER OUT.csv``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from studies.first_look.thirteen import THIRTEEN, measure, summary

PUBLISHED: dict[str, Any] = {"steps": 3000, "batch": 0, "learning_rate": 1e-4, "patience": 0}
"""What the paper states, without eps."""

EPS = {"abu-airport-4": 0.13, "abu-urban-3": 0.08, "sandiego-1": 0.19, "sandiego-2": 0.22}
"""Published per scene."""

VARIANTS: dict[str, dict[str, Any]] = {
    "L": {},
    "O": {"strategy": "original"},
    "EL": {"second": "own"},
    "EO": {"strategy": "original", "second": "own"},
}


def main(folder: str, out: str, *columns: str) -> None:
    """Measure the columns (all without names) and print the table."""
    data, file = Path(folder), Path(out)
    wanted = set(columns)
    if not wanted or "default" in wanted:
        measure(data, file, "sparsehad", "default", {}, THIRTEEN, range(5))
    if not wanted or "spread" in wanted:
        measure(data, file, "sparsehad", "default", {}, ("sandiego-2", "hydice-162"), range(10))
    for name, settings in VARIANTS.items():
        if not wanted or "variants" in wanted:
            measure(data, file, "sparsehad", f"default {name}", settings, tuple(EPS), range(2))
        if not wanted or name in wanted:
            for scene, eps in EPS.items():
                chosen = PUBLISHED | settings | {"eps": eps}
                measure(data, file, "sparsehad", f"published {name}", chosen, (scene,), range(5))
    print(summary(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
