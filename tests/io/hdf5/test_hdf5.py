"""HDF5 and NetCDF-4: the meaning of axes, packing, and ways out of the file."""

import contextlib
import threading

import h5py
import numpy as np
import pytest
from rasterio.crs import CRS

from oddspec.errors import BudgetError, InputError, SettingError
from oddspec.io.open import open_source
from oddspec.scene import Scene

CUBE = np.random.default_rng(5).integers(-500, 500, (7, 6, 5)).astype(np.int16)
ALL = (0, 7), (0, 6)


@pytest.fixture
def file(tmp_path):
    with h5py.File(tmp_path / "scene.h5", "w") as file:
        yield file


def opened(file, **settings):
    file.flush()
    path = file.filename
    file.close()
    return open_source(path, **settings)


def with_dimensions(file, names, data=CUBE, coordinates=(), name="cube"):
    """A dataset whose axes are named in NetCDF's way."""
    dataset = file.create_dataset(name, data=data)
    for axis, dimension in enumerate(names):
        values = dict(coordinates).get(dimension, np.arange(data.shape[axis]))
        scale = file.create_dataset(dimension, data=values)
        bare = dimension not in dict(coordinates)
        scale.make_scale(
            "This is a netCDF dimension but not a netCDF variable" if bare else dimension
        )
        dataset.dims[axis].attach_scale(scale)
    return dataset


@pytest.mark.parametrize("dtype", ["u1", "i1", ">i2", "<u4", "f2", ">f4", "f8", "i8"])
@pytest.mark.parametrize("chunks", [None, (3, 4, 5), (7, 6, 1)])
def test_types_and_windows(file, dtype, chunks):
    cube = (np.abs(CUBE) % 100).astype(dtype)
    file.create_dataset("cube", data=cube, chunks=chunks, compression="gzip" if chunks else None)
    source = opened(file)
    assert source.shape == (7, 6, 5)
    assert source.block == (chunks and chunks[:2])
    read = source.read((2, 6), (1, 5))
    np.testing.assert_array_equal(read, cube[2:6, 1:5])
    assert read.dtype == source.dtype == np.dtype(dtype).newbyteorder("=")
    assert source.read((3, 3), (1, 5)).shape == (0, 4, 5)
    with pytest.raises(IndexError):
        source.read((0, 8), (0, 6))
    source.close()


@pytest.mark.parametrize(
    ("names", "axes"),
    [
        (("band", "y", "x"), (1, 2, 0)),
        (("lat", "lon", "wavelength"), (0, 1, 2)),
        (("x", "y", "bands"), (1, 0, 2)),
        (("channel", "samples", "lines"), (2, 1, 0)),
        (("line", "spectral", "sample"), (0, 2, 1)),
        (("foo", "wavelengths", "bar"), (0, 2, 1)),
        (("foo", "y", "band"), (1, 0, 2)),
    ],
)
@pytest.mark.parametrize("label", [True, False])
def test_axes_by_name(file, names, axes, label):
    if label:
        dataset = file.create_dataset("cube", data=CUBE)
        for axis, name in enumerate(names):
            dataset.dims[axis].label = name
    else:
        with_dimensions(file, names)
    source = opened(file)
    expected = CUBE.transpose(axes)
    assert source.shape == expected.shape
    np.testing.assert_array_equal(source.read((1, 4), (2, 5)), expected[1:4, 2:5])
    assert source.metadata.notes == ()


def test_axes_by_the_number_of_wavelengths(file):
    file["cube"] = CUBE
    file["meta/wavelengths"] = np.linspace(400, 900, 6)
    file["meta/wavelengths"].attrs["units"] = "nm"
    source = opened(file)
    assert source.shape == (7, 5, 6)
    np.testing.assert_array_equal(source.metadata.wavelengths, np.linspace(400, 900, 6))
    assert "since there are 6 wavelengths" in source.metadata.notes[0]


def test_axes_without_names(file):
    file["cube"] = CUBE
    source = opened(file)
    assert source.shape == (7, 6, 5)
    assert "have no names: taken as row, column, band" in source.metadata.notes[0]


