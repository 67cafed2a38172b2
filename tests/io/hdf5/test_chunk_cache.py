"""How often chunks are read and unpacked, by the bytes that are read of their file."""

import io

import h5py
import numpy as np
import pytest

from oddspec.io.hdf5.reader import open_hdf5
from oddspec.scene import Scene


class CountingFile(io.FileIO):
    """A file that counts the bytes that are read of it."""

    count = 0

    def readinto(self, buffer):
        found = super().readinto(buffer)
        CountingFile.count += found
        return found


@pytest.fixture
def bytes_read(monkeypatch):
    opened = h5py.File

    def counting(path, mode, **options):
        return opened(CountingFile(path) if mode == "r" else path, mode, **options)

    monkeypatch.setattr("h5py.File", counting)
    CountingFile.count = 0
    return lambda: CountingFile.count


@pytest.mark.parametrize(
    ("shape", "chunks"),
    [
        ((128, 240, 20), (64, 64, 20)),  # the last chunk of a row is cut off by the scene's edge
        ((128, 240, 20), (64, 64, 16)),  # so is the last one of a spectrum
        ((80, 1242, 18), (40, 39, 9)),  # as EMIT's
    ],
)
def test_a_pass_by_strips_unpacks_each_chunk_once(tmp_path, bytes_read, shape, chunks):
    path = tmp_path / "cube.h5"
    values = np.random.default_rng(0).integers(0, 100, shape, dtype=np.int16)
    with h5py.File(path, "w") as file:
        file.create_dataset("cube", values.shape, "i2", chunks=chunks, compression=1)[...] = values
    source = open_hdf5(path, max_memory=1_000_000_000)
    before = bytes_read()
    tops = np.arange(0, shape[0], 8)
    # Workers do not begin in turn: the second strip comes first, the fourth before the third.
    for top in tops.reshape(-1, 2)[:, ::-1].ravel().tolist():
        strip = source.read((top, top + 8), (0, shape[1]))
        np.testing.assert_array_equal(strip, values[top : top + 8])
    source.close()
    assert 0.9 < (bytes_read() - before) / path.stat().st_size < 1.02


def test_the_cache_takes_an_eighth_of_the_budget_at_most_in_whole_chunks(tmp_path):
    path = tmp_path / "cube.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("cube", (200, 250, 30), "f4", chunks=(50, 100, 20), compression="gzip")
        chunk = 50 * 100 * 20 * 4
    # Three chunks cover the columns, two the bands; two such rows of chunks are kept at best.
    for budget, kept in [(10**9, 12), (8 * 5 * chunk + 1000, 5), (8 * chunk - 1, 0)]:
        with Scene.of(open_hdf5(path, max_memory=budget)) as scene:
            assert scene.source.cache == kept * chunk
