"""``oddspec scenes list|show|verify|make``: public scenes, and made ones."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from oddspec.command.terminal import progress, text_table
from oddspec.errors import SettingError
from oddspec.scenes import (
    PublicScene,
    Recognised,
    SceneFile,
    catalogue,
    find,
    make_scene,
    recognise,
)
from oddspec.scenes.products import MADE_PRODUCTS, make_product
from oddspec.settings import parameters_help


def add_arguments(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments."""
    commands = parser.add_subparsers(metavar="WHAT", required=True)
    listed = commands.add_parser("list", help="the public scenes that the catalogue knows")
    listed.add_argument("--json", action="store_true", help="as JSON")
    listed.set_defaults(run=_list)
    shown = commands.add_parser("show", help="all about one scene")
    shown.add_argument("name", metavar="NAME")
    shown.add_argument("--json", action="store_true", help="as JSON")
    shown.set_defaults(run=_show)
    verified = commands.add_parser(
        "verify", help="recognise scene files by their checksum, whatever they are called"
    )
    verified.add_argument("folder", metavar="DIR", type=Path)
    verified.add_argument("--json", action="store_true", help="as JSON")
    verified.set_defaults(run=_verify)
    _add_maker(commands.add_parser("make", help="write a synthetic scene with implanted targets"))


def _add_maker(parser: argparse.ArgumentParser) -> None:
    """Options of the scene maker, from the signature and docstring of `make_scene`."""
    parser.description = "Write a georeferenced ENVI scene with implanted targets and its truth."
    path_help = "the data file, such as scene.img; of a product, the folder for its files"
    parser.add_argument("path", type=Path, metavar="FILE", help=path_help)
    parser.add_argument(
        "--product",
        choices=tuple(MADE_PRODUCTS),
        help="write a small product of this sensor instead; only the size and the seed are chosen",
    )
    helps = parameters_help(inspect.getdoc(make_scene) or "")
    kinds = typing.get_type_hints(make_scene)
    options = []
    for name, parameter in inspect.signature(make_scene).parameters.items():
        if name in ("path", "progress"):
            continue
        read = _reader(name, kinds[name], parameter.default)
        help_text = f"{helps.get(name, '')} (default: {parameter.default})".replace("%", "%%")
        flag = "--" + name.replace("_", "-")
        if read is None:
            parser.add_argument(flag, action="store_true", help=help_text)
        else:
            parser.add_argument(
                flag, type=read, default=parameter.default, metavar="VALUE", help=help_text
            )
        options.append(name)
    parser.add_argument(
        "--progress", choices=("auto", "plain", "json", "none"), default="auto", help="as in detect"
    )
    parser.set_defaults(run=lambda chosen: _make(chosen, options))


def _reader(name: str, kind: Any, default: Any) -> Callable[[str], Any] | None:
    """How an option's text becomes a value; None for a switch."""
    if name == "crs":
        return lambda text: None if text.lower() == "none" else text
    if name == "stripes":
        return _stripes
    if isinstance(default, bool):
        return None
    if isinstance(default, tuple):
        return _pair
    if name == "noise_snr":
        return float
    return int if default is None else type(default)


def _stripes(text: str) -> bool | float:
    words = {"true": True, "false": False}
    try:
        return words[text.lower()] if text.lower() in words else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected true, false or a number") from None


def _pair(text: str) -> tuple[float, float]:
    try:
        first, second = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected two numbers, as 400,900") from None
    return first, second


def _list(chosen: argparse.Namespace) -> int:
    if chosen.json:
        print(json.dumps([dataclasses.asdict(scene) for scene in catalogue()], indent=2))
    else:
        print(text_table(catalogue_rows(catalogue())))
    return 0


def _show(chosen: argparse.Namespace) -> int:
    scene = find(chosen.name)
    print(json.dumps(dataclasses.asdict(scene), indent=2) if chosen.json else scene_text(scene))
    return 0


def _verify(chosen: argparse.Namespace) -> int:
    found = recognise(chosen.folder)
    if chosen.json:
        rows = [
            {"path": str(path), "scene": scene and scene.name, "file": file and file.name}
            for path, scene, file in found
        ]
        print(json.dumps(rows, indent=2))
    else:
        print(text_table(recognised_rows(found)))
        known = sum(scene is not None for _, scene, _ in found)
        print(f"{known} of {len(found)} files are in the catalogue")
    return 0


