"""``oddspec detect``: scenes in, anomalies out."""

from __future__ import annotations

import argparse
import dataclasses
import json
import textwrap
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oddspec.command.arguments import add_reading, add_truth, memory, rate, setting
from oddspec.command.faults import told
from oddspec.command.terminal import progress, say, show
from oddspec.detectors import is_file, load
from oddspec.errors import OddspecError, SettingError
from oddspec.execution.resources import Resources
from oddspec.io.bands import bands_of
from oddspec.models import Model, load_model
from oddspec.pipeline import DetectionResult, PipelineOptions, detect_scene, folder_name
from oddspec.products.cubes import CUBE_FORMATS
from oddspec.settings import build, describe
from oddspec.text import counted
from oddspec.threshold import METHODS


def add_arguments(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments."""
    parser.set_defaults(run=run_command)
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
    overwrite_help = "replace the products of another detector in DIR/SCENE/"
    add("--overwrite", action="store_true", help=overwrite_help)
    add(
        "--set",
        action="append",
        default=[],
        type=setting,
        metavar="NAME=VALUE",
        help="a setting of the detector (listed below); may be repeated",
    )
    _add_detections(parser.add_argument_group("detections"))
    add_reading(parser.add_argument_group("reading"))
    _add_running(parser.add_argument_group("running"))


def _add_detections(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    rate_help = "false-alarm rate per background pixel that the threshold is set for"
    add("--pfa", type=rate, default=1e-4, metavar="RATE", help=f"{rate_help} (default: 1e-4)")
    add(
        "--threshold",
        choices=METHODS,
        default="auto",
        help="how to find the threshold (default: auto, see docs/thresholds.md)",
    )
    share_help = "share of the pixels that --threshold top marks (default: 1e-3)"
    add("--fraction", type=rate, default=1e-3, metavar="SHARE", help=share_help)
    add("--min-size", type=int, default=1, metavar="N", help="drop objects of fewer pixels")
    add("--max-size", type=int, metavar="N", help="drop objects of more pixels")
    add(
        "--truth",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="ground truth (image or polygons), for curves and metrics; repeat it once per scene",
    )
    add_truth(group)
    cubes = (
        "write what the detector takes the scene apart into: background,anomaly, or one of its "
        "maps (coefficients, abundances)"
    )
    add("--write", type=_names, default=(), metavar="NAMES", help=cubes)
    add("--cube-format", choices=CUBE_FORMATS, default="envi", help="of --write (default: envi)")


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _add_running(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    memory_help = "such as 2GB (default: half of what is free)"
    add("--max-memory", type=memory, metavar="SIZE", help=memory_help)
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


def run_command(chosen: argparse.Namespace) -> int:
    """Detect in every scene; one's failure does not stop the others."""
    _check(chosen)
    model = None
    if chosen.model:
        model = load_model(chosen.model, chosen.detector, max_memory=chosen.max_memory)
    name = model.name if model else "rx" if chosen.detector is None else chosen.detector
    detector = model.detector if model else build(load(name), dict(chosen.set))
    truths = chosen.truth or [None] * len(chosen.scenes)
    results: list[dict[str, Any]] = []
    paths: dict[str, Path] = {}
    for path, truth in zip(chosen.scenes, truths, strict=True):
        options = _options(chosen, truth, model)
        try:
            _check_name(path, paths)
            with progress(chosen.progress, path.name) as report:
                result = detect_scene(path, chosen.out, name, detector, options, report)
        except Exception as error:
            # Whatever happened in one scene, the others are not its fault.
            sentence = told(error, chosen.out)
            if not isinstance(error, OddspecError):
                sentence = f"{path}: {sentence}"
            say(f"error: {sentence}")
            results.append({"scene": str(path), "error": sentence})
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


def _options(
    chosen: argparse.Namespace, truth: Path | None, model: Model | None
) -> PipelineOptions:
    text = chosen.bands
    # The other options carry the names of the arguments.
    given: dict[str, Any] = {
        "truth": truth,
        "bands": None if text is None else lambda source: bands_of(text, source),
        "model": model,
        "resources": Resources(chosen.max_memory, chosen.workers, chosen.device),
        "command": (),
    }
    names = {field.name for field in dataclasses.fields(PipelineOptions)} - given.keys()
    return PipelineOptions(**given, **{name: getattr(chosen, name) for name in names})


def _check(chosen: argparse.Namespace) -> None:
    if chosen.model and ((chosen.detector and not is_file(chosen.detector)) or chosen.set):
        raise SettingError(
            f"--model {chosen.model}: a fitted model has its detector and settings already; leave "
            f"out --detector and --set"
        )
    names = [name for name, _ in chosen.set]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingError(f"--set {twice} was given twice; leave one of them out")
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


def _check_name(path: Path, paths: dict[str, Path]) -> None:
    """Refuse a second scene of one name: it would replace the products of the first."""
    # Many systems do not tell upper from lower case, nor two ways to write an accent.
    name = unicodedata.normalize("NFC", folder_name(path.stem)).casefold()
    earlier = paths.setdefault(name, path)
    if earlier is not path:
        same = "has the same name as" if earlier.stem == path.stem else "is named almost as"
        raise SettingError(
            f"{path}: {same} {earlier}, so both would write to one folder; run them with "
            f"different --out"
        )


def _record(path: Path, result: DetectionResult) -> dict[str, Any]:
    return {
        "scene": str(path),
        "folder": str(result.folder),
        "products": list(result.files),
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


def _summary(result: DetectionResult) -> list[str]:
    count, pixels = len(result.detections), len(result.detections.pixels)
    expected = result.threshold.expected_false_alarms
    lines = [
        f"{result.scene.name}: {counted(count, 'object')} ({counted(pixels, 'pixel')}) above a "
        f"score of {result.threshold.value:.6g} in {result.seconds:.1f} s"
    ]
    if expected is not None:
        lines.append(
            f"  threshold for {result.threshold.pfa:g} false alarms per pixel "
            f"({result.threshold.method}): about {counted(expected, 'pixel')} by chance"
        )
    if result.threshold.method == "gap":
        lines.append("  they stand apart from all other pixels; no false-alarm rate can be stated")
    # At most a tenth of the pixels: a higher rate detects background, and the parser refuses one.
    rate = min(100 / max(result.threshold.pixels, 1), 0.1)
    higher = result.threshold.pfa is not None and rate > result.threshold.pfa
    if not count and higher and expected is not None and expected < 10:
        lines.append(
            f"  in {result.threshold.pixels:,} pixels this rate leaves little room: try --pfa "
            f"{rate:.0e}"
        )
    if result.metrics:
        area = result.metrics["auc_pd_pf"]
        lines.append(f"  AUC(PD,PF) {'undefined' if area is None else f'{area:.6f}'}")
    lines.append(f"  report: {result.folder / 'report.html'}")
    lines.append(f"  also there: {', '.join(p for p in result.files if p != 'report.html')}")
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
