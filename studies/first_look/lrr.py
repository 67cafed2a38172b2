"""First figures of LRR, LRR-Net and LRR-Net+: ``python -m studies.first_look.lrr FOLDER OUT.csv``.

Names of columns after the file run only those: default, published, ablation, training.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from studies.first_look.thirteen import THIRTEEN, load, summary
from studies.first_look.thirteen import measure as _measure

PAPER: dict[str, Any] = {
    "atoms": 15,
    "stages": 40,
    "epochs": 20,
    "learning_rate": 0.0015,
    "loss": "mse",
    "balanced": False,
    "lambda1": 0.5,
    "lambda2": 1.2e-5,
    "lambda3": 1e-5,
    "mu": 1.0,
    "score": "sparse",
}
"""What the LRR-Net+ paper states, the rest from its comparison methods."""

PARENT: dict[str, Any] = PAPER | {"stages": 10, "lambda2": 0.5}
"""What is publicly known of LRR-Net."""

PRINTED = ("abu-airport-1", "abu-airport-4", "sandiego-2")
"""Scenes of the paper: its Airport-1, -2 and -4."""


SEEDS = range(10)


def measure(
    data: Path, file: Path, name: str, column: str, settings: dict[str, Any], *more: Any
) -> None:
    """As `thirteen.measure`, on one thread, the detector's name in the column's."""
    _measure(data, file, name, f"{name}: {column}", {"workers": 1} | settings, *more)


def main(folder: str, out: str, *columns: str) -> None:
    """Measure the columns (all without names) and print the tables."""
    data, file = Path(folder), Path(out)
    wanted = set(columns) or {"default", "published", "ablation", "training"}
    if "default" in wanted:
        for name in ("lrr", "lrr_net", "lrr_net_plus"):
            measure(data, file, name, "default", {}, THIRTEEN, SEEDS)
        measure(data, file, "lrr", "fixed", {"dictionary": "fixed"}, THIRTEEN, SEEDS)
    if "published" in wanted:
        for scaling in ("global01", "band01"):
            for name, settings in (("lrr_net_plus", PAPER), ("lrr_net", PARENT)):
                settings = {k: v for k, v in settings.items() if name[-1] == "s" or k != "lambda1"}
                settings |= {"scaling": scaling}
                measure(data, file, name, f"published {scaling}", settings, PRINTED, range(5))
    if "ablation" in wanted:
        for column, settings in (
            ("untrained", {"epochs": 0}),
            ("5 stages", {"stages": 5}),
            ("5 stages untrained", {"stages": 5, "epochs": 0}),
            ("untrained, not balanced", {"epochs": 0, "balanced": False}),
            ("untrained, bandz", {"epochs": 0, "scaling": "bandz"}),
            ("untrained, score sparse", {"epochs": 0, "score": "sparse"}),
            ("untrained, rank 10", {"epochs": 0, "rank": 10}),
            ("untrained, rank 20", {"epochs": 0, "rank": 20}),
            ("untrained, 20 atoms", {"epochs": 0, "atoms": 20}),
        ):
            measure(data, file, "lrr_net_plus", column, settings, THIRTEEN, range(1))
    print(summary(file))
    if "training" in wanted:
        flat(data)


def flat(data: Path) -> None:
    """What the paper's loss is worth: its value and slopes beside lambda3 squared."""
    import torch

    from oddspec.families.unfolded import Unfolded
    from oddspec.scaling import global01

    cube, _ = load(data, PRINTED[0])
    X = cube.reshape(-1, cube.shape[2])[::5].astype(float)
    X = np.asarray(global01(X)(X))
    shared = {k: v for k, v in PAPER.items() if k not in ("lambda3", "stages", "epochs")}
    print("lambda3, lambda3^2, loss, slopes by the logarithms of l1, l3, mu, theta (10 stages)")
    for lambda3 in (1e-5, 1e-3, 0.1):
        settings = shared | {"lambda3": lambda3, "stages": 10, "epochs": 1, "maps": "tied"}
        settings |= {"scaling": "global01", "rank": 15, "training": 10_000, "seed": 0}
        how = Unfolded(learn=True, **settings)
        problem = how.problem(X, torch.device("cpu"))
        network = how.network(torch.device("cpu"), len(problem.begin.D))
        *_, last = problem.states(network)
        loss = problem.loss(last)
        loss.backward()
        value = float(loss.detach())
        slopes = ", ".join(f"{slope:.2e}" for slope in network.logs.grad.abs().sum(dim=0))
        print(f"{lambda3:g}, {lambda3**2:.6e}, {value:.6e}, {slopes}")


if __name__ == "__main__":
    main(*sys.argv[1:])
