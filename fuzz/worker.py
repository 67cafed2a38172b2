"""One process that tries mutants; the parent watches its time, its memory and its life."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import oddspec
from fuzz.corpus import PLACE, SHAPE, resumed, with_member
from fuzz.mutate import mutate
from oddspec.errors import OddspecError

TEXTS = (".toml", ".hdr", ".json", ".jsonl", ".geojson", ".prj", ".txt", ".xml")
"""Files that a hand may change: by words and lines, not by bytes alone."""

LONGEST = 1000
"""Characters of what is still a sentence."""


def content_of(original: Path, number: int) -> bytes:
    """The bytes of that mutant; those of the original for 0."""
    content = original.read_bytes()
    return mutate(content, number, original.suffix.lower() in TEXTS) if number else content


def trial(original: Path, kind: str, number: int) -> str:
    """Use a mutant as a user would; ``accepted``, ``refused`` (in a sentence) or what is wrong."""
    with tempfile.TemporaryDirectory(prefix="oddspec-fuzz-") as folder:
        # A study's and a partial result's files lie one folder below what belongs to them.
        base = original.parent.parent if kind in ("study", "partial") else original.parent
        place = Path(folder, "case")
        shutil.copytree(base, place)
        path = place / original.relative_to(base)
        path.write_bytes(content_of(original, number))
        return _outcome(path, kind)


def _outcome(path: Path, kind: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _use(path, kind)
    except OddspecError as error:
        said = str(error)
        sentence = said.strip() and len(said) <= LONGEST + len(str(path)) and "\n" not in said
        return "refused" if sentence else f"no sentence: {said[:300]!r}"
    except Exception:
        return traceback.format_exc(limit=-4)
    return "accepted"


def _use(path: Path, kind: str) -> None:
    if kind == "settings":
        with_member(path.parent / "model.npz", "settings.json", path.read_bytes(), path)
    if kind == "member":
        made = path.parent / "made.npz"
        with_member(path.parent / "scene.npz", path.name, path.read_bytes(), made)
        path = made
    uses = {"model": _model, "settings": _model, "plan": _plan, "truth": _truth}
    uses |= {"vector": _vector, "product": _product, "study": _study, "partial": _partial}
    uses.get(kind, _scene)(path)


def _scene(path: Path) -> None:
    scene = oddspec.open(path, max_memory=500_000_000)
    try:
        h, w, _ = scene.shape
        scene.read((0, min(h, 16)), (0, min(w, 16)))
    finally:
        scene.source.close()


def _product(path: Path) -> None:
    """As a whole: a path is the folder where a product has several files."""
    _scene(path if path.suffix == ".nc" else path.parent)


def _model(path: Path) -> None:
    oddspec.load_model(path)


def _truth(path: Path) -> None:
    from oddspec.io.truth import read_truth

    read_truth(path, SHAPE[:2])


def _vector(path: Path) -> None:
    from rasterio.crs import CRS

    from oddspec.io.source import Georeference
    from oddspec.io.truth import read_truth

    place = Georeference(CRS.from_epsg(32611), PLACE) if path.stem == "UTM" else None
    if path.suffix in (".dbf", ".prj", ".shx"):
        path = path.with_suffix(".shp")
    read_truth(path, SHAPE[:2], georeference=place)


def _plan(path: Path) -> None:
    from oddspec.study import Study, read_plan

    plan = read_plan(path)
    if sum(len(run.seeds) * len(run.noise) for run in plan.runs) < 1000:
        Study(plan)


def _study(path: Path) -> None:
    from oddspec.study import overview, read_records
    from oddspec.study.report import table

    read_records(path.parent)
    overview(path.parent)
    table(path.parent)


def _partial(path: Path) -> None:
    """Go on with the run: it must come to the scores that it would have come to anyway."""
    scene = path.parents[1] / "scene.npy"
    store = resumed(scene)
    try:
        found = np.array(store.scores)
    finally:
        store.discard()
    right = oddspec.detect(scene, "rx", workers=1).astype(np.float32)
    if not np.array_equal(found, right, equal_nan=True):
        raise AssertionError("other scores than those of a run that was not interrupted")


def main() -> None:
    """Try what standard input asks for, line by line, and answer each line."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a library prints is no answer
    for line in sys.stdin:
        task: dict[str, Any] = json.loads(line)
        outcome = trial(Path(task["original"]), task["kind"], task["number"])
        print(json.dumps({"outcome": outcome}), file=answers, flush=True)


if __name__ == "__main__":
    main()
