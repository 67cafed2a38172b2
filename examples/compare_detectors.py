"""Compare detectors on a scene with a known truth, made on the spot."""

import tempfile
from pathlib import Path

import oddspec
from oddspec.io.truth import read_truth
from oddspec.scenes import make_scene

with tempfile.TemporaryDirectory() as folder:
    made = make_scene(Path(folder) / "valley.img", rows=96, columns=96, bands=60, seed=2)
    scene = oddspec.open(made.data)
    truth = read_truth(made.truth, scene.shape[:2])
    for name in ("rx", "pca_rx", "local_rx"):
        metrics = oddspec.evaluate(oddspec.detect(scene, name), truth)
        area, found = metrics["auc_pd_pf"], metrics["pd_at_pf_0.001"]
        print(f"{name:9} AUC {area:.4f}, PD at PF 0.001 {found:.2f}")
