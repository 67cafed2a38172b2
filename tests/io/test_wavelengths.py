"""Units of wavelengths."""

import numpy as np
import pytest

from oddspec.errors import InputError
from oddspec.io.source import Metadata
from oddspec.io.wavelengths import (
    good_to_bad,
    named_wavelengths,
    read_bad_bands,
    to_nanometres,
    wavelengths_in_names,
)


@pytest.mark.parametrize(
    ("values", "units", "expected"),
    [
        ([400, 2500], "Nanometers", [400, 2500]),
        ([400, 2500], "nm", [400, 2500]),
        ([0.4, 2.5], "Micrometers", [400, 2500]),
        ([0.4, 2.5], "um", [400, 2500]),
        ([0.4, 2.5], "µm", [400, 2500]),
        ([0.4, 2.5], " Microns ", [400, 2500]),
        ([4000, 25000], "Angstroms", [400, 2500]),
        ([1000, 4000], "cm-1", [10000, 2500]),
        ([1000, 4000], "Wavenumber", [10000, 2500]),
        ([300], "GHz", [999308.1933]),
        ([1e-6], "m", [1000]),
        ([0.0025], "mm", [2500]),
    ],
)
def test_units(values, units, expected):
    found, note = to_nanometres(values, units, len(values))
    np.testing.assert_allclose(found, expected)
    assert note is None


@pytest.mark.parametrize("units", ["Index", "Unknown", "furlongs"])
def test_units_that_are_none(units):
    found, note = to_nanometres([400, 500], units, 2)
    assert found is None
    assert units in note


def test_no_units():
    for values, expected in [([400, 2500], [400, 2500]), ([0.4, 2.5], [400, 2500])]:
        found, note = to_nanometres(values, None, 2)
        np.testing.assert_allclose(found, expected)
        assert "have no unit: read as" in note
    for values in ([1, 100], [1, 2000], [30000, 40000]):
        found, note = to_nanometres(values, "", 2)
        assert found is None
        assert "have no unit: ignored" in note


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([400, 500, 600], "3 wavelengths for 2 bands"),
        ([400, "x"], "not numbers"),
        ([400, np.nan], "not positive"),
        ([400, 0], "not positive"),
        ([400, -1], "not positive"),
    ],
)
def test_lists_that_cannot_be(values, expected):
    found, note = to_nanometres(np.array(values, dtype=object), "nm", 2)
    assert found is None
    assert expected in note


def test_by_name():
    assert named_wavelengths({"a": (5,), "meta/Wavelength": (1, 5), "cube": (5, 5, 5)}, 5) == (
        "meta/Wavelength"
    )
    assert named_wavelengths({"wavelength": (4,)}, 5) is None
    assert named_wavelengths({"wavelength": (5,), "wl": (5,)}, 5) is None
    assert named_wavelengths({"wavelength": (5, 5)}, 5) is None


@pytest.mark.parametrize(
    ("values", "units", "expected", "says"),
    [
        ([400, 2450], "Micrometers", [400, 2450], "cannot be in 'Micrometers': read as nanometres"),
        ([400, 2450], "UM", [400, 2450], "read as nanometres"),
        ([0.4, 2.45], "NANOMETERS", [400, 2450], "cannot be in 'NANOMETERS': read as micrometres"),
        ([0.4, 2.45], "nm", [400, 2450], "read as micrometres"),
        ([400, 2450], "Meters", [400, 2450], "read as nanometres"),
        ([8, 14], "mm", [8000, 14000], "read as micrometres"),
        ([400, 2450], "Angstroms", [400, 2450], "cannot be in 'Angstroms': read as nanometres"),
        ([1, 2000], "mm", None, "cannot be in 'mm': ignored"),
    ],
)
def test_units_that_contradict_the_numbers(values, units, expected, says):
    found, note = to_nanometres(values, units, 2)
    assert (found is None) if expected is None else np.allclose(found, expected)
    assert says in note


@pytest.mark.parametrize("units", ["Unknown", "um", None])
def test_numbers_with_units_behind_them(units):
    for values in (["450.2 nm", "2.5e3 nm"], ["450.2", "500 nm"]):
        assert to_nanometres(values, units, 2)[0] is None
    found, note = to_nanometres(np.array(["450.2 nm", "500 nm"], dtype=object), units, 2)
    np.testing.assert_allclose(found, [450.2, 500])
    assert note is None
    assert to_nanometres(["450.2 nm", "500 nm"], units, 3)[0] is None


def test_right_units_are_believed_in_any_case_of_letters():
    for units in ("MICROMETERS", "Micrometers", "um"):
        found, note = to_nanometres([7.5, 13.5], units, 2)
        np.testing.assert_allclose(found, [7500, 13500])
        assert note is None


@pytest.mark.parametrize("units", ["nm", None])
def test_bands_without_a_wavelength_are_bad(units):
    found, note = to_nanometres([0, 0, 400, 500, np.nan, 600], units, 6)
    np.testing.assert_array_equal(found, [np.nan, np.nan, 400, 500, np.nan, 600])
    assert note.endswith("bands without a wavelength (0), taken as bad: 1-2, 5")
    assert np.flatnonzero(Metadata(wavelengths=found).bad_bands).tolist() == [0, 1, 4]
    known = Metadata(wavelengths=found, bad_bands=np.arange(6) == 3).bad_bands
    assert np.flatnonzero(known).tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Band 1 (400.5 Nanometers)", "Band 2 (410 Nanometers)"], [400.5, 410]),
        (["0.45 µm", "2.2 µm"], [450, 2200]),
        (["B1: 450NM", "B2: 560NM"], [450, 560]),
        (["450.2", "460.3", "470.1"], [450.2, 460.3, 470.1]),
        (["0.45", "0.46"], [450, 460]),
        (["1", "2", "3"], None),
        (["201", "202", "203"], None),
        (["Band 1", "Band 2"], None),
        (["450 nm", "Band 2"], None),
        (["450 nm", "0.5 um"], None),
        (["470", "460"], None),
        ([None, None], None),
        (["1", "50"], None),
    ],
)
def test_wavelengths_in_band_names(names, expected):
    found, _ = wavelengths_in_names(names)
    if expected is None:
        assert found is None
    else:
        np.testing.assert_allclose(found, expected)


def test_lists_of_good_bands():
    assert good_to_bad([1, 0, 1.0], 3, "x")[0].tolist() == [False, True, False]
    assert good_to_bad([1, 0], 3, "x") == (
        None, "x is no list of 3 numbers, 0 for a bad band: ignored",
    )  # fmt: skip
    assert good_to_bad(["a", "b"], 2, "x")[0] is None
    assert read_bad_bands("a.hdr", ["1.0", "0"], 2).tolist() == [False, True]
    for items, says in [(["1"], "has 1 entries, but there are 2"), (["1", "x"], "than numbers")]:
        with pytest.raises(InputError, match=says):
            read_bad_bands("a.hdr", items, 2)
