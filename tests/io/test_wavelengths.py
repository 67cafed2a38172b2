"""Units of wavelengths."""

import numpy as np
import pytest

from oddspec.io.wavelengths import named_wavelengths, to_nanometres


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
