"""Detectors that compare a pixel with a distribution fitted to the background."""
