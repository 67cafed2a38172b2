import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddspec.text import (
    bytes_text,
    counted,
    csv_cell,
    duration_text,
    gigabytes,
    megabytes,
    printable,
    shorten,
)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 pixels"), (1, "1 pixel"), (1.0, "1 pixel"), (1.004, "1 pixel"), (0.62, "0.62 pixels"),
     (7, "7 pixels"), (123.4, "123 pixels"), (1200, "1,200 pixels")],
)  # fmt: skip
def test_things_are_counted_in_words(count, text):
    assert counted(count, "pixel") == text


@given(st.text())
def test_printable_holds_no_control_characters(text):
    assert printable(text).isprintable()
    assert len(printable(text)) == len(text)


@given(st.text())
def test_no_cell_is_a_formula(text):
    cell = csv_cell(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("value", [-1.5, 3, 0.0])
def test_numbers_stay_numbers(value):
    assert csv_cell(value) is value


@given(st.text(), st.integers(3, 40))
def test_shortened_text_keeps_both_ends(text, length):
    short = shorten(text, length)
    assert len(short) <= max(length, 1)
    if len(text) <= length:
        assert short == text
    else:
        assert short.startswith(text[0])
        assert short.endswith(text[-1])


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "–"), (0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (1.5e9, "1.5 GB"),
     (3.25e15, "3.25 PB"), (4e18, "4e+03 PB")],
)  # fmt: skip
def test_bytes_are_given_in_the_unit_that_suits_them(count, text):
    assert bytes_text(count) == text


def test_sizes_to_compare_are_given_in_one_unit():
    assert (gigabytes(2.5e8), megabytes(1.25e9), megabytes(1.25e6, 1)) == (
        "0.25 GB", "1,250 MB", "1.2 MB",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7501, "2 h 5 min")],
)
def test_durations(seconds, text):
    assert duration_text(seconds) == text
