"""Telling formats apart, and what is said of files that are not scenes."""

import gzip
import pickle
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest
import rasterio
import scipy.io

from oddspec.errors import InputError
from oddspec.io.formats import format_of
from oddspec.io.open import READERS, open_source

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

CUBE = np.random.default_rng(5).integers(0, 500, (7, 6, 5)).astype(np.int16)


def write(kind, path):
    if kind == "NPY":
        with open(path, "wb") as file:
            np.save(file, CUBE)
    elif kind == "NPZ":
        with open(path, "wb") as file:
            np.savez(file, cube=CUBE)
    elif kind == "MATLAB 5":
        scipy.io.savemat(path, {"cube": CUBE}, appendmat=False)
    elif kind == "HDF5":
        with h5py.File(path, "w") as file:
            file["cube"] = CUBE
    elif kind == "NetCDF-3":
        with scipy.io.netcdf_file(path, "w") as file:
            for name, length in zip("ijk", CUBE.shape, strict=True):
                file.createDimension(name, length)
            file.createVariable("cube", "h", ("i", "j", "k"))[:] = CUBE
    elif kind == "MATLAB 7.3":
        with h5py.File(path, "w", userblock_size=512) as file:
            file["cube"] = CUBE.T
        with open(path, "r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file".ljust(512))
    elif kind == "GeoTIFF":
        with rasterio.open(
            path, "w", driver="GTiff", height=7, width=6, count=5, dtype="int16"
        ) as file:
            file.write(CUBE.transpose(2, 0, 1))


@pytest.mark.parametrize("kind", ["NPY", "MATLAB 5", "MATLAB 7.3", "HDF5", "NetCDF-3", "GeoTIFF"])
@pytest.mark.parametrize("name", ["scene", "scene.dat", "scene.tif", "scene.mat", "scene.h5"])
def test_content_counts_not_the_name(tmp_path, kind, name):
    path = tmp_path / name
    write(kind, path)
    assert format_of(path) == kind
    source = open_source(str(path))
    assert source.path == path
    np.testing.assert_array_equal(source.read((0, 7), (0, 6)), CUBE)


def test_envi_data_may_begin_with_anything(make_envi):
    for begin in (b"BM", b"\x1f\x8b", b"PK\x03\x04", b"<?xml", b"\x80\x04"):
        cube = CUBE.copy()
        cube.reshape(-1).view(np.uint8)[: len(begin)] = np.frombuffer(begin, np.uint8)
        source = open_source(make_envi(cube, "bip"))
        assert source.format == "ENVI"
        np.testing.assert_array_equal(source.read((0, 7), (0, 6)), cube)


def test_every_reader_has_the_same_face(tmp_path, make_envi):
    path = tmp_path / "scene.npz"
    write("NPZ", path)
    paths = [path, make_envi(CUBE)]
    for kind in ("NPY", "MATLAB 5", "MATLAB 7.3", "HDF5", "NetCDF-3", "GeoTIFF"):
        paths.append(tmp_path / kind)
        write(kind, paths[-1])
    for path in paths:
        source = open_source(path, max_memory=10**7)
        assert source.path.exists()
        assert source.name
        assert source.format in (
            "ENVI", "GeoTIFF", "MATLAB 5", "MATLAB 7.3", "NumPy", "HDF5", "NetCDF-3",
        )  # fmt: skip
        assert source.shape == (7, 6, 5)
        assert source.dtype == np.int16
        # What NetCDF writes where nothing was written.
        assert source.metadata.nodata == (-32767 if source.format == "NetCDF-3" else None)
        np.testing.assert_array_equal(source.read((2, 5), (1, 6)), CUBE[2:5, 1:6])
        source.close()
    assert len(READERS) == 8


