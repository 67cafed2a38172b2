"""Detectors as users might write them, as the text of their files."""

HEAD = '''
import os
import time
import warnings
from dataclasses import dataclass

import numpy as np

from oddspec.detector import SceneResult, Insight, SceneDetector
from oddspec.errors import NotConverged


@dataclass(frozen=True)
class Mine(SceneDetector):
    """Distance to the mean.

    Parameters
    ----------
    weight
        Any.
    seed
        Of the jitter.
    log
        File that tells which runs were begun.
    """

    weight: float = 1.0
    seed: int = 0
    log: str = ""

    def memory(self, height, width, bands):
        return {memory}

    def examine(self, cube, valid, progress=lambda *_: None):
        if self.log:
            with open(self.log, "a") as file:
                file.write(f"{{self.weight}} {{self.seed}}\\n")
        curve = Insight("objective", "curve", 1 / np.arange(1.0, 1201), "falls")
        scores = np.linalg.norm(cube - cube[valid].mean(axis=0), axis=2) * self.weight
        scores += 1e-3 * np.random.default_rng(self.seed).random(scores.shape)
        {deed}
        return SceneResult(np.where(valid, scores, np.nan), (curve,))
'''

DEEDS = {
    "good": "pass",
    "raises": "raise ZeroDivisionError('no luck')",
    "hangs": "time.sleep(3600)",
    "exits": "os._exit(7)",
    "crashes": "os.kill(os.getpid(), 11)",
    # The system gives memory when it is written to.
    "hoards": "hoard = [np.ones(25_000_000) for _ in iter(lambda: time.sleep(0.03), 1)]",
    "overreaches": "np.empty(10**15)",
    "unconverged": "warnings.warn('the gap is 0.3', NotConverged)",
    "picks": "scores[scores > np.quantile(scores, 0.9)] = np.nan",
    "mute": "scores[:] = np.nan",
    "bare": "return scores",
    "narrow": "return SceneResult(scores[:, :1])",
    "slow": "time.sleep(0.1)",
}


def write(folder, deed, memory="0"):
    """The detector that does that, as a file; its path."""
    path = folder / f"{deed}.py"
    path.write_text(HEAD.format(deed=DEEDS[deed], memory=memory))
    return path
