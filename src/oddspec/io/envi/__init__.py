"""ENVI: a text header beside binary data."""
