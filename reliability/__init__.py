"""Runs that are killed, cut off from power or out of disk: what is kept, and what comes after."""
