"""What a run sees to for every detector."""

from dataclasses import dataclass

import torch

from oddspec.detector import SceneDetector, SceneResult
from oddspec.execution.resources import Resources
from oddspec.execution.run import run
from oddspec.execution.score_store import ScoreArray
from oddspec.io.source import ArraySource
from oddspec.scene import Scene

threads_seen = []


@dataclass(frozen=True)
class Examining(SceneDetector):
    def examine(self, cube, valid, *_):
        threads_seen.append(torch.get_num_threads())
        return SceneResult(cube[..., 0])

    def memory(self, height, width, bands):
        return 0


def test_pytorch_has_as_many_threads_as_there_are_workers_on_a_whole_scene(rng):
    before = torch.get_num_threads()
    scene = Scene.of(ArraySource(rng.normal(size=(8, 9, 3))))
    for workers in (1, 2):
        threads_seen.clear()
        run(scene, Examining(), ScoreArray(8, 9), Resources(workers=workers))
        assert threads_seen == [workers]
    assert torch.get_num_threads() == before
