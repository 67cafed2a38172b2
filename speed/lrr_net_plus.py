"""LRR-Net+: its default training, and what keeping a stage's arrays for the way back saves."""

import numpy as np

import oddspec
from oddspec.detectors.learned import _unfolded_network as unfolded
from oddspec.detectors.learned.lrr_net_plus import LRRNetPlus
from speed.machine import seconds, seconds_in_turn
from speed.rednmf import scene


def run(small: bool = False) -> None:
    """Print all rows of the table; ``small`` only shows that they can be measured."""
    cube = scene(*((24, 26, 12) if small else (100, 100, 200)))
    h, w, b = cube.shape
    settings = {"stages": 4, "epochs": 2} if small else {}
    whole = seconds(lambda: oddspec.detect(cube, "lrr_net_plus", **settings), 1)
    how = LRRNetPlus(**settings)
    print(f"lrr_net_plus, {h} x {w} x {b}, {how.stages} stages, {how.epochs} epochs: {whole:.1f} s")
    training(cube.reshape(-1, b)[: how.training], LRRNetPlus(**{"epochs": 2, **settings}))


def training(pixels: np.ndarray, how: LRRNetPlus) -> None:
    """Fits with all stages kept for the way back, and with all but the first computed again."""
    sample = how.summarise(pixels, np.arange(len(pixels)))
    limit = unfolded.SAVED_BYTES

    def fit(saved_bytes: float) -> None:
        unfolded.SAVED_BYTES = saved_bytes
        try:
            how.fit(sample)
        finally:
            unfolded.SAVED_BYTES = limit

    kept, again = seconds_in_turn([lambda: fit(limit), lambda: fit(0)], 3)
    print(
        f"  {how.epochs} epochs on {len(pixels)} pixels: {kept:.2f} s; with stages computed "
        f"again instead of kept {again / kept:.1f} times as long"
    )
