"""Cameras of laboratories and drones: raw scans that are calibrated as they are read.

One file per camera; the rows of the table of families are in `oddspec.io.products`.
"""
