"""What `ensemble` gains over its members, and what a choice of members by truths would be worth.

``python -m studies.ensemble STUDY --data FOLDER``: STUDY is the folder that
``oddspec study studies/ensemble.toml --data FOLDER --out STUDY`` has filled with score maps. Renews
the tables of docs/results/ensemble.md, each between two comments.

Beside the members of the detector stand those that it had before, and a choice that leaves one
scene out: for each scene, that set of candidates which has the largest mean area on the *other*
scenes is applied to it, so that no truth bears on its own result. The single detector to compare
with is chosen likewise.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.detectors.ensemble.ensemble import RULES, Ensemble, combined, standings
from oddspec.io.truth import read_truth
from oddspec.metrics.classes import Classes
from oddspec.metrics.roc import average_precision, pd_at_pf, roc_area
from oddspec.study.records_store import read_records
from oddspec.study.scene_files import Missing
from oddspec.study.scenes import Library
from studies.pages import put

PAGE = Path(__file__).resolve().parent.parent / "docs" / "results" / "ensemble.md"
LARGEST = 4
"""Members of the largest sets that are gone through."""

EARLIER = ("rx", "crd", "lrr", "rednmf")
"""One detector of each view, fixed before any combination was measured."""

VIEWS = {
    "the whole scene's statistics": ("rx", "pca_rx", "frfe"),
    "the surroundings": ("crd", "local_rx", "lsad_cr_idw", "lsunrsorad", Ensemble().names[1]),
    "a background of low rank": ("lrr", "lsmad", "rpca", "lsdm_mog"),
    "non-negative materials": ("rednmf", "nmf", "l1nmf", "rnmf", "ewnmf"),
}
"""The candidates by how they look at a scene."""

Set = tuple[str, ...]
Areas = dict[Set, np.ndarray]


@dataclass(frozen=True)
class SceneRanks:
    """One scene: standings by every candidate, ``(n, candidates)``, and which pixels are odd."""

    key: str
    shares: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True)
class Choice:
    """A set for each scene, and the area that it has there."""

    sets: tuple[Set, ...]
    areas: np.ndarray


def read_ranks(study: Path, data: Path) -> tuple[list[str], list[SceneRanks]]:
    """Candidates with a map of every scene, in the order of the study, and the scenes."""
    records = [record for record in read_records(study) if record["map"]]
    maps = {(_candidate(record), record["scene"]): study / record["map"] for record in records}
    keys = list(dict.fromkeys(scene for _, scene in maps))
    names = list(dict.fromkeys(name for name, _ in maps))
    names = [name for name in names if all((name, key) in maps for key in keys)]
    scenes = []
    for scene in Library(data, Path()).resolve(["thirteen"]):
        if isinstance(scene, Missing):
            raise SystemExit(f"{scene.key}: {scene.reason}")
        height, width, _ = scene.shape
        truth = read_truth(scene.truth, (height, width), scene.truth_variable) > 0
        lists = np.stack([np.load(maps[name, scene.key]).ravel() for name in names], axis=1)
        valid = ~np.isnan(lists).all(axis=1)
        scenes.append(SceneRanks(scene.key, standings(lists[valid]), truth.ravel()[valid]))
    return names, scenes


def _candidate(record: Mapping[str, Any]) -> str:
    """A candidate as `Ensemble` takes it: with its settings, if they are not the defaults."""
    name, column = record["detector"], record["column"]
    return name if column == "defaults" else f"{name} {column}"


def scores_of(members: Set, names: list[str], scene: SceneRanks, rule: str) -> Classes:
    """What the ensemble of these members gives, background and odd pixels apart."""
    columns = [names.index(name) for name in members]
    return Classes.of(combined(scene.shares[:, columns], rule), scene.truth)


def areas_of(sets: Sequence[Set], names: list[str], scenes: list[SceneRanks], rule: str) -> Areas:
    """The area under the ROC curve of each set in each scene."""
    found = np.empty((len(sets), len(scenes)))
    for j, scene in enumerate(scenes):
        for i, members in enumerate(sets):
            found[i, j] = roc_area(scores_of(members, names, scene, rule))
    return dict(zip(sets, found, strict=True))


def leaving_one_out(areas: Areas) -> Choice:
    """For each scene the set with the largest mean area on the others, and its area there."""
    sets, table = list(areas), np.array(list(areas.values()))
    others = table.sum(axis=1, keepdims=True) - table
    best = others.argmax(axis=0)
    return Choice(tuple(sets[i] for i in best), table[best, np.arange(table.shape[1])])


def said(members: Set) -> str:
    """A set as the page writes it."""
    return " + ".join(f"`{name}`" for name in members)


def interval(gains: np.ndarray) -> str:
    """Mean gain, and where 95 % of the means over scenes drawn with replacement lie."""
    drawn = np.random.default_rng(0).choice(gains, (10000, len(gains))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{signed(gains.mean())} ({signed(low)} to {signed(high)})"


def signed(gain: float) -> str:
    """A gain with its sign, a minus as long as a plus."""
    return f"{gain:+.4f}".replace("-", "−")


def scene_table(scenes: list[SceneRanks], columns: dict[str, np.ndarray]) -> str:
    """Areas scene by scene; the largest of a row is set in bold type."""
    lines = [
        "| scene | " + " | ".join(columns) + " |",
        "|---|" + "---:|" * len(columns),
    ]
    rows = [(scene.key, [c[j] for c in columns.values()]) for j, scene in enumerate(scenes)]
    rows.append(("**mean**", [float(c.mean()) for c in columns.values()]))
    for key, values in rows:
        cells = [f"**{v:.4f}**" if v == max(values) else f"{v:.4f}" for v in values]
        lines.append(f"| {key} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def summary_table(ways: dict[str, np.ndarray], reference: str) -> str:
    """Mean, worst scene, and the gain over the reference."""
    lines = [
        f"| | mean | least | scenes above {reference} | gain over it (95 %) |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, areas in ways.items():
        gains = areas - ways[reference]
        above = "–" if name == reference else f"{(gains > 0).sum()} of {len(gains)}"
        gain = "–" if name == reference else interval(gains)
        lines.append(f"| {name} | {areas.mean():.4f} | {areas.min():.4f} | {above} | {gain} |")
    return "\n".join(lines)


def top_table(names: list[str], scenes: list[SceneRanks], fixed: Set) -> str:
    """What matters where few false alarms are allowed: the upper end of the list."""
    rows: dict[str, tuple[Set, str]] = {f"`{name}`": ((name,), "tail") for name in fixed}
    rows |= {f"`ensemble`, {rule}": (fixed, rule) for rule in RULES}
    found = {}
    for row, (members, rule) in rows.items():
        parts = [scores_of(members, names, scene, rule) for scene in scenes]
        rates = [[pd_at_pf(part, rate) for part in parts] for rate in (0.001, 0.01)]
        found[row] = np.array([[average_precision(part) for part in parts], *rates])
    best = max((f"`{name}`" for name in fixed), key=lambda row: found[row][0].mean())
    lines = [
        "| | mean average precision | mean PD at PF 0.001 | mean PD at PF 0.01 | scenes with a "
        f"precision above {best} | gain in it (95 %) |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row, values in found.items():
        gains = values[0] - found[best][0]
        told = ("–", "–") if row == best else (f"{(gains > 0).sum()}", interval(gains))
        cells = [*(f"{value:.3f}" for value in values.mean(axis=1)), *told]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def view_table(areas: Areas, names: list[str]) -> str:
    """Sets with one candidate of each view, by the candidate of the last view."""
    *others, last = VIEWS.values()
    lines = [
        f"| {list(VIEWS)[-1]} by | sets | above their best member | gain over it: least | median | "
        "most |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in last:
        gains = []
        for members in product(*others, (name,)):
            found = areas[tuple(sorted(members, key=names.index))].mean()
            gains.append(found - max(areas[m,].mean() for m in members))
        least, middle, most = np.quantile(gains, (0, 0.5, 1))
        above = sum(gain > 0 for gain in gains)
        lines.append(
            f"| `{name}` | {len(gains)} | {above} | {signed(least)} | {signed(middle)} | "
            f"{signed(most)} |"
        )
    return "\n".join(lines)


def set_table(areas: Areas, fixed: Set) -> str:
    """How sets of each size do, and where the fixed one stands among those of its size."""
    best_single = max(found.mean() for members, found in areas.items() if len(members) == 1)
    lines = [
        "| members | sets | above their best member | above the best detector of all | mean of the "
        "median set | of the best | best set |",
        "|---:|---:|---:|---:|---:|---:|---|",
    ]
    for size in range(2, LARGEST + 1):
        means = {m: float(found.mean()) for m, found in areas.items() if len(m) == size}
        own = [mean > max(areas[m,].mean() for m in members) for members, mean in means.items()]
        all_ = [mean > best_single for mean in means.values()]
        best = max(means, key=means.__getitem__)
        lines.append(
            f"| {size} | {len(means)} | {np.mean(own):.0%} | {np.mean(all_):.0%} | "
            f"{np.median(list(means.values())):.4f} | {means[best]:.4f} | {said(best)} |"
        )
    alike = [float(found.mean()) for m, found in areas.items() if len(m) == len(fixed)]
    place = 1 + sum(mean > areas[fixed].mean() for mean in alike)
    lines.append(f"\nThe fixed set is number {place} of the {len(alike)} of its size.")
    return "\n".join(lines)


def choice_table(choices: dict[str, Choice]) -> str:
    """Which sets were chosen, and how often."""
    lines = ["| chosen from | mean on the scenes left out | sets (scenes) |", "|---|---:|---|"]
    for name, choice in choices.items():
        counts = Counter(choice.sets).most_common()
        sets = "; ".join(f"{said(members)} ({count})" for members, count in counts)
        lines.append(f"| {name} | {choice.areas.mean():.4f} | {sets} |")
    return "\n".join(lines)


def tables(names: list[str], scenes: list[SceneRanks]) -> dict[str, str]:
    """All tables of the page, by name."""
    fixed = Ensemble().names
    sets = [s for size in range(1, LARGEST + 1) for s in combinations(names, size)]
    fixed_key = next(s for s in sets if set(s) == set(fixed))
    areas = areas_of(sets, names, scenes, Ensemble().combine)
    several = {members: found for members, found in areas.items() if len(members) > 1}
    choices = {}
    for size in range(1, LARGEST + 1):
        some = {members: found for members, found in areas.items() if len(members) == size}
        choices[f"sets of {size}" if size > 1 else "single detectors"] = leaving_one_out(some)
    of_any_size = f"sets of 2 to {LARGEST}"
    choices[of_any_size] = leaving_one_out(several)
    ways = {f"`{name}`": areas[name,] for name in fixed}
    reference = max(ways, key=lambda name: ways[name].mean())
    for rule in RULES:
        ways[f"`ensemble`, {rule}"] = areas_of([fixed_key], names, scenes, rule)[fixed_key]
    ways["one of each view"] = areas_of([EARLIER], names, scenes, Ensemble().combine)[EARLIER]
    left_out = {f"chosen from {name}": choice.areas for name, choice in choices.items()}
    by_scene = {f"`{name}`": areas[name,] for name in fixed} | {"`ensemble`": areas[fixed_key]}
    by_scene["one of each view"] = ways["one of each view"]
    by_scene[f"chosen from {of_any_size}"] = choices[of_any_size].areas
    return {
        "summary": summary_table(ways | left_out, reference),
        "scenes": scene_table(scenes, by_scene),
        "candidates": scene_table(scenes, {f"`{n}`": areas[n,] for n in names}),
        "top": top_table(names, scenes, fixed),
        "views": view_table(areas, names),
        "sets": set_table(areas, fixed_key),
        "choices": choice_table(choices),
    }


def main() -> None:
    """Renew the page's tables."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("study", type=Path, help="folder with the score maps")
    parser.add_argument("--data", type=Path, required=True, help="folder with the public scenes")
    chosen = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    for name, table in tables(*read_ranks(chosen.study, chosen.data)).items():
        text = put(text, f"ensemble: {name}", table)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
