"""Detectors that explain a scene as sums of a few non-negative spectra."""
