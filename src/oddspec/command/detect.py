"""``oddspec detect``: scenes in, anomalies out."""

from __future__ import annotations

import argparse
import json
import textwrap
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oddspec.command.arguments import bands_of, memory, rate, setting
from oddspec.command.terminal import progress, say, show
from oddspec.detectors import is_file, load
from oddspec.errors import OddspecError, SettingError
from oddspec.execution.resources import Resources
from oddspec.models import Model, load_model
from oddspec.pipeline import Options, Result, detect_scene, folder_name
from oddspec.settings import build, describe
from oddspec.text import counted
from oddspec.threshold import METHODS

__all__ = ["add_arguments"]


def add_arguments(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments."""
    parser.set_defaults(run=run)
    parser.epilog = _settings_help(words)
    add = parser.add_argument
    add("scenes", nargs="+", type=Path, metavar="SCENE", help="scene file; several run in turn")
    add(
        "--detector",
        metavar="NAME",
        help="see `oddspec detectors`, or a Python file with your own (default: rx)",
    )
    add(
        "--model",
        type=Path,
        metavar="FILE",
        help="apply the model.npz of an earlier run as it is, instead of fitting one",
    )
    add("--out", type=Path, required=True, metavar="DIR", help="products go to DIR/SCENE/")
    add(
        "--set",
        action="append",
        default=[],
        type=setting,
        metavar="NAME=VALUE",
        help="a setting of the detector (listed below); may be repeated",
    )
    detections = parser.add_argument_group("detections")
    add = detections.add_argument
    add(
        "--pfa",
        type=rate,
        default=1e-4,
        metavar="RATE",
        help="false-alarm rate per background pixel that the threshold is set for (default: 1e-4)",
    )
    add(
        "--threshold",
        choices=METHODS,
        default="auto",
        help="how to find the threshold (default: auto, see docs/thresholds.md)",
    )
    add(
        "--fraction",
        type=rate,
        default=1e-3,
        metavar="SHARE",
        help="share of the pixels that --threshold top marks (default: 1e-3)",
    )
    add("--min-size", type=int, default=1, metavar="N", help="drop objects of fewer pixels")
    add("--max-size", type=int, metavar="N", help="drop objects of more pixels")
    add(
        "--truth",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="ground truth, for curves and metrics; repeat it once per scene",
    )
    add("--truth-variable", metavar="NAME", help="name of the truth in a file of several arrays")
    reading = parser.add_argument_group("reading")
    add = reading.add_argument
    add("--variable", metavar="NAME", help="name of the cube in a file of several arrays")
    add("--nodata", type=float, metavar="VALUE", help="value of pixels to mask")
    add(
        "--bands",
        metavar="LIST",
        help="bands to use instead of the file's good ones: 1-100,120 or 400-1300nm,1450-1800nm",
    )
    add("--mask-defects", action="store_true", help="mask pixels with equal values in all bands")
    add(
        "--allow-truncated",
        action="store_true",
        help="read a file that is too short, mask the rest",
    )
    add("--axes", metavar="LIST", help="what an HDF5 or NumPy file's axes mean: band,row,column")
    running = parser.add_argument_group("running")
    add = running.add_argument
    add(
        "--max-memory",
        type=memory,
        metavar="SIZE",
        help="such as 2GB (default: half of what is free)",
    )
    add("--workers", type=int, metavar="N", help="threads (default: one per CPU)")
    add("--device", choices=("cpu", "cuda", "auto"), default="cpu", help="default: cpu")
    add("--resume", action="store_true", help="go on with an interrupted run of the same settings")
    add(
        "--progress",
        choices=("auto", "plain", "json", "none"),
        default="auto",
        help="on standard error: a bar on a terminal and lines elsewhere (auto)",
    )
    add("--json", action="store_true", help="results on standard output as JSON")


def run(chosen: argparse.Namespace) -> int:
    """Detect in every scene; one's failure does not stop the others."""
    _check(chosen)
    model = None
    if chosen.model:
        model = load_model(chosen.model, chosen.detector, max_memory=chosen.max_memory)
    name = model.name if model else "rx" if chosen.detector is None else chosen.detector
    detector = model.detector if model else build(load(name), dict(chosen.set))
    truths = chosen.truth or [None] * len(chosen.scenes)
    results: list[dict[str, Any]] = []
    names = _Names()
    for path, truth in zip(chosen.scenes, truths, strict=True):
        options = _options(chosen, truth, model)
        with progress(chosen.progress, path.name) as report:
            try:
                names.check(path)
                result = detect_scene(path, chosen.out, name, detector, options, report)
            except OddspecError as error:
                failure = str(error)
                result = None
        if result is None:
            say(f"error: {failure}")
            results.append({"scene": str(path), "error": failure})
            continue
        for note in result.notes:
            say(f"note: {path.name}: {note}")
        for warning in result.warnings:
            say(f"warning: {path.name}: {warning}")
        results.append(_record(path, result))
        if not chosen.json:
            show(*_summary(result))
    if chosen.json:
        print(json.dumps(results, indent=2, allow_nan=False))
    failed = sum("error" in result for result in results)
    if failed and len(results) > 1:
        say(f"{failed} of {len(results)} scenes failed")
    return 2 if failed else 0


def _options(chosen: argparse.Namespace, truth: Path | None, model: Model | None) -> Options:
    text = chosen.bands
    return Options(
        pfa=chosen.pfa,
        threshold=chosen.threshold,
        fraction=chosen.fraction,
        min_size=chosen.min_size,
        max_size=chosen.max_size,
        truth=truth,
        truth_variable=chosen.truth_variable,
        variable=chosen.variable,
        nodata=chosen.nodata,
        bands=None if text is None else lambda source: bands_of(text, source),
        mask_defects=chosen.mask_defects,
        allow_truncated=chosen.allow_truncated,
        axes=chosen.axes,
        resume=chosen.resume,
        model=model,
        resources=Resources(chosen.max_memory, chosen.workers, chosen.device),
    )


def _check(chosen: argparse.Namespace) -> None:
    if chosen.model and ((chosen.detector and not is_file(chosen.detector)) or chosen.set):
        raise SettingError(
            f"--model {chosen.model}: a fitted model has its detector and settings already; leave "
            f"out --detector and --set"
        )
    if chosen.truth and len(chosen.truth) != len(chosen.scenes):
        raise SettingError(
            f"--truth was given {len(chosen.truth)} times for {len(chosen.scenes)} scenes: give "
            f"one per scene, in the scenes' order, or none"
        )
    if chosen.min_size < 1:
        raise SettingError(f"--min-size {chosen.min_size}: expected at least 1 pixel")
    if chosen.max_size is not None and chosen.max_size < chosen.min_size:
        raise SettingError(
            f"--max-size {chosen.max_size} is below --min-size {chosen.min_size}: nothing could "
            f"be detected"
        )


class _Names:
    """Two scenes of one name would share a folder, and the second would replace the first."""

    def __init__(self) -> None:
        self.seen: dict[str, Path] = {}

    def check(self, path: Path) -> None:
        # Many systems do not tell upper from lower case, nor two ways to write an accent.
        name = unicodedata.normalize("NFC", folder_name(path.stem)).casefold()
        earlier = self.seen.setdefault(name, path)
        if earlier is not path:
            same = "has the same name as" if earlier.stem == path.stem else "is named almost as"
            raise SettingError(
                f"{path}: {same} {earlier}, so both would write to one folder; run them with "
                f"different --out"
            )


def _record(path: Path, result: Result) -> dict[str, Any]:
    return {
        "scene": str(path),
        "folder": str(result.folder),
        "products": list(result.products),
        "detections": len(result.detections),
        "pixels": len(result.detections.pixels),
        "threshold": result.threshold.value,
        "threshold_method": result.threshold.method,
        "pfa": result.threshold.pfa,
        "seconds": round(result.seconds, 3),
        "metrics": result.metrics,
        "notes": list(result.notes),
        "warnings": list(result.warnings),
    }


def _summary(result: Result) -> list[str]:
    count, pixels = len(result.detections), len(result.detections.pixels)
    expected = result.threshold.expected_false_alarms
    lines = [
        f"{result.scene}: {counted(count, 'object')} ({counted(pixels, 'pixel')}) above a score "
        f"of {result.threshold.value:.6g} in {result.seconds:.1f} s"
    ]
    if expected is not None:
        lines.append(
            f"  threshold for {result.threshold.pfa:g} false alarms per pixel "
            f"({result.threshold.method}): about {counted(expected, 'pixel')} by chance"
        )
    if not count and expected is not None and expected < 10:
        lines.append(
            f"  in {result.threshold.pixels:,} pixels this rate leaves little room: try --pfa "
            f"{100 / result.threshold.pixels:.0e}"
        )
    if result.metrics:
        area = result.metrics["auc_pd_pf"]
        lines.append(f"  AUC(PD,PF) {'undefined' if area is None else f'{area:.6f}'}")
    lines.append(f"  report: {result.folder / 'report.html'}")
    lines.append(f"  also there: {', '.join(p for p in result.products if p != 'report.html')}")
    return lines


def _settings_help(words: Sequence[str]) -> str:
    """The settings of the detector that the words name."""
    name = "rx"
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--detector":
            name = following
        elif word.startswith("--detector="):
            name = word.partition("=")[2]
    try:
        known = describe(load(name))
    except SettingError:
        return "oddspec detectors lists the detectors."
    lines = [f"settings of {name} (--set NAME=VALUE):"] if known else [f"{name} has no settings."]
    for entry in known:
        lines.append(f"  {entry.name} ({entry.kind_name}, default {entry.default}):")
        lines += textwrap.wrap(entry.help, 76, initial_indent="    ", subsequent_indent="    ")
    lines.append("another detector's: oddspec detect --detector NAME --help")
    return "\n".join(lines)
