"""What is implanted into a scene, where, and how much of each pixel it fills."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from oddspec.errors import SettingError
from oddspec.scenes.lattice import generator
from oddspec.scenes.spectra import TARGETS

_SHAPES = ((1, 1, 1.0), (2, 2, 1.0), (1, 1, 0.5), (2, 3, 1.0), (1, 1, 0.3), (1, 2, 0.6),
           (3, 3, 1.0), (1, 1, 0.15))  # fmt: skip
"""Height, width and abundance of the targets of a plan, in turn."""
_REACH = 3 + 4
"""Pixels that the largest of them needs with the gap to its neighbours."""


@dataclass(frozen=True)
class Target:
    """A block of pixels of which each is filled to the part ``abundance`` by one material.

    ``row`` and ``column`` are those of its upper left pixel; ``abundance`` is above 0 and at most
    1; ``material`` is one of `oddspec.scenes.spectra.TARGETS`.
    """

    row: int
    column: int
    height: int
    width: int
    abundance: float
    material: str

    def __post_init__(self) -> None:
        for name, least in (("row", 0), ("column", 0), ("height", 1), ("width", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise SettingError(
                    f"target {name}={value!r}: expected a whole number of at least {least}"
                )
        if not 0.0 < self.abundance <= 1.0:
            raise SettingError(
                f"target abundance={self.abundance!r}: expected a number above 0 and at most 1"
            )
        if self.material not in TARGETS:
            raise SettingError(
                f"target material={self.material!r}: expected one of {', '.join(TARGETS)}"
            )


def plan_targets(
    count: int | None, rows: int, columns: int, *, border: int, avoid: Collection[int], seed: int
) -> tuple[Target, ...]:
    """Targets of all sizes, abundances and materials in turn, spread over the scene.

    The scene inside the border is cut into equal cells, and a cell holds at most one target, away
    from its edges and from the rows to avoid. Without a count there is one target for every
    64 x 64 pixels, from 4 to 400 of them, as far as there is room.

    Raises
    ------
    SettingError
        If there is no room for the count asked for.
    """
    height, width = rows - 2 * border, columns - 2 * border
    room = max(height // _REACH, 0) * max(width // _REACH, 0)
    required = count is not None
    if count is None:
        count = min(max(rows * columns // 4096, 4), 400, room)
    if not count:
        return ()
    if count > room:
        raise SettingError(
            f"targets={count}: {rows} x {columns} pixels with nodata_border={border} have room "
            f"for {room} at most; ask for fewer or for a larger scene"
        )
    down, across = _grid(count, height, width)
    rng = generator(seed, "targets")
    materials = tuple(TARGETS)
    found: list[Target] = []
    for cell in rng.permutation(down * across).tolist():
        if len(found) == count:
            break
        number = len(found)
        tall, wide, abundance = _SHAPES[number % len(_SHAPES)]
        # Shifted by one after each round: a shape does not always get the same material.
        material = materials[(number + number // len(materials)) % len(materials)]
        top, bottom = _inner(cell // across, down, height)
        left, right = _inner(cell % across, across, width)
        starts = [
            row
            for row in range(border + top, border + bottom - tall + 1)
            if not any(line in avoid for line in range(row, row + tall))
        ]
        if starts:
            row = starts[int(rng.integers(len(starts)))]
            column = border + int(rng.integers(left, right - wide + 1))
            found.append(Target(row, column, tall, wide, abundance, material))
    if required and len(found) < count:
        raise SettingError(
            f"targets={count}: the bad lines leave room for {len(found)} only; ask for fewer"
        )
    return tuple(sorted(found, key=lambda target: (target.row, target.column)))


def check_targets(
    targets: Sequence[Target], rows: int, columns: int, *, border: int
) -> tuple[Target, ...]:
    """The same targets in order of position.

    Raises
    ------
    SettingError
        If one reaches into the border or beyond the scene, or two overlap.
    """
    taken: dict[tuple[int, int], Target] = {}
    for target in targets:
        bottom, right = target.row + target.height, target.column + target.width
        if (
            min(target.row, target.column) < border
            or bottom > rows - border
            or right > columns - border
        ):
            raise SettingError(
                f"{target} reaches beyond rows {border} to {rows - border - 1} and columns "
                f"{border} to {columns - border - 1}, which hold data"
            )
        for row in range(target.row, bottom):
            for column in range(target.column, right):
                other = taken.setdefault((row, column), target)
                if other is not target:
                    raise SettingError(f"{target} overlaps {other}")
    return tuple(sorted(targets, key=lambda target: (target.row, target.column)))


def _grid(count: int, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of cells, as square as can be, at least ``count`` in all."""
    options = [(down, -(-count // down)) for down in range(1, height // _REACH + 1)]
    fitting = [(d, a) for d, a in options if width // a >= _REACH]
    return min(fitting, key=lambda cells: abs(np.log((height / cells[0]) / (width / cells[1]))))


def _inner(number: int, cells: int, length: int) -> tuple[int, int]:
    """First and end position of a cell without its edges."""
    return number * length // cells + 2, (number + 1) * length // cells - 2