@pytest.mark.parametrize(
    "path",
    [
        "https://example.org/scene.tif",
        "s3://bucket/scene.tif",
        "/vsicurl/https://example.org/x.tif",
        "/vsizip/scene.zip/x.tif",
        "zip://scene.zip!x.tif",
        "file:///etc/passwd",
    ],
)
def test_remote_paths(path):
    with pytest.raises(InputError, match="is a remote address, which is not opened") as caught:
        open_source(path)
    assert str(caught.value).startswith(path)


def test_missing_files_and_folders(tmp_path):
    write("NPY", tmp_path / "scene.npy")
    with pytest.raises(InputError, match=r"sceen.npy: does not exist; did you mean scene.npy\?"):
        open_source(tmp_path / "sceen.npy")
    with pytest.raises(InputError, match=r"scene.img: does not exist; did you mean scene.npy\?"):
        open_source(tmp_path / "scene.img")
    with pytest.raises(InputError, match=r"qqq: does not exist$"):
        open_source(tmp_path / "qqq")
    with pytest.raises(InputError, match="neither does the folder"):
        open_source(tmp_path / "no" / "scene.npy")
    with pytest.raises(InputError, match=r"is a folder; name a file in it, such as scene\.npy"):
        open_source(tmp_path)
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "zarr.json").write_text("{}")
    with pytest.raises(InputError, match="Zarr store, which is not supported yet"):
        open_source(tmp_path / "store")
    with pytest.raises(InputError, match=r"cannot be read \(File name too long\)"):
        open_source(tmp_path / ("x" * 5000))
    with pytest.raises(InputError, match="no regular file"):
        open_source("/dev/zero")


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was run",))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("x.bin", b"", "is empty"),
        ("x.txt", b"hello", "no known format; oddspec reads ENVI.*x.hdr is missing"),
        ("x.nc", b"CDF\x05" + bytes(100), "NetCDF-3 with 64-bit data; convert it with: nccopy"),
        ("x.hdf", b"\x0e\x03\x13\x01" + bytes(100), "HDF4"),
        ("x.gz", gzip.compress(b"x", mtime=0), "compressed .gzip.; unpack it first"),
        ("x.jpg", b"\xff\xd8\xff\xe0", "JPEG picture"),
        ("x.png", b"\x89PNG\r\n\x1a\n", "PNG picture, not a hyperspectral scene"),
        ("x.bmp", b"BM" + bytes(60), "BMP picture"),
        ("x.html", b"<html>login", "login page"),
        ("x.pkl", pickle.dumps(Trap()), "pickled Python object or model"),
        ("x.dat", pickle.dumps(Trap()), "pickled Python object or model"),
        ("x.pt", b"PK\x03\x04" + bytes(100), "pickled Python object or model"),
        ("x.joblib", b"\x78\x9c" + bytes(100), "pickled Python object or model"),
        ("x.txt", b"ENVI\nsamples = 3\n", "ENVI header; rename it so that it ends in .hdr"),
        ("x.hdr", b"hello", "is no ENVI header"),
    ],
)
def test_what_is_no_scene(tmp_path, name, content, expected):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=expected) as caught:
        open_source(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_archives_are_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("../x.img", b"x")
    with pytest.raises(InputError, match=r"is an archive \(zip\); unpack it first"):
        open_source(tmp_path / "x.zip")
    assert [p.name for p in tmp_path.iterdir()] == ["x.zip"]


def test_options_of_no_meaning_are_not_ignored(tmp_path, make_envi):
    with pytest.raises(InputError, match="ENVI files hold one cube; leave out --variable x"):
        open_source(make_envi(CUBE), variable="x")
    with pytest.raises(InputError, match="say what their axes are"):
        open_source(make_envi(CUBE), axes="row,column,band")


HEAVY = ["rasterio", "h5py", "scipy.io", "PIL", "matplotlib", "torch", "dask", "xarray", "affine"]


def test_nothing_heavy_is_imported_early():
    modules = "oddspec.io.open, oddspec.io.truth, oddspec.io.envi.writer"
    code = f"import {modules}, sys; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
