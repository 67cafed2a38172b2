"""Detectors that reconstruct a pixel from others and score what is left."""
