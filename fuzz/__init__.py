"""Mutated files for every reader: what is odd must end in a sentence, never in a traceback."""
