"""Every made product, in one command from its files to a map: what is found lies on the targets."""

import json
from pathlib import Path

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from rasterio.features import geometry_mask

from oddspec.command import main
from oddspec.scenes.products import MADE_PRODUCTS, make_product

WITHOUT_A_MAP = ("hyspex", "resonon", "specim")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("product", MADE_PRODUCTS)
def test_from_file_to_map(product, tmp_path):
    files = make_product(tmp_path / "made", product, rows=96, columns=80)
    truths = {path.name: path for path in files if "truth" in path.name}
    truth = truths.get("truth_map.tif") or next(iter(truths.values()))
    words = ["detect", files[0], "--out", tmp_path / "out", "--truth", truth, "--progress", "none"]
    words += ["--threshold", "top", "--fraction", "0.004"]
    assert main([str(word) for word in words]) == 0
    (folder,) = Path(tmp_path / "out").iterdir()
    record = json.loads((folder / "run.json").read_text())
    assert record["metrics"]["auc_pd_pf"] > 0.94
    assert record["scene"]["product"]
    assert record["scene"]["unit"]
    with rasterio.open(folder / "scores.tif") as layer, rasterio.open(truth) as known:
        if product in WITHOUT_A_MAP:
            assert layer.crs is None
            return
        assert layer.crs == known.crs
        assert layer.shape == known.shape
        np.testing.assert_allclose(layer.transform[:6], known.transform[:6])
        targets, grid = known.read(1) == 1, layer.transform
    outlines = shapely.from_wkb(pyogrio.raw.read(folder / "detections.gpkg")[2])
    found = geometry_mask(outlines, targets.shape, grid, invert=True)
    # Thirty pixels are marked; the smallest targets fill a part of one.
    assert (found & targets).sum() >= 0.7 * targets.sum()
