"""Detectors with trained networks."""
