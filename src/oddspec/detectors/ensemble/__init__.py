"""Detectors that average the rankings of others."""
