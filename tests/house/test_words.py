"""What is said of detectors: the words of ``unit`` and ``cost``, a section in the docs, the blocks.

CONTRIBUTING.md lists these words; another one may be added there and here.
"""

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

from oddspec import detectors, settings

ROOT = Path(__file__).parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

MEASURES = (
    "squared Mahalanobis distance",
    "sum of two squared Mahalanobis distances",
    "squared reconstruction error",
    "length",
    "sum of",
    "mean over",
    "l1 distance from",
    "fused features",
    "radians",
)
"""How a unit begins: what was measured."""

SCALES = ("in the scene's units", "scaled")
"""How it may go on after a comma: a score in the scene's units, or of pixels that were scaled."""

SIZES = {"n", "b", "s", "r", "k", "K", "m", "p", "w"}
"""Letters of ``cost``: pixels, bands, ring pixels, rank, ..."""

COUNTED = {"steps", "stages", "training", "selected", "removals", "rounds"}
COUNTED |= {"sweep", "sweeps", "atoms", "pixels", "cluster", "clusters", "exponentials", "min"}
SMALL_WORDS = {"per", "with", "that", "of", "its", "members"}


def possible_units(name):
    """The score's unit with the default settings, and with each choice of a setting."""
    cls = detectors.load(name)
    found = {cls().score_unit}
    for setting in settings.describe(cls):
        for choice in setting.kind_name.split("|"):
            try:
                found.add(settings.build(cls, {setting.name: choice}).score_unit)
            except ValueError:
                continue  # no choice, or one that other settings forbid
    return found


@pytest.mark.parametrize("name", detectors.names())
def test_a_unit_is_said_in_the_words_of_the_others(name):
    for unit in possible_units(name):
        assert unit.startswith(MEASURES), f"{unit!r}: see the words of units in CONTRIBUTING.md"
        _, _, scale = unit.partition(", ")
        assert scale in ("", *SCALES), f"{unit!r}: see the words of units in CONTRIBUTING.md"


@pytest.mark.parametrize("name", detectors.names())
def test_a_cost_is_said_in_the_words_of_the_others(name):
    cls = detectors.load(name)
    own = {setting.name for setting in settings.describe(cls)}
    known = SIZES | COUNTED | SMALL_WORDS | own
    assert set(re.findall(r"[A-Za-z_]+", cls.cost)) - known == set(), "see CONTRIBUTING.md"


def test_contributing_lists_these_words():
    for word in (*MEASURES, *SCALES, *sorted(SIZES)):
        assert f"`{word}`" in CONTRIBUTING, word


@pytest.mark.parametrize("name", detectors.names())
def test_the_docs_have_a_section_on_it(name):
    pages = sorted((ROOT / "docs" / "detectors").glob("*.md"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in pages)
    headings = re.findall(r"^##? (.+)$", text, re.MULTILINE)
    sections = {word for heading in headings for word in re.split(r"\W+", heading.lower())}
    assert name in sections, f"docs/detectors/{detectors.family_of(name)}.md lacks `## {name}`"


def building_blocks():
    """Names and module of each line in the tables of the page."""
    text = (ROOT / "docs" / "building_blocks.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| (`[^|]+) \| `(oddspec[\w.]+)` \|", text, re.MULTILINE)
    return [(re.findall(r"`(\w+)`", names), module) for names, module in lines]


@pytest.mark.parametrize(("names", "module"), building_blocks())
def test_building_blocks_are_where_the_page_says(names, module):
    found = importlib.import_module(module)
    assert [name for name in names if not hasattr(found, name)] == []


def test_modules_that_the_docs_name_are_there():
    """As ``oddspec.solvers.nmf`` in running text."""
    for path in (ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))):
        for name in re.findall(r"`(oddspec(?:\.\w+)+)`", path.read_text(encoding="utf-8")):
            assert _exists(name), f"{path.name}: {name}"


def _exists(name):
    """Whether that is a module, or something in one."""
    module, _, last = name.rpartition(".")
    try:
        return importlib.util.find_spec(name) is not None or hasattr(
            importlib.import_module(module), last
        )
    except ModuleNotFoundError:
        return hasattr(importlib.import_module(module), last)
