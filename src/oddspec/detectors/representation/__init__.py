"""Detectors that rebuild a pixel from others and score what is left."""
