"""``oddspec study table|figure|report DIR``: what a study's records come to."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oddspec.command.terminal import say
from oddspec.errors import OddspecError
from oddspec.study.report import FIGURES, TABLES, figures, report, table
from oddspec.study.report.figures import FIGURE_FORMATS
from oddspec.study.report.formats import TABLE_FORMATS

if TYPE_CHECKING:
    from oddspec.study.runs import Run
    from oddspec.study.scene_files import StudyScene

OUTPUTS = ("table", "figure", "report")
"""Words that may follow ``study`` and are declared here."""

_MOST_PIXELS = 400
"""Of a picture's side."""


def add_outputs(commands: Any) -> None:
    """Declare the three commands on the subparsers of ``oddspec study``."""
    _add_table(commands.add_parser("table", help="a table as Markdown, CSV or LaTeX"))
    _add_figure(commands.add_parser("figure", help="figures as PNG, SVG or PDF"))
    _add_report(commands.add_parser("report", help="one HTML file with everything"))


def _add_shared(parser: argparse.ArgumentParser, *, scenes: bool) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of a study")
    parser.add_argument("--study", metavar="NAME", help="only the records of that study")
    parser.add_argument(
        "--also",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a further study, whose records are taken in; may be repeated",
    )
    if scenes:
        parser.add_argument(
            "--data",
            type=Path,
            metavar="FOLDER",
            help="folder of public scenes, for truths and pictures (default: the plan's)",
        )


def _add_choice(parser: argparse.ArgumentParser) -> None:
    """What of the records a table or a figure shows."""
    add = parser.add_argument
    add("--metric", default="auc_pd_pf", metavar="NAME", help="as in the records")
    for what in ("detector", "column", "scene"):
        add(f"--{what}", action="append", metavar="NAME", help=f"only that {what}; may be repeated")


def _add_printed(parser: argparse.ArgumentParser) -> None:
    """Which values of papers stand beside the measured ones."""
    add = parser.add_argument
    add("--printed", type=Path, metavar="FILE", help="CSV of printed values to stand beside")
    add(
        "--names",
        type=Path,
        metavar="FILE",
        help="TOML with what papers call detectors and scenes (default: published_names.toml "
        "beside the CSV, or in a folder above the study's)",
    )


def _choice(chosen: argparse.Namespace) -> dict[str, Any]:
    return {
        "metric": chosen.metric,
        "study": chosen.study,
        "detectors": chosen.detector,
        "columns": chosen.column,
        "scenes": chosen.scene,
        "also": chosen.also,
    }


def _add_table(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_table)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "tables:\n" + "\n".join(f"  {k:12} {v}" for k, v in TABLES.items())
    _add_shared(parser, scenes=False)
    _add_choice(parser)
    add = parser.add_argument
    add("--what", choices=TABLES, default="scores", help="which table (default: scores)")
    add("--as", dest="kind", choices=TABLE_FORMATS, default="markdown", help="(default: markdown)")
    _add_printed(parser)
    add("--out", type=Path, metavar="FILE", help="write to a file instead of printing")


def _add_figure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_figure)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "figures:\n" + "\n".join(f"  {k:12} {v.shows}" for k, v in FIGURES.items())
    _add_shared(parser, scenes=True)
    _add_choice(parser)
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="which figures (default: all that can be drawn)")
    add(
        "--format",
        action="append",
        choices=FIGURE_FORMATS,
        help="may be repeated (default: png, svg)",
    )
    add("--out", type=Path, metavar="FOLDER", help="(default: figures in the study's folder)")


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_report)
    _add_shared(parser, scenes=True)
    _add_printed(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="(default: report.html in the study's folder)"
    )


def _table(chosen: argparse.Namespace) -> int:
    """Print a table, or write it."""
    text = table(
        chosen.folder,
        kind=chosen.kind,
        printed=chosen.printed,
        names=chosen.names,
        what=chosen.what,
        **_choice(chosen),
    )
    if chosen.out is None:
        sys.stdout.write(text)
    else:
        from oddspec.io.atomic import write_text

        write_text(chosen.out, text)
        print(chosen.out)
    return 0


def _figure(chosen: argparse.Namespace) -> int:
    """Draw figures and name their files."""
    paths = figures(
        chosen.folder,
        chosen.out or chosen.folder / "figures",
        chosen.names or None,
        chosen.format or ("png", "svg"),
        **_choice(chosen),
        **_views(chosen.folder, chosen.data),
    )
    for path in paths:
        print(path)
    return 0


def _report(chosen: argparse.Namespace) -> int:
    """Write the report and name its file."""
    views = _views(chosen.folder, chosen.data)
    path = report(
        chosen.folder,
        chosen.out,
        printed=chosen.printed,
        names=chosen.names,
        study=chosen.study,
        also=chosen.also,
        **views,
    )
    print(path)
    return 0


def _views(folder: Path, data: Path | None) -> dict[str, Any]:
    """How to look up truths and pictures of the scenes of a study's plan.

    The scenes are looked for when the first is asked for: most figures need neither.
    """
    from oddspec.study.records_store import recall_plan
    from oddspec.study.scene_files import StudyScene
    from oddspec.study.scenes import Library

    @cache
    def scenes() -> dict[tuple[str, str], StudyScene]:
        try:
            plan = recall_plan(folder, data)
            names = list(dict.fromkeys(name for run in plan.runs for name in run.scenes))
            found = Library(plan.data, plan.folder, reading=plan.reading).resolve(names)
        except OddspecError as error:
            say(f"warning: no truths and pictures of the scenes: {error}")
            return {}
        return {(s.name, s.truth_file): s for s in found if isinstance(s, StudyScene)}

    return {
        "truth_of": partial(_look, scenes, _truth),
        "picture_of": partial(_look, scenes, _picture),
    }


def _look(
    scenes: Callable[[], dict[tuple[str, str], StudyScene]],
    read: Callable[[StudyScene], np.ndarray],
    run: Run,
) -> np.ndarray | None:
    scene = scenes().get((run.scene, str(run.record.get("truth"))))
    if scene is None or scene.sha256 != run.record.get("scene_sha256"):
        return None
    try:
        return read(scene)
    except OddspecError as error:
        say(f"warning: {error}")
        return None


def _truth(scene: StudyScene) -> np.ndarray:
    # Pictures have no third colour: a pixel that was not judged is shown as background.
    with scene.open() as cube:
        return np.ma.filled(scene.labels(cube) > 0, False)


def _picture(scene: StudyScene) -> np.ndarray:
    from oddspec.products.colours import composite

    with scene.open() as cube:
        scores = np.zeros(scene.shape[:2])  # every pixel counts for the colours
        return composite(cube, scores, _MOST_PIXELS, _MOST_PIXELS)[0]
