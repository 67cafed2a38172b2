"""What only the detectors of one family share; detectors do not import one another."""
