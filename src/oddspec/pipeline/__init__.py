"""The main job: one scene in, its anomalies out, on disk."""

from oddspec.pipeline.folder import folder_name
from oddspec.pipeline.options import PipelineOptions
from oddspec.pipeline.scene_run import detect_scene
from oddspec.report import DetectionResult

__all__ = ["DetectionResult", "PipelineOptions", "detect_scene", "folder_name"]
