"""Iterations that solve the detectors' problems: one pure step each, and what drives it."""
