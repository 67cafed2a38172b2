"""NumPy files: windows, budgets, and nothing that runs code."""

import io
import threading
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddspec.errors import BudgetError, InputError
from oddspec.io.npz import open_npz
from oddspec.io.numpy_file import open_npy
from oddspec.io.open import open_source
from oddspec.scene import Scene

CUBE = np.random.default_rng(5).integers(-500, 500, (7, 6, 5)).astype(np.int16)


@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i2", ">f4", "f8", "f2", "<u8"])
@pytest.mark.parametrize("order", "CF")
def test_types_and_orders(tmp_path, dtype, order):
    path = tmp_path / "scene.npy"
    cube = np.array(np.abs(CUBE), dtype=dtype, order=order)
    np.save(path, cube)
    source = open_source(path)
    read = source.read((1, 6), (2, 5))
    np.testing.assert_array_equal(read, cube[1:6, 2:5])
    assert read.dtype == source.dtype
    assert read.dtype.isnative
    assert source.name == "scene"
    assert source.format == "NumPy"


@given(data=st.data(), fortran=st.booleans(), axes=st.permutations(["row", "column", "band"]))
def test_windows_equal_slices(tmp_path_factory, data, fortran, axes):
    path = tmp_path_factory.mktemp("npy", numbered=True) / "scene.npy"
    np.save(path, np.asfortranarray(CUBE) if fortran else CUBE)
    cube = CUBE.transpose([axes.index(axis) for axis in ("row", "column", "band")])
    h, w, _ = cube.shape
    rows = tuple(sorted(data.draw(st.tuples(st.integers(0, h), st.integers(0, h)))))
    columns = tuple(sorted(data.draw(st.tuples(st.integers(0, w), st.integers(0, w)))))
    source = open_source(path, axes=",".join(axes))
    assert source.shape == cube.shape
    np.testing.assert_array_equal(source.read(rows, columns), cube[slice(*rows), slice(*columns)])
    source.close()


@pytest.mark.parametrize("order", "CF")
def test_a_window_takes_little_more_memory_than_itself(tmp_path, order):
    path = tmp_path / "scene.npy"
    np.save(path, np.zeros((300, 200, 100), dtype="i2", order=order))
    source = open_source(path)
    tracemalloc.start()
    read = source.read((100, 130), (0, 200))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < read.nbytes + 4.2 * 2**20


def test_threads_read_the_same(tmp_path):
    path = tmp_path / "scene.npy"
    cube = np.random.default_rng(0).normal(size=(40, 30, 20))
    np.save(path, cube)
    source = open_source(path)
    wrong = []

    def work(start):
        for _ in range(50):
            if not np.array_equal(
                source.read((start, start + 5), (3, 30)), cube[start : start + 5, 3:]
            ):
                wrong.append(start)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 40, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_truncated(tmp_path):
    path = tmp_path / "scene.npy"
    np.save(path, CUBE)
    whole = path.read_bytes()
    path.write_bytes(whole[:-71])
    with pytest.raises(
        InputError, match=f"has {len(whole) - 71} bytes.*asks for {len(whole)}.*trunc"
    ):
        open_source(path)
    _, valid = Scene.of(open_source(path, allow_truncated=True)).read((0, 7), (0, 6))
    assert valid.sum() == (CUBE.size - 36) // 5
    path.write_bytes(whole[:128])
    with pytest.raises(InputError, match="not even a thousandth"):
        open_source(path, allow_truncated=True)
    path.write_bytes(whole + b"more")
    source = open_source(path)
    assert "the rest was not read" in source.metadata.notes[0]
    np.testing.assert_array_equal(source.read((0, 7), (0, 6)), CUBE)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.zeros((3, 4)), "expected three dimensions"),
        (np.zeros((3, 0, 4)), "none of them empty"),
        (np.zeros((3, 4, 5), complex), "is complex"),
        (np.zeros((3, 4, 5), bool), "of type bool"),
        (np.zeros((3, 4, 5), np.longdouble), "up to 64 bits"),
        (np.zeros((3, 4, 5), "U3"), "expected integers or floating"),
        (np.zeros((3, 4, 5), [("a", "f8")]), "expected integers"),
        (np.zeros((3, 4, 5), object), "pickled Python objects"),
    ],
)
def test_other_arrays(tmp_path, array, expected):
    path = tmp_path / "scene.npy"
    np.save(path, array, allow_pickle=True)
    with pytest.raises(InputError, match=expected):
        open_source(path)


@pytest.mark.parametrize(
    "damage",
    [b"\x93NUMPY", b"\x93NUMPY\x09\x00", b"\x93NUMPY\x01\x00\x10\x00{'shape': (3,)}  "],
)
def test_damaged_headers(tmp_path, damage):
    path = tmp_path / "scene.npy"
    path.write_bytes(damage)
    with pytest.raises(InputError, match="no readable NumPy header"):
        open_source(path)


