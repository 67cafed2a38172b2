"""The main job: one scene in, its anomalies out, on disk."""

from oddspec.job.options import Options, Result
from oddspec.job.work import detect_scene

__all__ = ["Options", "Result", "detect_scene"]
