"""NetCDF-3: the same rules for axes, wavelengths, packing and place as NetCDF-4, by windows."""

import numpy as np
import pytest
from rasterio.crs import CRS
from scipy.io import netcdf_file

from oddspec.errors import InputError
from oddspec.io.open import open_here, open_source
from oddspec.io.truth import read_truth
from oddspec.scene import Scene

ROWS, COLUMNS, BANDS = 5, 4, 6
CUBE = np.tensordot([100, 10, 1], np.indices((ROWS, COLUMNS, BANDS)), 1).astype("i2")
WAVES = [400.0, 500, 600, 700, 800, 900]


def write(path, names, data, coordinates=(), version=1, record=None, **attributes):
    """A cube whose axes have names; of some there are coordinates and their unit."""
    with netcdf_file(path, "w", version=version) as file:
        for name, length in zip(names, data.shape, strict=True):
            file.createDimension(name, None if name == record else length)
        variable = file.createVariable("cube", data.dtype.char, names)
        variable[:] = data
        for name, value in attributes.items():
            setattr(variable, name, value)
        for name, (values, unit) in dict(coordinates).items():
            own = file.createVariable(name, "d", (name,))
            own[:] = values
            own.units = unit
    return path


@pytest.mark.parametrize("opener", [open_here, open_source], ids=["here", "child"])
@pytest.mark.parametrize("version", [1, 2])
def test_axes_by_the_names_of_dimensions(tmp_path, opener, version):
    data = CUBE.transpose(2, 0, 1)
    path = write(
        tmp_path / "a.nc",
        ("wavelength", "y", "x"),
        data,
        {"wavelength": (WAVES, "nm")},
        version,
        long_name="reflectance",
    )
    source = opener(path)
    assert (source.format, source.shape) == ("NetCDF-3", (ROWS, COLUMNS, BANDS))
    assert source.dtype == np.int16
    assert source.metadata.wavelengths.tolist() == WAVES
    assert source.metadata.description == "reflectance"
    assert source.read((1, 4), (2, 3)).tolist() == CUBE[1:4, 2:3].tolist()
    assert source.read((3, 3), (0, 2)).shape == (0, 2, BANDS)
    with pytest.raises(IndexError):
        source.read((0, ROWS + 1), (0, 1))
    source.close()


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("record", [None, "line"])
def test_types_and_records(tmp_path, dtype, record):
    data = (CUBE % 100).astype(dtype)
    path = write(tmp_path / "a.nc", ("line", "sample", "band"), data, record=record)
    source = open_here(path)
    read = source.read((0, ROWS), (1, 3))
    source.close()
    np.testing.assert_array_equal(read, data[:, 1:3])
    assert read.dtype == source.dtype == np.dtype(dtype)


def test_packing_is_that_of_the_conventions(tmp_path):
    data = CUBE.copy()
    data[4, 3] = -1
    path = write(
        tmp_path / "a.nc",
        ("y", "x", "band"),
        data,
        scale_factor=np.float32(0.5),
        add_offset=np.float32(10),
        _FillValue=np.int16(-1),
    )
    with Scene.of(open_source(path)) as scene:
        assert scene.source.dtype == np.float32
        assert scene.source.read((3, 4), (2, 3))[0, 0].tolist() == [
            170,
            170.5,
            171,
            171.5,
            172,
            172.5,
        ]
        assert np.argwhere(~scene.read((0, ROWS), (0, COLUMNS))[1]).tolist() == [[4, 3]]


@pytest.mark.parametrize(
    ("dtype", "fill"), [("i2", -32767), ("f4", 9.969209968386869e36), ("i4", -2147483647)]
)
def test_what_was_never_written_is_missing(tmp_path, dtype, fill):
    data = CUBE.astype(dtype)
    data[0, 1] = fill
    source = open_here(write(tmp_path / "a.nc", ("y", "x", "band"), data))
    assert source.metadata.nodata == data[0, 1, 0]
    source.close()


def test_place_by_coordinates_and_grid_mapping(tmp_path):
    path = write(
        tmp_path / "a.nc",
        ("y", "x", "band"),
        CUBE,
        {
            "y": (4_000_095.0 - 30 * np.arange(ROWS), "m"),
            "x": (500_015.0 + 30 * np.arange(COLUMNS), "m"),
        },
        grid_mapping="utm",
    )
    with netcdf_file(path, "a") as file:
        file.createVariable("utm", "i", ()).crs_wkt = CRS.from_epsg(32611).to_wkt()
    source = open_source(path)
    place = source.metadata.georeference
    source.close()
    assert place.crs.to_epsg() == 32611
    assert tuple(place.transform)[:6] == (30, 0, 500_000, 0, -30, 4_000_110)


def test_axes_can_be_said_and_the_cube_be_named(tmp_path):
    path = write(tmp_path / "a.nc", ("a", "b", "c"), CUBE.transpose(2, 0, 1))
    source = open_source(path, variable="cube", axes="band,row,column")
    assert source.read((1, 2), (2, 3))[0, 0].tolist() == CUBE[1, 2].tolist()
    source.close()
    with pytest.raises(InputError, match="has no variable 'other'; it holds cube"):
        open_source(path, variable="other")


def test_truth(tmp_path):
    truth = np.zeros((ROWS, COLUMNS), "i2")
    truth[1, 2], truth[0, 0] = 1, -99
    with netcdf_file(tmp_path / "t.nc", "w") as file:
        file.createDimension("y", ROWS)
        file.createDimension("x", COLUMNS)
        variable = file.createVariable("truth", "h", ("y", "x"))
        variable[:] = truth
        variable.missing_value = np.int16(-99)
    found = read_truth(tmp_path / "t.nc", (ROWS, COLUMNS))
    assert np.argwhere(found == 1).tolist() == [[1, 2]]
    assert np.argwhere(np.ma.getmaskarray(found)).tolist() == [[0, 0]]


@pytest.mark.parametrize("kept", [30, 100, -200])
def test_cut_off_file(tmp_path, kept):
    path = write(tmp_path / "a.nc", ("y", "x", "band"), CUBE)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"a\.nc: is damaged, or no NetCDF-3 file"):
        open_source(path)


def test_claims_beyond_the_file_allocate_nothing(tmp_path):
    path = write(tmp_path / "a.nc", ("y", "x", "band"), CUBE)
    content = path.read_bytes()
    length = ROWS.to_bytes(4, "big")
    path.write_bytes(content.replace(length, (2**31 - 1).to_bytes(4, "big"), 1))
    with pytest.raises(InputError, match=r"is damaged, or no NetCDF-3 file"):
        open_here(path)