def header_of(shape):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f8", "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue()


def test_impossible_shapes_are_not_allocated(tmp_path):
    path = tmp_path / "scene.npy"
    for shape in [(10**6, 10**6, 10**6), (-1, 4, 5), (True, 4, 5)]:
        path.write_bytes(header_of(shape))
        with pytest.raises(InputError, match=r"impossible shape|not even|is truncated"):
            open_npy(path)


@pytest.mark.parametrize("name", ["scene.npy", "scene.npz"])
def test_a_header_that_is_longer_than_any_is_not_read(tmp_path, name):
    """In an archive, gigabytes of it would take megabytes."""
    size = 50_000_000
    content = b"\x93NUMPY\x02\x00" + size.to_bytes(4, "little") + b" " * size
    path = tmp_path / name
    if name == "scene.npy":
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            file.writestr("data.npy", content)
    del content
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="has no readable NumPy header"):
            open_source(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_npz(tmp_path):
    path = tmp_path / "scene.npz"
    np.savez_compressed(
        path, cube=CUBE, truth=np.zeros((7, 6)), wavelengths=[400, 500, 600, 700, 8e2]
    )
    source = open_source(path)
    np.testing.assert_array_equal(source.read((2, 7), (0, 6)), CUBE[2:])
    np.testing.assert_array_equal(source.metadata.wavelengths, [400, 500, 600, 700, 800])
    turned = open_source(path, axes="band,row,column")
    np.testing.assert_array_equal(turned.read((0, 6), (0, 5)), CUBE.transpose(1, 2, 0))


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_axes_that_could_be_read_in_two_ways(tmp_path, suffix):
    path = tmp_path / f"scene.{suffix}"

    def notes(shape, axes=None):
        with open(path, "wb") as file:
            {"npy": np.save, "npz": np.savez}[suffix](file, np.zeros(shape))
        return open_source(path, axes=axes).metadata.notes

    for shape, order in [((12, 30, 40), "band,row,column"), ((30, 12, 40), "row,band,column")]:
        place = "first" if order.startswith("band") else "second"
        with pytest.raises(
            InputError,
            match=f"the bands could be the {place} or the third one; say which with "
            f"--axes {order} or --axes row,column,band$",
        ):
            notes(shape)
    assert notes((30, 40, 12)) == notes((80, 100, 162)) == ()
    assert notes((12, 30, 40), "row,column,band") == ()
    assert notes((12, 30, 40), "band,row,column") == ()


def test_npz_choices(tmp_path):
    path = tmp_path / "scene.npz"
    np.savez(path, one=CUBE, two=CUBE + 1, flag=np.zeros(3, bool))
    with pytest.raises(
        InputError, match=r"several cubes: one \(7 x 6 x 5, int16\), two .*--variable"
    ):
        open_source(path)
    np.testing.assert_array_equal(open_source(path, variable="two").read((0, 7), (0, 6)), CUBE + 1)
    with pytest.raises(InputError, match="has no variable 'three'; it holds one"):
        open_source(path, variable="three")
    with pytest.raises(InputError, match=r"flag \(3, bool\) is no cube"):
        open_source(path, variable="flag")


def test_names_cannot_steer_a_terminal(tmp_path):
    path = tmp_path / "scene.npz"
    np.savez(path, **{"a\x1b[31m": CUBE, "b": CUBE})
    with pytest.raises(InputError, match=r"several cubes: 'a\\x1b\[31m' \(7 x 6 x 5, int16\), b "):
        open_source(path)


def test_npz_never_unpickles(tmp_path):
    path = tmp_path / "scene.npz"
    np.savez(path, cube=np.full((2, 2, 2), None, dtype=object))
    with pytest.raises(InputError, match="no three-dimensional array of real numbers"):
        open_source(path)


def test_npz_bombs(tmp_path):
    path = tmp_path / "scene.npz"
    np.savez_compressed(path, cube=np.zeros((600, 500, 500), "u1"))
    assert path.stat().st_size < 200_000
    with pytest.raises(BudgetError, match=r"needs 150 MB .*--max-memory allows 10 MB"):
        open_npz(path, max_memory=10**7)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("cube.npy", header_of((210, 210, 210)) + bytes(210**3 * 8))
    with pytest.raises(InputError, match=r"claims 74\.1 MB but the file stores only"):
        open_npz(path)


def test_npz_with_lies(tmp_path):
    path = tmp_path / "scene.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cube.npy", header_of((30, 30, 30)) + bytes(100))
    with pytest.raises(InputError, match="has 228 bytes, but its header asks for 216128"):
        open_source(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"damaged or unsupported \.npz"):
        open_source(path)