@pytest.mark.parametrize(
    ("shape", "likely"), [((5, 20, 30), "band,row,column"), ((40, 5, 30), "row,band,column")]
)
def test_axes_that_cannot_be_told(file, shape, likely):
    file["cube"] = np.zeros(shape)
    path = file.filename
    with pytest.raises(InputError, match=f"no names.*--axes {likely} or --axes row,column,band"):
        opened(file)
    order = likely.split(",")
    length = dict(zip(order, shape, strict=True))
    assert open_source(path, axes=likely).shape == (length["row"], length["column"], length["band"])
    with pytest.raises(SettingError, match="expected row, column and band"):
        open_source(path, axes="x,y,z")


def test_choices(file):
    file["a/one"] = CUBE
    file["b/two"] = CUBE + 1
    file["flat"] = np.zeros((3, 4))
    file["text"] = "hello"
    file["complex"] = CUBE + 1j
    path = file.filename
    with pytest.raises(InputError, match=r"several cubes: a/one \(7 x 6 x 5, int16\), b/two"):
        opened(file)
    for name in ("b/two", "/b/two"):
        np.testing.assert_array_equal(open_source(path, variable=name).read(*ALL), CUBE + 1)
    with pytest.raises(InputError, match="has no variable 'b/three'; it holds a/one"):
        open_source(path, variable="b/three")
    with pytest.raises(InputError, match=r"complex \(7 x 6 x 5, complex128\) is no cube"):
        open_source(path, variable="complex")
    with pytest.raises(InputError, match="is a group, not a variable"):
        open_source(path, variable="b")


def test_empty(file):
    file["cube"] = np.zeros((3, 0, 4))
    with pytest.raises(InputError, match="is empty"):
        opened(file)


# Coordinates.


def test_netcdf_coordinates(file):
    with_dimensions(
        file,
        ("wavelength", "y", "x"),
        CUBE.transpose(2, 0, 1),
        {
            "wavelength": [0.4, 0.5, 0.6, 0.7, 2.5],
            "y": np.linspace(4000, 3940, 7),
            "x": 500 + 20.0 * np.arange(6),
        },
    )
    file["wavelength"].attrs["units"] = "micrometers"
    file["cube"].attrs["grid_mapping"] = "crs"
    mapping = file.create_dataset("crs", data=0)
    mapping.attrs["crs_wkt"] = CRS.from_epsg(32633).to_wkt()
    source = opened(file)
    np.testing.assert_array_equal(source.read(*ALL), CUBE)
    meta = source.metadata
    np.testing.assert_allclose(meta.wavelengths, [400, 500, 600, 700, 2500])
    assert meta.georeference.crs == CRS.from_epsg(32633)
    assert tuple(meta.georeference.transform)[:6] == (20, 0, 490, 0, -10, 4005)
    assert meta.notes == ()


def test_degrees_without_a_system_are_wgs84(file):
    with_dimensions(
        file,
        ("lat", "lon", "band"),
        coordinates={"lat": np.linspace(50, 49.4, 7), "lon": np.linspace(10, 11, 6)},
    )
    file["lat"].attrs["units"] = "degrees_north"
    meta = opened(file).metadata
    assert meta.georeference.crs == CRS.from_epsg(4326)
    np.testing.assert_allclose(
        tuple(meta.georeference.transform)[:6], (0.2, 0, 9.9, 0, -0.1, 50.05)
    )
    assert "read as WGS 84" in meta.notes[0]


def test_uneven_coordinates_are_noted(file):
    with_dimensions(
        file,
        ("y", "x", "band"),
        coordinates={"y": [0, 1, 2, 3, 4, 5, 9], "x": np.arange(6.0)},
    )
    meta = opened(file).metadata
    assert meta.georeference is None
    assert "not evenly spaced" in meta.notes[0]


# Packing.


def test_fill_value_is_nodata(file):
    file["cube"] = CUBE
    file["cube"].attrs["_FillValue"] = np.int16(CUBE[2, 3, 1])
    source = opened(file)
    assert source.metadata.nodata == CUBE[2, 3, 1]
    assert source.dtype == np.int16
    _, valid = Scene.of(source).read(*ALL)
    np.testing.assert_array_equal(valid, (CUBE[2, 3, 1] != CUBE).all(axis=2))


