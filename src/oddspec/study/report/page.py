"""``oddspec study report``: a study's folder as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from oddspec.io.atomic import write_text
from oddspec.products.record import versions
from oddspec.report.page import template
from oddspec.study.report.comparison import Comparison, State
from oddspec.study.report.material import Material, OfScene
from oddspec.study.report.provenance import dates, provenance, scene_sheet
from oddspec.study.report.sections import sections_of
from oddspec.study.report.tables import beside_printed
from oddspec.study.results import DEFAULTS, NAMED_COLUMNS, PUBLISHED, TUNED, Run
from oddspec.text import counted

__all__ = ["report"]


def report(
    folder: str | Path,
    out: str | Path | None = None,
    *,
    printed: Path | None = None,
    study: str | None = None,
    also: Sequence[str | Path] = (),
    truth_of: OfScene | None = None,
    picture_of: OfScene | None = None,
) -> Path:
    """Write the report of a study's folder.

    Parameters
    ----------
    folder
        Holds ``records.jsonl`` and the kept maps.
    out
        An HTML file, or a folder to write ``report.html`` to; by default the study's.
    printed
        A CSV of printed values, to stand beside the measured ones.
    study
        Only the runs of that study.
    also
        Folders of further studies, whose runs stand in the same report.
    truth_of, picture_of
        See `oddspec.study.report.material.Material`.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    OddspecError
        If there are no records, or the file cannot be written; the older one is kept.
    """
    material = Material.of(folder, study=study, also=also, truth_of=truth_of, picture_of=picture_of)
    comparisons = beside_printed(material.cells, printed)
    path = Path(folder if out is None else out)
    if path.suffix.lower() not in (".html", ".htm"):
        path = path / "report.html"
    write_text(path, render(material, comparisons))
    return path


def render(material: Material, comparisons: Sequence[Comparison]) -> str:
    """The page as HTML: text from records is escaped, and nothing is loaded from elsewhere."""
    runs = material.runs
    script = "\n" + (files("oddspec.study.report") / "sort.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    html: str = template("study/report/page.html").render(
        title=", ".join(dict.fromkeys(run.study for run in runs if run.study)) or "Study",
        dates=dates(runs),
        version=versions().get("oddspec", ""),
        summary=_summary(material),
        tiles=_tiles(material, comparisons),
        warnings=_warnings(material),
        sections=sections_of(material, comparisons),
        provenance=provenance(runs),
        scene_sheet=scene_sheet(runs),
        # The browser hashes all that stands between the tags, line break included.
        script=script.removeprefix("\n"),
        script_hash=f"sha256-{digest}",
    )
    return html


def _tiles(material: Material, comparisons: Sequence[Comparison]) -> list[tuple[str, str]]:
    runs = material.runs
    failed = sum(not run.done for run in runs)
    tiles = [
        ("runs", f"{len(runs):,}"),
        ("without a result", f"{failed:,}"),
        ("detectors", str(len({run.detector for run in runs}))),
        ("scenes", str(len({(run.scene, run.truth) for run in runs}))),
    ]
    counted = Counter(comparison.state for comparison in comparisons)
    if comparisons:
        measured = f"{counted[State.MEASURED]} of {len(comparisons)}"
        tiles.append(("printed values measured", measured))
    return tiles


_ORIGINS = {
    DEFAULTS: "one setting for all scenes",
    PUBLISHED: "what a paper states, for single scenes where it does so",
    TUNED: "chosen by looking at the truth, and so an upper bound",
}


def _summary(material: Material) -> str:
    """What the columns of the tables are."""
    columns = list(dict.fromkeys(heading.column for _, heading in material.cells))
    told = [f"{name} ({_ORIGINS[name]})" for name in NAMED_COLUMNS if name in columns]
    told += [column for column in columns if column not in NAMED_COLUMNS]
    if not told:
        return "The records hold sweeps of settings only."
    return f"Where settings come from is never mixed within a column: {'; '.join(told)}."


def _warnings(material: Material) -> list[str]:
    """What bears on the results as a whole."""
    found = []
    done = [run for run in material.runs if run.done]
    open_ended = sum(run.record.get("converged") is False for run in done)
    if open_ended:
        found.append(f"{open_ended} of {len(done)} runs did not converge; see Convergence.")
    found += _told_by_runs(done)
    failed = len(material.runs) - len(done)
    if failed:
        have = "run has" if failed == 1 else "runs have"
        found.append(f"{failed} {have} no result; see Failures and what is missing.")
    unscored = sorted({str(heading) for (_, heading), c in material.cells.items() if c.unscored})
    if unscored:
        found.append(
            f"Valid pixels were left without a score, so that areas are over fewer pixels than "
            f"those of other detectors: {'; '.join(unscored)}."
        )
    single = {
        str(heading)
        for _, heading in material.cells
        if all(
            cell.seeded and len(cell.runs) < 2
            for (_, other), cell in material.cells.items()
            if other == heading
        )
    }
    if single:
        found.append(f"One seed only, so that chance is not seen: {'; '.join(sorted(single))}.")
    commits = {run.record.get("commit") for run in material.runs}
    if len(commits) > 1:
        found.append("The runs are of several versions of the program; see Where it comes from.")
    return [*found, *material.notes]


def _told_by_runs(done: Sequence[Run]) -> list[str]:
    """What runs with a result warned about: each warning once, whatever numbers it gives."""
    groups: dict[tuple[str, str], list[str]] = {}
    for run in done:
        told = run.record.get("warnings") or ()
        for what, text in {re.sub(r"\d[\d.,e+-]*", "#", text): text for text in told}.items():
            # These are counted as runs that did not converge.
            if "not converged" not in text:
                groups.setdefault((run.detector, what), []).append(text)
    return [
        f"{detector} ({counted(len(texts), 'run')}): {texts[0]}"
        for (detector, _), texts in groups.items()
    ]
