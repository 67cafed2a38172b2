"""Figures of sparseHAD: ``python -m studies.first_look.sparsehad FOLDER OUT.csv [COLUMNS]``.

The paper's strategies differ only in which difference is taken of the same trained networks, so
they are all measured from one fit: O, L with the decoder transposed, EO, EL with an encoder of its
own, each difference with its sign and without.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from studies.first_look.thirteen import THIRTEEN, load, measure, measure_together, summary

import oddspec
from oddspec.detectors.learned.sparsehad import SparseHAD
from oddspec.families.rebuilt import RebuiltBackground

PUBLISHED: dict[str, Any] = {
    "floor": 0.0,
    "steps": 3000,
    "batch": 0,
    "learning_rate": 1e-4,
    "patience": 0,
}
"""What the paper states, without eps."""

EPS = {"abu-airport-4": 0.13, "abu-urban-3": 0.08, "sandiego-1": 0.19, "sandiego-2": 0.22}
"""Published per scene."""

WAYS = tuple(product(("latent", "original"), ("signed", "absolute")))


def main(folder: str, out: str, *columns: str) -> None:
    """Measure the columns (all without names) and print the table."""
    data, file = Path(folder), Path(out)
    for name in columns or ("default", "published", "ways"):
        if name == "default":
            measure(data, file, "sparsehad", name, {}, THIRTEEN, range(10))
        elif name == "published":
            published(data, file)
        elif name == "ways":
            # What the default's choices bring, on all scenes.
            for scaling, floor in product(("scene", "band"), (0.0, 0.1)):
                settings = {"scaling": scaling, "floor": floor}
                strategies(data, file, f"floor {floor}", settings, THIRTEEN, (0,))
        else:
            raise SystemExit(f"{name}: expected default, published or ways")
    print(summary(file))


def published(data: Path, file: Path) -> None:
    """As the paper states, for both scalings of the spectra that it may mean."""
    plan = (("band", "tied", 3), ("scene", "tied", 1), ("band", "own", 1), ("scene", "own", 1))
    for scaling, second, seeds in plan:
        for scene, eps in EPS.items():
            settings = PUBLISHED | {"scaling": scaling, "second": second, "eps": eps}
            strategies(data, file, "published", settings, (scene,), range(seeds))


def strategies(
    data: Path,
    file: Path,
    column: str,
    settings: dict[str, Any],
    scenes: Iterable[str],
    seeds: Iterable[int],
) -> None:
    """Rows of the four differences of each fit."""
    prefix = "E" if settings.get("second") == "own" else ""
    names = [
        f"{column} {prefix}{'L' if strategy == 'latent' else 'O'} {difference} "
        f"{settings['scaling']}"
        for strategy, difference in WAYS
    ]
    for seed, scene in product(seeds, scenes):

        def areas(scene: str = scene, seed: int = seed) -> Iterator[float]:
            return _areas(data, scene, SparseHAD(seed=seed, **settings))

        measure_together(file, "sparsehad", names, scene, seed, areas)


def _areas(data: Path, scene: str, detector: SparseHAD) -> Iterator[float]:
    """Area under the curve of each of `WAYS`, from one training."""
    cube, truth = load(data, scene)
    pixels = cube.reshape(-1, cube.shape[2]).astype(float)
    fitted = detector.fit(detector.summarise(pixels, np.arange(len(pixels))))
    for strategy, difference in WAYS:
        background = RebuiltBackground.of(
            strategy,
            difference,
            detector.floor,
            fitted.scaling,
            fitted.search,
            fitted.runs,
            pixels,
        )
        scores = background.score(pixels).reshape(truth.shape)
        yield oddspec.evaluate(scores, truth)["auc_pd_pf"]


if __name__ == "__main__":
    main(*sys.argv[1:])