def test_packed_values(file):
    file["cube"] = CUBE
    file["cube"].attrs.update(
        {"_FillValue": np.int16(-999), "scale_factor": 0.5, "add_offset": 100.0}
    )
    file["cube"][2, 3, 1] = -999
    source = opened(file)
    expected = CUBE * 0.5 + 100
    expected[2, 3, 1] = np.nan
    read = source.read(*ALL)
    np.testing.assert_array_equal(read, expected)
    assert read.dtype == source.dtype == np.float64
    assert source.metadata.nodata is None


def test_packing_in_float32(file):
    file["cube"] = CUBE
    file["cube"].attrs["scale_factor"] = np.float32(0.01)
    source = opened(file)
    assert source.read(*ALL).dtype == source.dtype == np.float32
    np.testing.assert_allclose(source.read(*ALL), CUBE * 0.01, rtol=1e-6)


def test_several_fill_values(file):
    file["cube"] = CUBE
    file["cube"][0, 0, 0], file["cube"][1, 1, 1] = -998, -999
    file["cube"].attrs["_FillValue"] = np.int16(-999)
    file["cube"].attrs["missing_value"] = np.int16(-998)
    source = opened(file)
    read = source.read(*ALL)
    assert source.dtype == read.dtype == np.float32
    assert np.argwhere(np.isnan(read)).tolist() == [[0, 0, 0], [1, 1, 1]]


def test_unsigned_in_signed(file):
    file["cube"] = np.full((7, 6, 5), -1, np.int8)
    file["cube"].attrs["_Unsigned"] = "true"
    file["cube"].attrs["_FillValue"] = np.int8(-2)
    source = opened(file)
    assert (source.read(*ALL) == 255).all()
    assert source.dtype == np.uint8
    assert source.metadata.nodata == 254


def test_what_netcdf_leaves_unwritten(file):
    fill = np.float32(9.969209968386869e36)
    file.create_dataset("cube", (7, 6, 5), "f4", chunks=(1, 6, 5), fillvalue=fill)
    file["cube"][:3] = CUBE[:3]
    _, valid = Scene.of(opened(file)).read(*ALL)
    assert valid.sum() == 18


def test_a_fill_value_of_no_meaning(file):
    file.create_dataset("cube", data=CUBE, fillvalue=0)
    assert opened(file).metadata.nodata is None


def test_attributes_of_no_use_are_noted(file):
    file["cube"] = CUBE
    file["cube"].attrs["scale_factor"] = "much"
    file["cube"].attrs["valid_min"] = 3
    file["cube"].attrs["_FillValue"] = 1e30
    notes = " ".join(opened(file).metadata.notes)
    assert "'scale_factor' is no single number" in notes
    assert "valid range were not applied" in notes
    assert "1e+30 cannot occur in int16" in notes


# Row 17 of docs/inputs.md: ways out of the file, and lies about sizes.


