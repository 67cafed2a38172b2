"""The main job: one scene in, its anomalies out, on disk."""

from oddspec.pipeline.folder import folder_name
from oddspec.pipeline.options import Options, Result
from oddspec.pipeline.work import detect_scene

__all__ = ["Options", "Result", "detect_scene", "folder_name"]
