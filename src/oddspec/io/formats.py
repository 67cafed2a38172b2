"""Which format a file has: by its content first, by its name second."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

from oddspec.errors import InputError
from oddspec.io.envi.reader import find_header
from oddspec.io.reading import reading

_HDF5 = b"\x89HDF\r\n\x1a\n"
_REMOTE = re.compile(r"^(/vsi|[A-Za-z][A-Za-z0-9+.\-]+:/)")

_MAGIC = {
    b"II*\0": "GeoTIFF",
    b"MM\0*": "GeoTIFF",
    b"II+\0": "GeoTIFF",
    b"MM\0+": "GeoTIFF",
    b"\x93NUMPY": "NPY",
    b"MATLAB 5.0": "MATLAB 5",
    b"CDF\x01": "NetCDF-3",
    b"CDF\x02": "NetCDF-3",
    b"\x89PNG\r\n\x1a\n": "PNG",
}

_WEAK_MAGIC = {b"BM": "BMP"}
"""Too short to be told from plain data that happen to begin so."""

_UNPACK = "unpack it first and open the file inside"
_PICKLE = (
    "is a pickled Python object or model, which could run any code when read; save the array as "
    ".npy or .npz"
)
_REFUSED_MAGIC = {
    b"CDF\x05": "is NetCDF-3 with 64-bit data; convert it with: nccopy -k nc4 OLD NEW",
    b"\x0e\x03\x13\x01": "is HDF4, which is not supported; convert it with: gdal_translate",
    b"\x1f\x8b": f"is compressed (gzip); {_UNPACK}",
    b"BZh": f"is compressed (bzip2); {_UNPACK}",
    b"\xfd7zXZ\0": f"is compressed (xz); {_UNPACK}",
    b"\x28\xb5\x2f\xfd": f"is compressed (zstd); {_UNPACK}",
    b"7z\xbc\xaf\x27\x1c": f"is an archive (7z); {_UNPACK}",
    b"Rar!": f"is an archive (rar); {_UNPACK}",
    b"PK\x03\x04": f"is an archive (zip); {_UNPACK}",
    b"\xff\xd8\xff": "is a JPEG picture, not a hyperspectral scene",
    b"GIF8": "is a GIF picture, not a hyperspectral scene",
    b"%PDF": "is a PDF document, not a hyperspectral scene",
    b"\0\0\0\x0cjP  ": "is JPEG 2000, which is not supported; convert it with: gdal_translate",
    b"NITF": "is NITF, which is not supported; convert it with: gdal_translate",
    b"<VRTDataset": "is a GDAL virtual dataset (VRT), which can point at any other file and is "
    "never followed; convert it with: gdal_translate",
    b"<?xml": "is an XML document, not a scene",
    b"<": "is a text document (HTML or XML), not a scene; was it downloaded from a login page?",
}

_PICKLE_NAMES = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")
_KNOWN = "ENVI, GeoTIFF, MATLAB (.mat), NumPy (.npy, .npz), HDF5 and NetCDF"


def format_of(name: str | os.PathLike[str]) -> str:
    """The format of a file.

    Returns
    -------
    ``ENVI``, ``GeoTIFF``, ``MATLAB 5``, ``MATLAB 7.3``, ``HDF5``, ``NetCDF-3``, ``NPY``, ``NPZ``,
    ``PNG``, ``BMP`` or, for a folder, ``Zarr``.

    Raises
    ------
    InputError
        If there is no such file, or it is of a kind that is never read; the message says why.
    """
    path = Path(name)
    if _REMOTE.match(str(name)):
        raise InputError(f"{name}: is a remote address, which is not opened; download the file")
    if not path.exists():
        raise InputError(_not_there(path))
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise InputError(f"{path}: is no regular file")
    with reading(path), open(path, "rb") as file:
        head = file.read(4096)
    return _by_content(path, head)


def _by_content(path: Path, head: bytes) -> str:
    suffix = path.suffix.lower()
    if suffix == ".hdr":
        return "ENVI"
    if any(head[place : place + 8] == _HDF5 for place in (0, 512, 1024, 2048)):
        return "MATLAB 7.3" if head.startswith(b"MATLAB 7.3") else "HDF5"
    if head.startswith(b"PK\x03\x04") and suffix == ".npz":
        return "NPZ"
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    # Plain data may begin with anything, so a header beside it counts more than weak signs.
    if find_header(path) is not None:
        return "ENVI"
    for magic, kind in _WEAK_MAGIC.items():
        if head.startswith(magic):
            return kind
    if suffix in _PICKLE_NAMES:
        raise InputError(f"{path}: {_PICKLE}")
    for magic, reason in _REFUSED_MAGIC.items():
        if head.lstrip().startswith(magic):
            raise InputError(f"{path}: {reason}")
    if re.match(rb"\x80[\x02-\x05]", head):
        raise InputError(f"{path}: {_PICKLE}")
    if suffix == ".mat" and head:
        # Level 4 files have no mark of their own.
        return "MATLAB 5"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"ENVI"):
        raise InputError(f"{path}: is an ENVI header; rename it so that it ends in .hdr")
    raise InputError(_unknown(path, head))


def _unknown(path: Path, head: bytes) -> str:
    if not head:
        return f"{path}: is empty"
    return (
        f"{path}: is of no known format; oddspec reads {_KNOWN}. If these are ENVI data, the "
        f"header {path.stem}.hdr is missing beside them"
    )


def _not_there(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"{path}: does not exist, and neither does the folder {folder}"
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    near = [name for name in names if Path(name).stem.lower() == path.stem.lower()]
    near += difflib.get_close_matches(path.name, names, n=3, cutoff=0.7)
    hint = f"; did you mean {' or '.join(dict.fromkeys(near[:3]))}?" if near else ""
    return f"{path}: does not exist{hint}"


def _folder(path: Path) -> str:
    if any((path / name).is_file() for name in (".zarray", ".zgroup", "zarr.json")):
        return "Zarr"
    with os.scandir(path) as entries:
        names = sorted(entry.name for entry in entries if entry.is_file())
    likely = [name for name in names if name.lower().endswith((".hdr", ".tif", ".mat", ".npy"))]
    hint = f", such as {', '.join(likely[:3])}" if likely else ""
    raise InputError(f"{path}: is a folder; name a file in it{hint}")
