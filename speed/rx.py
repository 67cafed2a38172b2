"""RX: against Spectral Python, the machine's limit, a file, and growing scenes."""

import tempfile
from pathlib import Path

import numpy as np

import oddspec
from speed.machine import matmul_rate, read_rate, seconds, seconds_in_turn


def scene(rows: int, columns: int, bands: int) -> np.ndarray:
    """Correlated bands as int16, as a sensor gives them."""
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((12, bands))
    out = np.empty((rows, columns, bands), np.int16)
    for row in out:
        row[:] = 2000 + 80 * (rng.standard_normal((columns, 12)) @ mixing)
        row += rng.integers(-20, 20, row.shape, dtype=np.int16)
    return out


def run(small: bool = False) -> None:
    """Print all rows of the table; ``small`` only shows that they can be measured."""
    in_memory(*((60, 80, 30) if small else (500, 1000, 200)))
    from_a_file(*((60, 80, 30) if small else (500, 1000, 200)))
    growth((10**3, 10**4) if small else (10**4, 10**5, 10**6, 10**7))


def in_memory(rows: int, columns: int, bands: int) -> None:
    """RX on an int16 array, against SPy's and the operations that RX needs."""
    import spectral

    cube = scene(rows, columns, bands)
    mine, theirs = seconds_in_turn([lambda: oddspec.detect(cube), lambda: spectral.rx(cube)], 3)
    agreement = np.abs(oddspec.detect(cube) / spectral.rx(cube) - 1).max()
    # A symmetric update and a triangular solve take n b^2 operations each.
    limit = 2 * rows * columns * bands**2 / matmul_rate()
    print(f"RX in memory, {rows} x {columns} x {bands} int16: {mine:.2f} s")
    print(f"  Spectral Python: {theirs:.2f} s, {theirs / mine:.1f} times as long")
    print(f"  scores differ by at most {agreement:.1e} (relative)")
    print(f"  share of the matrix-product limit: {limit / mine:.2f}")


def from_a_file(rows: int, columns: int, bands: int) -> None:
    """RX on an ENVI file, against the slower of RX in memory and plain reading (twice)."""
    from oddspec.io.envi.writer import EnviWriter

    cube = scene(rows, columns, bands)
    with tempfile.TemporaryDirectory() as folder:
        for interleave in ("bip", "bil", "bsq"):
            path = Path(folder) / f"{interleave}.img"
            with EnviWriter(
                path, rows=rows, columns=columns, bands=bands, dtype="int16", interleave=interleave
            ) as out:
                out.write_rows(0, cube)
            reading = 2 * path.stat().st_size / read_rate(path)
            mine, memory = seconds_in_turn(
                [lambda path=path: oddspec.detect(path), lambda: oddspec.detect(cube)], 3
            )
            print(
                f"RX from a file ({interleave}): {mine:.2f} s; in memory {memory:.2f} s, reading "
                f"twice {reading:.2f} s; share of the slower's rate: "
                f"{max(memory, reading) / mine:.2f}"
            )


def growth(sizes: tuple[int, ...], bands: int = 50) -> None:
    """Time per pixel as scenes grow."""
    whole = scene(1000, max(sizes) // 1000, bands)
    for size in sizes:
        part = whole.reshape(-1, bands)[:size].reshape(-1, min(size, 1000), bands)
        taken = seconds(lambda part=part: oddspec.detect(part, axes="row,column,band"), 3)
        print(f"RX, {size:.0e} pixels of {bands} bands: {1e9 * taken / size:.0f} ns per pixel")
