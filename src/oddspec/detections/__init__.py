"""Objects in a mask: connected pixels, found, measured and flagged."""

from oddspec.detections.find import (
    IN_CROWDED_LINE,
    ON_DEAD_LINE,
    ON_SCENE_EDGE,
    TOUCHES_MASKED,
    find_detections,
    flag_detections,
)
from oddspec.detections.objects import Detection, Detections

__all__ = [
    "IN_CROWDED_LINE",
    "ON_DEAD_LINE",
    "ON_SCENE_EDGE",
    "TOUCHES_MASKED",
    "Detection",
    "Detections",
    "find_detections",
    "flag_detections",
]
