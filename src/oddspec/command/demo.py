"""``make demo``: make a scene (or take the user's), detect, and say what to open."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from oddspec.command import main
from oddspec.scenes import make_scene


def demo() -> int:
    """Run the main job on a scene that the project's own scene maker writes, or on another."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scene", type=Path)
    chosen = parser.parse_args()
    arguments = ["detect", "--detector", "rx", "--out", str(chosen.out)]
    if chosen.scene is None:
        chosen.out.mkdir(parents=True, exist_ok=True)
        made = make_scene(
            chosen.out / "valley.img", seed=11, rotation=12.0, nodata_border=4, overwrite=True
        )
        print(f"made a scene with {len(made.targets)} implanted targets: {made.data}")
        scene = made.data
        arguments += ["--truth", str(made.truth)]
    else:
        scene = chosen.scene
    status = main([*arguments, str(scene)])
    if not status:
        # The folder is named by the reader, and its report is the newest one.
        report = max(chosen.out.glob("*/report.html"), key=lambda path: path.stat().st_mtime_ns)
        print(f"\nOpen {report} in a browser.")
    return status


if __name__ == "__main__":
    sys.exit(demo())
