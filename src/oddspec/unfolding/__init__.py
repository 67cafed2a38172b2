"""Solvers as networks: a low-rank representation's step, unrolled, trained and kept.

`lrr_net` and `lrr_net_plus` are settings of what this folder does. `oddspec.solvers.dictionary`
has the step, `oddspec.learning.unfold` the training.
"""

from oddspec.unfolding.background import UnfoldedBackground
from oddspec.unfolding.fit import Unfolded, check

__all__ = ["Unfolded", "UnfoldedBackground", "check"]
