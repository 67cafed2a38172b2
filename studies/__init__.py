"""Accuracy studies; each prints or writes the tables that the documentation quotes."""
