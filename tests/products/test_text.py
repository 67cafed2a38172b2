import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddspec.products.text import counted, csv_cell, printable, shorten


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
