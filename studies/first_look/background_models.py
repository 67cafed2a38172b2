"""First figures of the plain decompositions and factorizations.

``python -m studies.first_look.background_models FOLDER OUT_FOLDER [NAME ...]``, one BLAS thread.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
from studies.first_look.thirteen import THIRTEEN, append, load, measure, summary
from threadpoolctl import threadpool_limits

import oddspec
from oddspec.brad import score_residual
from oddspec.detectors import load as load_detector
from oddspec.families.factorized import Factorized, not_below_zero
from oddspec.progress import silent
from oddspec.settings import build

SPARSE_PAPER = ("abu-airport-4", "abu-urban-3", "sandiego-1", "sandiego-2")
"""G1, G2, S1, S2 of the paper on sparse coding (its Tables 2 to 5)."""

REDNMF_PAPER = (
    "abu-airport-1",
    "abu-airport-4",
    "abu-beach-1",
    "abu-beach-3",
    "abu-urban-2",
    "abu-urban-3",
    "sandiego-1-truth58b",
    "sandiego-1-sunlight",
)
"""Scenes of REDNMF's Table 2 that are at hand; abu-urban-2 is its Urban-1, by band count."""

FACTORIZATIONS = ("nmf", "l1nmf", "rnmf", "ewnmf")
SCORES: tuple[Literal["norm", "brad", "rx", "both"], ...] = ("norm", "brad", "rx", "both")

SPARSE_LSMAD: dict[str, Any] = {"rank": 3, "cardinality": 0.003}
MOG_RANKS = dict(zip(SPARSE_PAPER, (6, 2, 4, 4), strict=True))


def defaults(data: Path, out: Path, name: str) -> None:
    """All scenes, one setting; three seeds where something is random."""
    measure(
        data, out, name, "default", {"workers": 1}, THIRTEEN, range(3 if name == "lsdm_mog" else 1)
    )


def lsmad(data: Path, out: Path) -> None:
    """The two published pairs of rank and cardinality, scalings and inverses."""
    measure(data, out, "lsmad", "rank 3", {"workers": 1} | SPARSE_LSMAD)
    for rank in (3, 28):
        for scaling in ("global01", "band01"):
            for inverse in ("rank", "ridge"):
                more = {"rank": rank, "scaling": scaling, "inverse": inverse, "workers": 1}
                column = f"paper's scenes, rank {rank}, {scaling}, {inverse}"
                measure(data, out, "lsmad", column, SPARSE_LSMAD | more, SPARSE_PAPER)


def rpca(data: Path, out: Path) -> None:
    """Other parts of odd pixels."""
    for outliers in (0.003, 0.03):
        measure(data, out, "rpca", f"outliers {outliers}", {"outliers": outliers, "workers": 1})


def lsdm_mog(data: Path, out: Path) -> None:
    """The ranks of the paper, in both readings."""
    for surplus in (1, 2):
        for scene, rank in MOG_RANKS.items():
            settings = {"rank": rank, "surplus": surplus, "workers": 1}
            column = f"paper's rank, surplus {surplus}"
            measure(data, out, "lsdm_mog", column, settings, (scene,), range(3))
    measure(data, out, "lsdm_mog", "surplus 1", {"surplus": 1, "workers": 1})


def factorization(data: Path, out: Path, name: str) -> None:
    """Every score of one factorization: defaults on three seeds, then other losses and ranks."""
    scored(data, out, name, "", {}, THIRTEEN, range(3))
    rest = tuple(scene for scene in REDNMF_PAPER if scene not in THIRTEEN)
    scored(data, out, name, "", {}, rest)
    for rank in (2, 10) if name == "nmf" else (10,):
        scored(data, out, name, f"paper's scenes, rank {rank}, ", {"rank": rank}, REDNMF_PAPER)
    if name == "l1nmf":
        for loss in ("l21", "huber"):
            scored(data, out, name, f"{loss}, ", {"loss": loss}, THIRTEEN)


def scored(
    data: Path,
    out: Path,
    name: str,
    column: str,
    settings: dict[str, Any],
    scenes: tuple[str, ...],
    seeds: range = range(1),
) -> None:
    """As `measure`, one row per score; the time is that of the factorization."""
    for seed in seeds:
        for scene in scenes:
            cube, truth = load(data, scene)
            valid = np.ones(truth.shape, dtype=bool)
            detector = build(load_detector(name), settings | {"seed": seed})
            assert isinstance(detector, Factorized)
            began = time.perf_counter(), time.process_time()
            with threadpool_limits(1, user_api="blas"):
                X = not_below_zero(cube.astype(float), valid)
                found = detector.explain(X, detector.rank, silent)
            ended = time.perf_counter(), time.process_time()
            spent = [f"{e - b:.2f}" for b, e in zip(began, ended, strict=True)]
            odd = {"": found.odd}
            if name == "rnmf":
                odd = {"anomalies, ": found.odd, "residual, ": X - found.H @ found.W}
            for what, rows in odd.items():
                for score in SCORES:
                    scores = score_residual(rows, valid, score)
                    area = oddspec.evaluate(scores, truth)["auc_pd_pf"]
                    append(out, [name, column + what + score, scene, seed, f"{area:.6f}", *spent])


OWN = {"lsmad": lsmad, "rpca": rpca, "lsdm_mog": lsdm_mog}


def main(folder: str, out: str, *names: str) -> None:
    """Measure the detectors (all without names) and print their tables."""
    for name in names or (*OWN, *FACTORIZATIONS):
        file = Path(out) / f"{name}.csv"
        if name in OWN:
            defaults(Path(folder), file, name)
            OWN[name](Path(folder), file)
        else:
            factorization(Path(folder), file, name)
        print(summary(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
