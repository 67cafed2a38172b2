"""Detectors that average what others find."""
