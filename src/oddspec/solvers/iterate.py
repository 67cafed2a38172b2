"""Repeating a solver's step until it has converged."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from oddspec.errors import NotConverged
from oddspec.progress import Progress

State = TypeVar("State")


def iterate(
    step: Callable[[State], State],
    start: State,
    *,
    gap: Callable[[State, State], Any],
    tol: float,
    max_iter: int,
) -> Iterator[State]:
    """The states after each step, until ``gap(previous, state) <= tol``.

    Parameters
    ----------
    step
        Gives the next state.
    start
        State before the first step; not yielded.
    gap
        How far from done: a number that tends to zero.
    tol
        Where to stop.
    max_iter
        Most steps.

    Warns
    -----
    NotConverged
        After ``max_iter`` steps, with the gap that was reached.
    """
    state = start
    left = float("inf")
    for _ in range(max_iter):
        previous, state = state, step(state)
        yield state
        left = float(gap(previous, state))
        if left <= tol:
            return
    warnings.warn(
        f"not converged after {max_iter} steps: the gap is {left:.2g}, the tolerance {tol:.2g}",
        NotConverged,
        stacklevel=2,
    )


def converge(
    step: Callable[[State], State],
    start: State,
    *,
    gap: Callable[[State, State], Any],
    tol: float,
    max_iter: int,
) -> State:
    """The last state that `iterate` gives."""
    state = start
    for state in iterate(step, start, gap=gap, tol=tol, max_iter=max_iter):  # noqa: B007
        pass
    return state


def iterate_recorded(
    step: Callable[[State], State],
    start: State,
    *,
    gap: Callable[[State, State], Any],
    tol: float,
    max_iter: int,
    figure: Callable[[State], Any],
    progress: Progress,
    stage: str,
) -> tuple[State, np.ndarray]:
    """The last state that `iterate` gives, and the figure of each of its states.

    Parameters
    ----------
    figure
        What is kept of a state: a number or a tuple of numbers.
    progress, stage
        Called after every step, with the name of the stage.
    """
    state, figures = start, []
    for state in iterate(step, start, gap=gap, tol=tol, max_iter=max_iter):
        figures.append(figure(state))
        progress(len(figures), max_iter, stage)
    return state, np.array(figures)
