"""How much of signal and of noise a diffusion leaves that adds the same noise in every step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["STEPS", "Schedule", "schedule"]

STEPS = 1000
FIRST, LAST = 1e-4, 0.02
"""Variances of the noise that is added in the first and in the last step."""


@dataclass(frozen=True)
class Schedule:
    """How much of signal and of noise there is in a spectrum after some steps of the diffusion."""

    signal: float
    noise: float

    def __iter__(self) -> Any:
        return iter((self.signal, self.noise))


def schedule(time: int) -> Schedule:
    """Signal and noise after ``time`` steps that all add the same noise."""
    beta = np.linspace(FIRST, LAST, STEPS)[:time]
    alpha = 1 - beta
    # Products of all later factors; the last step has none.
    later = np.append(np.cumprod(alpha[::-1])[::-1][1:], 1.0)
    return Schedule(float(np.sqrt(np.prod(alpha))), float(np.sum(np.sqrt(beta * later))))
