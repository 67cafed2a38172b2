"""Files of unsafe formats are read by a child process: same pixels, and a crash is an error."""

from concurrent.futures import ThreadPoolExecutor
from multiprocessing.shared_memory import SharedMemory

import h5py
import numpy as np
import pytest
from scipy.io import savemat

import oddspec
from oddspec.errors import InputError
from oddspec.io import isolated
from oddspec.io.isolated import IsolatedSource
from oddspec.io.open import open_here, open_source
from oddspec.io.truth import read_truth

CUBE = np.random.default_rng(0).normal(100, 5, (23, 17, 6)).astype(np.float32)


@pytest.fixture
def hdf5(tmp_path):
    path = tmp_path / "scene.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("cube", data=CUBE, chunks=(8, 8, 6), compression="gzip")
        file["wavelength"] = np.linspace(400, 900, 6)
    return path


def test_it_gives_what_reading_here_gives(hdf5, tmp_path):
    savemat(tmp_path / "scene.mat", {"data": CUBE})
    for path in (hdf5, tmp_path / "scene.mat"):
        there, here = open_source(path), open_here(path)
        assert isinstance(there, IsolatedSource)
        assert (there.shape, there.dtype, there.name) == (here.shape, here.dtype, here.name)
        assert there.metadata.notes == here.metadata.notes
        np.testing.assert_array_equal(there.metadata.wavelengths, here.metadata.wavelengths)
        for rows, columns in (((0, 23), (0, 17)), ((3, 9), (2, 3)), ((4, 4), (0, 17))):
            np.testing.assert_array_equal(there.read(rows, columns), here.read(rows, columns))
        there.close()


def test_windows_stay_as_they_are_while_others_are_read(hdf5):
    source = open_source(hdf5)
    windows = [((start, start + 3), (0, 17)) for start in range(20)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda window: source.read(*window), windows * 3))
    source.close()
    for (rows, columns), pixels in zip(windows * 3, found, strict=True):
        np.testing.assert_array_equal(pixels, CUBE[slice(*rows), slice(*columns)])


def test_shared_memory_is_given_back_when_pixels_outlive_their_source(hdf5, monkeypatch):
    taken, take = [], isolated._Buffers.take

    def noted(buffers, size):
        taken.append(take(buffers, size))
        return taken[-1]

    monkeypatch.setattr(isolated._Buffers, "take", noted)
    source = open_source(hdf5)
    pixels = source.read((0, 23), (0, 17))
    name = taken.pop().name
    source.close()
    np.testing.assert_array_equal(pixels, CUBE)
    del pixels
    with pytest.raises(FileNotFoundError):
        SharedMemory(name)


def test_a_crash_is_the_error_of_that_file(hdf5, monkeypatch):
    good = open_source(hdf5)
    bad = open_source(hdf5)
    bad._child._process.kill()
    with pytest.raises(InputError, match=r"scene.h5: is damaged: the library .* signal"):
        bad.read((0, 5), (0, 5))
    bad.close()
    np.testing.assert_array_equal(good.read((0, 5), (0, 5)), CUBE[:5, :5])
    good.close()
    assert oddspec.detect(hdf5).shape == (23, 17)


def test_a_crash_while_a_truth_is_read_is_an_error(tmp_path, monkeypatch):
    savemat(tmp_path / "truth.mat", {"map": np.eye(9, dtype=np.uint8)})
    assert read_truth(tmp_path / "truth.mat", (9, 9)).sum() == 9
    call = isolated.ChildProcess.call
    monkeypatch.setattr(
        isolated.ChildProcess, "call", lambda self, *_, **limits: call(self, "os:abort", **limits)
    )
    with pytest.raises(InputError, match=r"truth.mat: is damaged: the library"):
        read_truth(tmp_path / "truth.mat", (9, 9))


def test_a_closed_source_says_so(hdf5):
    source = open_source(hdf5)
    source.close()
    source.close()
    with pytest.raises(InputError, match="has been closed"):
        source.read((0, 1), (0, 1))


def test_children_wait_for_the_next_file(hdf5):
    one = open_source(hdf5)
    number = one._child._process.pid
    one.close()
    other = open_source(hdf5)
    assert other._child._process.pid == number
    other.close()
