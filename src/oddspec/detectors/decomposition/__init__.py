"""Detectors that take a scene apart into a background of low rank and what is sparse or noise."""
