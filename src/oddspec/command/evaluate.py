"""``oddspec evaluate``: a score map against a truth."""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oddspec.command.arguments import add_truth, rate
from oddspec.command.terminal import say, text_table
from oddspec.io.truth import read_score_map, read_truth
from oddspec.metrics import evaluate


def add_arguments(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments."""
    parser.set_defaults(run=run_command)
    add = parser.add_argument
    add("scores", type=Path, metavar="SCORES", help="scores.tif, or any single-band or .mat map")
    add("--truth", type=Path, required=True, metavar="FILE", help="image or polygons")
    add("--variable", metavar="NAME", help="name of the scores in a file of several arrays")
    add_truth(parser)
    add(
        "--pf", type=rate, action="append", metavar="RATE", help="state PD at this false-alarm rate"
    )
    add("--grid", type=int, metavar="N", help="areas over tau on N thresholds, as papers do")
    add("--json", action="store_true", help="as JSON")


def run_command(chosen: argparse.Namespace) -> int:
    """Print every metric."""
    scores, georeference = read_score_map(chosen.scores, variable=chosen.variable)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        truth = read_truth(
            chosen.truth,
            scores.shape,
            variable=chosen.truth_variable,
            georeference=georeference,
            warp=chosen.warp_truth,
        )
    for note in dict.fromkeys(str(warning.message) for warning in caught):
        say(f"note: {note}")
    found = evaluate(scores, truth > 0, pf=chosen.pf or (1e-3, 1e-2), grid=chosen.grid)
    if chosen.json:
        print(json.dumps(found, indent=2, allow_nan=False))
        return 0
    flat = {k: v for k, v in found.items() if not isinstance(v, dict)}
    rows = [("metric", "value"), *((k, _shown(v)) for k, v in flat.items())]
    print(text_table(rows))
    for name, reason in found["undefined"].items():
        print(f"{name} is undefined: {reason}")
    return 0


def _shown(value: Any) -> str:
    if value is None:
        return "undefined"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
