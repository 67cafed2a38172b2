"""Benchmarks of time and memory, against the machine's limits and other libraries.

``python -m speed`` runs all and writes `docs/speed.md`'s tables to standard output;
``python -m speed rx`` runs one. Every figure is a median over repeats, and what is compared is
measured in turn in the same run, since machines are noisy.
"""