def _make(chosen: argparse.Namespace, options: list[str]) -> int:
    settings = {name: getattr(chosen, name) for name in options}
    if chosen.product:
        return _make_product(chosen, settings)
    with progress(chosen.progress, chosen.path.name) as report:
        made = make_scene(chosen.path, **settings, progress=report)
    print(f"scene: {made.data} (header {made.header.name}), {len(made.targets)} targets")
    print(f"truth: {made.truth}, {made.target_list.name}; settings: {made.parameters.name}")
    return 0


def _make_product(chosen: argparse.Namespace, settings: dict[str, Any]) -> int:
    defaults = {n: p.default for n, p in inspect.signature(make_scene).parameters.items()}
    taken = inspect.signature(make_product).parameters.keys() & settings
    for name, value in settings.items():
        if name not in taken and value != defaults[name]:
            raise SettingError(
                f"--{name.replace('_', '-')}: --product {chosen.product} sets it itself; leave it "
                f"out"
            )
    files = make_product(chosen.path, chosen.product, **{name: settings[name] for name in taken})
    print(f"product: {files[0]}")
    print(f"beside it: {', '.join(path.name for path in files[1:])}")
    return 0


def catalogue_rows(scenes: Sequence[PublicScene]) -> list[tuple[str, ...]]:
    """Heading and one row per scene: name, place, sensor, shape, truth, RX, whether recognised."""
    cube, truth = "rows x columns x bands", "truth pixels (objects)"
    rows: list[tuple[str, ...]] = [("name", "place", "sensor", cube, truth, "RX AUC", "files")]
    for scene in scenes:
        truths = "; ".join(f"{t.pixels} ({t.objects})" for t in scene.truths) or "unknown"
        areas = "; ".join(f"{t.rx_auc:.4f}" for t in scene.truths) or "unknown"
        shape = f"{scene.rows} x {scene.columns} x {scene.bands}"
        known = "recognised" if scene.examined else "checksum unknown"
        rows.append((scene.name, scene.place, scene.sensor, shape, truths, areas, known))
    return rows


def recognised_rows(found: Sequence[Recognised]) -> list[tuple[str, ...]]:
    """Heading and one row per file: path, scene, what it holds."""
    rows: list[tuple[str, ...]] = [("file", "scene", "holds")]
    for path, scene, file in found:
        if scene is None or file is None:
            rows.append((str(path), "-", "not in the catalogue"))
        else:
            rows.append((str(path), scene.name, _holds(file)))
    return rows


def scene_text(scene: PublicScene) -> str:
    """Everything that the catalogue says of a scene, as lines of text."""
    size = f"{scene.pixel_metres:g} m" if scene.pixel_metres else "unknown"
    values = f"{scene.values[0]:g} to {scene.values[1]:g}" if scene.values else "unknown"
    lines = [
        f"{scene.name}: {scene.title}",
        f"  place        {scene.place}",
        f"  sensor       {scene.sensor}, pixel size {size}",
        f"  cube         {scene.rows} rows x {scene.columns} columns x {scene.bands} bands",
        f"  values       {values} ({scene.dtype})",
        f"  rank         {_rank(scene)}",
        f"  citation     {scene.citation}",
        f"  doi          {scene.doi or 'unknown'}",
        f"  source page  {scene.source or 'unknown'}",
        f"  licence      {scene.licence}",
    ]
    for file in scene.files:
        lines.append(f"  file         {file.name} ({file.format}): {_holds(file)}")
        lines.append(f"               sha256 {file.sha256}")
    for truth in scene.truths:
        lines.append(
            f"  truth        {truth.name}: {truth.pixels} pixels, {truth.objects} objects, in "
            f"{truth.file}; RX AUC {truth.rx_auc:.6f}"
        )
    lines += [f"  note         {note}" for note in scene.notes]
    return "\n".join(lines)


def _rank(scene: PublicScene) -> str:
    if not scene.covariance_rank:
        return "unknown"
    full = scene.covariance_rank == scene.bands
    return f"{scene.covariance_rank} of {scene.bands}{'' if full else ' (singular covariance)'}"


def _holds(file: SceneFile) -> str:
    parts = [f"cube ({file.cube})"] if file.cube else []
    parts += [f"truth ({file.truth})"] if file.truth else []
    return " and ".join(parts) or "header"
