from dataclasses import dataclass

from oddspec.detector import Examined, SceneDetector
from oddspec.pixels import background_pixels, score_map
from oddspec.progress import silent
from oddspec.scaling import band01


@dataclass(frozen=True)
class Whole(SceneDetector):
    """Distance to the middle of the scaled scene."""

    def examine(self, cube, valid, progress=silent):
        pixels = background_pixels(cube, valid)
        scaled = band01(pixels)(pixels)
        return Examined(score_map(abs(scaled - 0.5).sum(axis=1), valid))

    def memory(self, height, width, bands):
        return 8 * height * width * bands