def test_external_storage(file, tmp_path):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(CUBE.tobytes())
    file.create_dataset("cube", CUBE.shape, "i2", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
    path = file.filename
    with pytest.raises(InputError, match=r"cube \(7 x 6 x 5, stored in another file"):
        opened(file)
    with pytest.raises(
        InputError, match=r"external storage.*never followed|stored in another file"
    ):
        open_source(path, variable="cube")
    with h5py.File(path) as plain:
        # What h5py does by itself.
        np.testing.assert_array_equal(plain["cube"][()], CUBE)


def test_external_links(file, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as other:
        other["cube"] = CUBE
    file["cube"] = h5py.ExternalLink("secret.h5", "/cube")
    file["group"] = h5py.ExternalLink("secret.h5", "/")
    file["soft"] = h5py.SoftLink("/group/cube")
    path = file.filename
    with pytest.raises(InputError, match="it holds nothing"):
        opened(file)
    for name in ("cube", "group/cube", "soft"):
        with pytest.raises(
            InputError, match=r"link to another file \('secret.h5'\).*never followed"
        ):
            open_source(path, variable=name)


def test_virtual_datasets(file, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as other:
        other["cube"] = CUBE
    layout = h5py.VirtualLayout(CUBE.shape, "i2")
    layout[...] = h5py.VirtualSource(tmp_path / "secret.h5", "cube", shape=CUBE.shape)
    file.create_virtual_dataset("cube", layout)
    path = file.filename
    with pytest.raises(InputError, match="put together from other files"):
        opened(file)
    with pytest.raises(InputError, match="put together from other files"):
        open_source(path, variable="cube")


def test_coordinates_in_another_file(file, tmp_path):
    (tmp_path / "secret.bin").write_bytes(np.arange(5.0).tobytes())
    dataset = file.create_dataset("cube", data=CUBE)
    external = [(str(tmp_path / "secret.bin"), 0, 40)]
    scale = file.create_dataset("band", (5,), "f8", external=external)
    scale.make_scale("band")
    dataset.dims[2].attach_scale(scale)
    with pytest.raises(InputError, match="external storage"):
        opened(file)


def test_links_within_the_file_are_fine(file):
    file["deep/cube"] = CUBE
    file["soft"] = h5py.SoftLink("/deep/cube")
    file["deep/near"] = h5py.SoftLink("cube")
    file["loop"] = h5py.SoftLink("/loop")
    file["round/again"] = h5py.SoftLink("/round/again/x")
    path = file.filename
    np.testing.assert_array_equal(opened(file).read(*ALL), CUBE)
    for name in ("soft", "deep/near"):
        np.testing.assert_array_equal(open_source(path, variable=name).read(*ALL), CUBE)
    for name in ("loop", "round/again"):
        with pytest.raises(InputError, match="has no variable"):
            open_source(path, variable=name)


def test_groups_within_themselves(file):
    file["a/cube"] = CUBE
    file["a/b"] = file["a"]
    np.testing.assert_array_equal(opened(file).read(*ALL), CUBE)


def test_declared_terabytes(file):
    file.create_dataset("cube", (10**5, 10**5, 200), "f8", chunks=(100, 100, 10))
    path = file.filename
    with pytest.raises(InputError, match=r"claims 16 TB but the file stores only 0 bytes"):
        opened(file)
    assert path.endswith("scene.h5")


def test_declared_terabytes_in_one_piece(file):
    file.create_dataset("cube", (10**5, 10**5, 200), "f8")
    with pytest.raises(InputError, match=r"claims 16 TB"):
        opened(file)


def test_chunks_larger_than_the_budget(file):
    data = np.random.default_rng(0).integers(0, 9, (100, 100, 200)).astype("f8")
    file.create_dataset("cube", data=data, chunks=data.shape, compression="gzip")
    path = file.filename
    with pytest.raises(BudgetError, match=r"one chunk needs 32 MB of memory, but .*10 MB"):
        opened(file, max_memory=10**7)
    np.testing.assert_array_equal(open_source(path).read((5, 6), (0, 100)), data[5:6])


def test_awkward_chunks_are_noted(file):
    data = np.ones((2000, 100, 50), "u1")
    file.create_dataset("cube", data=data, chunks=(1000, 100, 10))
    path = file.filename
    source = opened(file, max_memory=10**7)
    assert "strips of less than 1000 rows unpack chunks again" in source.metadata.notes[-1]
    assert open_source(path).block == (1000, 100)


def test_damaged(file):
    file.create_dataset("cube", data=CUBE, chunks=(7, 6, 5), compression="gzip")
    path = file.filename
    file.close()
    with open(path, "rb") as plain:
        whole = plain.read()
    for cut in (600, 1500, len(whole) - 100):
        with open(path, "wb") as plain:
            plain.write(whole[:cut])
        with pytest.raises(InputError, match=r"scene\.h5: is damaged"):
            open_source(path).read(*ALL)
    for place in range(0, len(whole), 97):
        broken = bytearray(whole)
        broken[place : place + 4] = b"\xff\xfe\xfd\xfc"
        with open(path, "wb") as plain:
            plain.write(broken)
        with contextlib.suppress(InputError, BudgetError):
            open_source(path).read(*ALL)


def test_threads_read_the_same(file):
    file.create_dataset("cube", data=CUBE, chunks=(2, 3, 5), compression="gzip")
    source = opened(file)
    wrong = []

    def work(start):
        for _ in range(30):
            if not np.array_equal(source.read((start, 7), (1, 6)), CUBE[start:, 1:]):
                wrong.append(start)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
