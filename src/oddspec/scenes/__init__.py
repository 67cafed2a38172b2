"""Public scenes to compare with, and synthetic scenes to try things on."""

from oddspec.scenes.mixing import Renderer
from oddspec.scenes.public import PublicScene, SceneFile, SceneTruth, catalogue, find
from oddspec.scenes.recipe import Recipe
from oddspec.scenes.recognise import Recognised, recognise
from oddspec.scenes.synthetic import MadeScene, make_scene
from oddspec.scenes.targets import Target

__all__ = [
    "MadeScene",
    "PublicScene",
    "Recipe",
    "Recognised",
    "Renderer",
    "SceneFile",
    "SceneTruth",
    "Target",
    "catalogue",
    "find",
    "make_scene",
    "recognise",
]
