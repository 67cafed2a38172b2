"""Executing detectors on scenes: tiles, workers, memory, and the store of scores."""
