"""Which of a file's variables is the cube, and which the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError

_LISTED = 12

USUAL_NAMES = ("map", "gt", "truth", "mask", "groundtruth", "ground_truth", "label", "labels")
"""What truths are called in public scenes."""


@dataclass(frozen=True)
class Variable:
    """A variable of a file.

    Attributes
    ----------
    name
        As ``--variable`` takes it.
    shape
        Its lengths, in the order in which users of the format think of them.
    kind
        Its type in the format's own words.
    real
        Whether it is an array of real numbers.
    inside
        Whether it lies inside a structure: such a one is read where it is named, never unasked.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    real: bool
    inside: bool = False

    def __str__(self) -> str:
        size = " x ".join(map(str, self.shape)) or "scalar"
        # A name from the file must not be able to steer a terminal.
        name = self.name if self.name.isprintable() else ascii(self.name)
        return f"{name} ({size}, {self.kind})"


def squeezed(shape: Sequence[int], known: Sequence[bool] = ()) -> tuple[int, ...]:
    """Positions of the axes that remain of more than three when those of length 1 are dropped.

    Parameters
    ----------
    shape
        Lengths of the axes.
    known
        Of each axis whether its meaning is known: such ones are dropped last. The first ones go
        first otherwise.
    """
    kept = list(range(len(shape)))
    single = [axis for axis in kept if shape[axis] == 1]
    for axis in sorted(single, key=lambda axis: bool(known) and known[axis]):
        if len(kept) > 3:
            kept.remove(axis)
    return tuple(kept)


def is_cube(variable: Variable) -> bool:
    """Whether a variable is a cube of real numbers, but for axes of length 1."""
    return variable.real and len(squeezed(variable.shape)) == 3


def is_real(dtype: np.dtype[Any]) -> bool:
    """Whether values of this type are real numbers of at most 64 bits."""
    return dtype.kind in "iuf" and dtype.itemsize <= 8 and dtype.fields is None


def check_real(path: Path, what: str, dtype: np.dtype[Any]) -> None:
    """Raise `InputError` unless the values are real numbers of at most 64 bits."""
    if is_real(dtype):
        return
    if dtype.kind == "O":
        raise InputError(
            f"{path}: {what} holds pickled Python objects, which could run any code when read; "
            f"oddspec never reads those, save a plain array of numbers"
        )
    if dtype.kind == "c":
        raise InputError(
            f"{path}: {what} is complex ({dtype}), which is not supported; save its magnitude"
        )
    raise InputError(
        f"{path}: {what} is of type {dtype}; expected integers or floating point numbers of up "
        f"to 64 bits"
    )


def check_real_or_bool(path: Path, what: str, dtype: np.dtype[Any]) -> None:
    """Like `check_real`, but a mask of truth values will do as well."""
    if dtype != np.bool_:
        check_real(path, what, dtype)


def choose_cube(path: Path, variables: Iterable[Variable], wanted: str | None) -> Variable:
    """The variable of that name, or the only three-dimensional one of real numbers.

    Axes of length 1 beyond three do not count. An array with an axis of length 1 is taken only
    where there is no other cube: it may be a plane, or a list.

    Raises
    ------
    InputError
        If there is none or more than one; the message names the candidates.
    """
    everything = list(variables)
    if wanted is not None:
        chosen = _named(path, everything, wanted)
        if not is_cube(chosen):
            raise InputError(
                f"{path}: variable {chosen} is no cube; expected three dimensions of real numbers"
                f"{_cubes(everything)}"
            )
        return chosen
    cubes = [variable for variable in everything if is_cube(variable) and not variable.inside]
    full = [cube for cube in cubes if sum(length != 1 for length in cube.shape) == 3]
    cubes = full or cubes
    if len(cubes) == 1:
        return cubes[0]
    if not cubes:
        raise InputError(
            f"{path}: holds no three-dimensional array of real numbers; it holds "
            f"{_listed(everything)}"
        )
    raise InputError(
        f"{path}: holds several cubes: {_listed(cubes)}; choose one with --variable NAME"
    )


def choose_plane(
    path: Path, variables: Iterable[Variable], wanted: str | None, shape: tuple[int, int] | None
) -> Variable:
    """The two-dimensional variable of that name, or the only one with these rows and columns.

    Of several truths that fit a scene's shape, one that bears a usual name is taken. Without a
    shape, any plane of more than one row and column will do.

    Raises
    ------
    InputError
        If there is none or more than one; the message names the candidates, and those that would
        fit if rows and columns were swapped.
    """
    everything = list(variables)
    if wanted is not None:
        chosen = _named(path, everything, wanted)
        check_plane(path, f"variable {chosen}", chosen.shape, shape)
        if not chosen.real:
            raise InputError(f"{path}: variable {chosen} does not hold real numbers")
        return chosen
    planes = [v for v in everything if len(v.shape) == 2 and v.real and not v.inside]
    if shape is None:
        fitting = [plane for plane in planes if min(plane.shape) > 1]
        named = []
    else:
        fitting = [plane for plane in planes if plane.shape == shape]
        named = [plane for plane in fitting if plane.name.lower() in USUAL_NAMES]
    if len(fitting) == 1 or len(named) == 1:
        return (named or fitting)[0]
    if fitting:
        raise InputError(
            f"{path}: several variables could be meant: {_listed(fitting)}; choose one with "
            f"--truth-variable NAME (--variable NAME for scores)"
        )
    if shape is None:
        raise InputError(f"{path}: holds no image of rows and columns but {_listed(everything)}")
    if len(planes) == 1:
        check_plane(path, f"variable {planes[0]}", planes[0].shape, shape)
    swapped = [variable for variable in planes if variable.shape == shape[::-1]]
    hint = f"; {_listed(swapped)} would fit transposed" if swapped else ""
    raise InputError(
        f"{path}: no variable has the scene's {shape[0]} rows and {shape[1]} columns; it holds "
        f"{_listed(everything)}{hint}"
    )


def check_plane(
    path: Path, what: str, found: tuple[int, ...], shape: tuple[int, int] | None
) -> None:
    """Raise `InputError` unless an image has the scene's rows and columns."""
    if shape is None or found == shape:
        return
    hint = ""
    if found == shape[::-1]:
        hint = "; it is transposed: swap its rows and columns, or the scene's"
    raise InputError(
        f"{path}: {what} has the shape {' x '.join(map(str, found))}, but the scene has "
        f"{shape[0]} rows x {shape[1]} columns{hint}"
    )


def _named(path: Path, variables: list[Variable], wanted: str) -> Variable:
    for variable in variables:
        if variable.name.strip("/") == wanted.strip("/"):
            return variable
    raise InputError(f"{path}: has no variable {wanted!r}; it holds {_listed(variables)}")


def _cubes(variables: list[Variable]) -> str:
    cubes = [variable for variable in variables if is_cube(variable)]
    return f", such as {_listed(cubes)}" if cubes else ""


def _listed(variables: list[Variable]) -> str:
    if not variables:
        return "nothing"
    names = ", ".join(map(str, variables[:_LISTED]))
    return names + (f" and {len(variables) - _LISTED} more" if len(variables) > _LISTED else "")
