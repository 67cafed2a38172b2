"""``oddspec study report``: a study's folder as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from oddspec.io.atomic import write_text
from oddspec.products.record import versions
from oddspec.report.page import template
from oddspec.study.report.comparison import Comparison, MatchState, compare_file
from oddspec.study.report.run_tables import dates, provenance, scene_table
from oddspec.study.report.sections import sections_of
from oddspec.study.results import OfScene, StudyResults
from oddspec.study.runs import DEFAULTS, NAMED_COLUMNS, PUBLISHED, TUNED, Run
from oddspec.text import counted

_ORIGINS = {
    DEFAULTS: "one setting for all scenes",
    PUBLISHED: "what a paper states, for single scenes where it does so",
    TUNED: "chosen by looking at the truth, and so an upper bound",
}


def report(
    folder: str | Path,
    out: str | Path | None = None,
    *,
    printed: Path | None = None,
    names: Path | None = None,
    study: str | None = None,
    also: Sequence[str | Path] = (),
    truth_of: OfScene | None = None,
    picture_of: OfScene | None = None,
) -> Path:
    """Write the report of a study's folder and return its path.

    Parameters
    ----------
    folder
        Holds ``records.jsonl`` and the kept maps.
    out
        An HTML file, or a folder to write ``report.html`` to; by default the study's.
    printed, names
        As for `oddspec.study.report.table`.
    study
        Only the runs of that study.
    also
        Folders of further studies, whose runs stand in the same report.
    truth_of, picture_of
        See `oddspec.study.results.StudyResults`.

    Raises
    ------
    OddspecError
        If there are no records, or the file cannot be written; the older one is kept.
    """
    results = StudyResults.read(
        folder, study=study, also=also, truth_of=truth_of, picture_of=picture_of
    )
    comparisons = compare_file(results.results, printed, names, results.folder)
    path = Path(folder if out is None else out)
    if path.suffix.lower() not in (".html", ".htm"):
        path = path / "report.html"
    write_text(path, _rendered(results, comparisons))
    return path


def _rendered(study: StudyResults, comparisons: Sequence[Comparison]) -> str:
    """The page as HTML: text from records is escaped, and nothing is loaded from elsewhere."""
    runs = study.runs
    script = "\n" + (files("oddspec.study.report") / "sort.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    studies = dict.fromkeys(run.record.get("study") for run in runs if run.record.get("study"))
    html: str = template("study/report/page.html").render(
        title=", ".join(map(str, studies)) or "Study",
        dates=dates(runs),
        version=versions().get("oddspec", ""),
        summary=_summary(study),
        tiles=_tiles(runs, comparisons),
        warnings=_warnings(study),
        sections=sections_of(study, comparisons),
        provenance=provenance(runs),
        scene_table=scene_table(runs),
        # The browser hashes all that stands between the tags, line break included.
        script=script.removeprefix("\n"),
        script_hash=f"sha256-{digest}",
    )
    return html


def _tiles(runs: Sequence[Run], comparisons: Sequence[Comparison]) -> list[tuple[str, str]]:
    failed = sum(not run.done for run in runs)
    tiles = [
        ("runs", f"{len(runs):,}"),
        ("without a result", f"{failed:,}"),
        ("detectors", str(len({run.detector for run in runs}))),
        ("scenes", str(len({run.key[:2] for run in runs}))),
    ]
    if comparisons:
        measured = sum(comparison.state is MatchState.MEASURED for comparison in comparisons)
        tiles.append(("printed values measured", f"{measured} of {len(comparisons)}"))
    return tiles


def _summary(study: StudyResults) -> str:
    """What the columns of the tables are."""
    names = dict.fromkeys(column.name for _, column in study.results)
    shown = [f"{name} ({_ORIGINS[name]})" for name in NAMED_COLUMNS if name in names]
    shown += [name for name in names if name not in NAMED_COLUMNS]
    if not shown:
        return "The records hold sweeps of settings only."
    return f"Where settings come from is never mixed within a column: {'; '.join(shown)}."


def _warnings(study: StudyResults) -> list[str]:
    """What bears on the results as a whole."""
    found = []
    done = [run for run in study.runs if run.done]
    open_ended = sum(run.record.get("converged") is False for run in done)
    if open_ended:
        found.append(f"{open_ended} of {len(done)} runs did not converge; see Convergence.")
    found += _warnings_of_runs(done)
    failed = len(study.runs) - len(done)
    if failed:
        have = "run has" if failed == 1 else "runs have"
        found.append(f"{failed} {have} no result; see Failures and what is missing.")
    unscored = sorted({str(c) for (_, c), result in study.results.items() if result.unscored})
    if unscored:
        found.append(
            f"Valid pixels were left without a score, so that areas are over fewer pixels than "
            f"those of other detectors: {'; '.join(unscored)}."
        )
    several = {c for (_, c), r in study.results.items() if not r.seeded or len(r.runs) > 1}
    single = sorted({str(column) for _, column in study.results if column not in several})
    if single:
        found.append(f"One seed only, so that chance is not seen: {'; '.join(single)}.")
    if len({run.record.get("commit") for run in study.runs}) > 1:
        found.append("The runs are of several versions of the program; see Where it comes from.")
    return [*found, *study.notes, *study.mixed]


def _warnings_of_runs(done: Sequence[Run]) -> list[str]:
    """What runs with a result warned about: each warning once, whatever numbers it gives."""
    groups: dict[tuple[str, str], list[str]] = {}
    for run in done:
        texts = run.record.get("warnings") or ()
        for what, text in {re.sub(r"\d[\d.,e+-]*", "#", text): text for text in texts}.items():
            # These are counted as runs that did not converge.
            if "not converged" not in text:
                groups.setdefault((run.detector, what), []).append(text)
    return [
        f"{detector} ({counted(len(texts), 'run')}): {texts[0]}"
        for (detector, _), texts in groups.items()
    ]
