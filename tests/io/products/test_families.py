"""Readers that other packages bring."""

import re
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from oddspec.errors import InputError
from oddspec.io import products
from oddspec.io.open import open_source
from oddspec.io.products import Family
from oddspec.io.source import ArraySource


@pytest.fixture
def installed(monkeypatch):
    def install(reader):
        monkeypatch.setattr(f"{__name__}.BROUGHT", reader, raising=False)
        entry = EntryPoint("dotted", f"{__name__}:BROUGHT", products.READERS_GROUP)
        monkeypatch.setattr(products, "entry_points", lambda group: [entry])
        products._brought.cache_clear()

    yield install
    products._brought.cache_clear()


def test_a_reader_of_an_installed_package(installed, tmp_path, rng):
    (tmp_path / "a.dots").write_text("dots")
    cube = rng.normal(size=(4, 5, 6))
    installed(
        Family(
            "Dots",
            lambda path: path.suffix == ".dots",
            lambda path, max_memory=None: ArraySource(cube, name=path.stem, path=path),
        )
    )
    assert open_source(tmp_path / "a.dots").shape == (4, 5, 6)
    np.save(tmp_path / "b.npy", cube)
    assert open_source(tmp_path / "b.npy").format == "NumPy"


def test_readers_that_fail_are_named(installed, tmp_path):
    (tmp_path / "a.dots").write_text("dots")
    installed(Family("Dots", lambda path: 1 / 0, open))
    with pytest.raises(InputError, match=re.escape("reader 'dotted' (") + ".*division by zero"):
        open_source(tmp_path / "a.dots")
    installed("no reader")
    with pytest.raises(InputError, match=r"'dotted'.*is a str; expected"):
        open_source(tmp_path / "a.dots")
