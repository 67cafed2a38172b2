"""README's table: areas under the ROC curve with default settings, on the user's public scenes.

``python -m studies.first_table DIR`` looks for the scenes in DIR by checksum, whatever the files
are called, and prints a Markdown table.
"""

import sys
import time

import numpy as np

import oddspec
from oddspec.files.truth import read_truth
from oddspec.scenes import recognise

SCENES = (
    *("abu-airport-1", "abu-airport-2", "abu-airport-4", "abu-beach-1", "abu-beach-3"),
    *("abu-urban-1", "abu-urban-2", "abu-urban-3", "abu-urban-5"),
    *("pavia-crop", "sandiego-2", "hydice-162", "hydice-175"),
)
DETECTORS = ("rx", "pca_rx", "local_rx", "crd")


def main(folder: str) -> None:
    """Print the table."""
    paths = {
        scene.name: path
        for path, scene, _ in recognise(folder)
        if scene is not None and scene.name in SCENES
    }
    areas = np.full((len(SCENES), len(DETECTORS)), np.nan)
    seconds = np.zeros(len(DETECTORS))
    print("| scene | " + " | ".join(f"`{name}`" for name in DETECTORS) + " |")
    print("|---" * (1 + len(DETECTORS)) + "|")
    for row, name in zip(areas, SCENES, strict=True):
        if name in paths:
            scene = oddspec.open(paths[name])
            truth = read_truth(paths[name], scene.shape[:2])
            for j, detector in enumerate(DETECTORS):
                start = time.perf_counter()
                scores = oddspec.detect(scene, detector)
                seconds[j] += time.perf_counter() - start
                row[j] = oddspec.evaluate(scores, truth > 0)["auc_pd_pf"]
        print(f"| {name} | " + " | ".join(f"{area:.4f}" for area in row) + " |")
    print("| **mean** | " + " | ".join(f"**{mean:.4f}**" for mean in areas.mean(axis=0)) + " |")
    print("| seconds per scene | " + " | ".join(f"{s / len(paths):.1f}" for s in seconds) + " |")


if __name__ == "__main__":
    main(sys.argv[1])
