"""The dual window, its border rule, and what the rings of neighbouring pixels have in common."""

from oddspec.windows.ring_grams import Ring, RingGrams
from oddspec.windows.window import ENOUGH, Tile, Window

__all__ = ["ENOUGH", "Ring", "RingGrams", "Tile", "Window"]
