import inspect
from dataclasses import dataclass
from typing import Literal

import pytest

from oddspec.errors import SettingError
from oddspec.settings import (
    build,
    complete_docstring,
    describe,
    from_toml,
    kept,
    later,
    parameters_help,
    to_toml,
)


@dataclass(frozen=True)
class Example:
    """An example.

    Parameters
    ----------
    rank
        How many. In two
        lines.
    penalty
        How much.
    kind
        Which.

    Notes
    -----
    rank
        not this
    """

    rank: int = 3
    penalty: float | None = 0.5
    kind: Literal["a", "b"] = "a"
    fast: bool = False
    label: str = 'quote " and \\'


def test_help_comes_from_the_docstring():
    rank, penalty, kind, *_ = describe(Example)
    assert rank.help == "How many. In two lines."
    assert rank.default == 3
    assert (rank.kind_name, penalty.kind_name, kind.kind_name) == ("int", "float or none", "a|b")


@dataclass(frozen=True)
class Special(Example):
    """A special example.

    Parameters
    ----------
    penalty
        How much, in its own unit.
    more
        One more.

    Notes
    -----
    None.
    """

    more: int = 0


@dataclass(frozen=True)
class Plain(Special):
    """An example without settings of its own.

    References
    ----------
    None.
    """


class Bare(Special):
    __doc__ = None


@pytest.mark.parametrize("cls", [Special, Plain, Bare])
def test_the_nearest_class_that_explains_a_setting_is_heard(cls):
    helps = {setting.name: setting.help for setting in describe(cls)}
    assert helps["rank"] == "How many. In two lines."
    assert helps["penalty"] == "How much, in its own unit."
    assert helps["more"] == "One more."


@pytest.mark.parametrize(("cls", "last"), [(Special, "Notes"), (Plain, "References")])
def test_a_docstring_is_completed_by_what_the_bases_explain(cls, last):
    doc = complete_docstring(cls)
    before, rest = doc.split("Parameters\n----------\n")
    assert before == f"{cls.__doc__.splitlines()[0]}\n\n"
    assert rest.endswith(f"    Which.\n\n{last}\n{'-' * len(last)}\nNone.\n")
    assert parameters_help(doc) == {s.name: s.help for s in describe(cls) if s.help}


def test_a_complete_docstring_stays_and_a_missing_one_is_not_made():
    assert complete_docstring(Example).rstrip() == inspect.getdoc(Example)
    assert complete_docstring(Bare) is None


def test_text_and_values_become_settings():
    built = build(Example, {"rank": "7", "penalty": "1e-3", "kind": "b", "fast": "yes"})
    assert built == Example(7, 1e-3, "b", True)
    assert build(Example, {"penalty": "none"}).penalty is None
    assert build(Example, {"penalty": 2}).penalty == 2.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rnk": 1}, "did you mean rank"),
        ({"rank": "2.5"}, "rank='2.5': expected int"),
        ({"rank": True}, "rank=True: expected int"),
        ({"kind": "c"}, r"kind='c': expected a\|b"),
        ({"fast": "perhaps"}, "expected bool"),
    ],
)
def test_what_cannot_be_a_setting_is_refused(values, message):
    with pytest.raises(SettingError, match=message):
        build(Example, values)


@pytest.mark.parametrize(
    "example",
    [
        Example(),
        Example(9, None, "b", True, ""),
        Example(label="rx,\npca_rx\r\t\x7f\u2028 \U0001f600"),
    ],
)
def test_toml_round_trip(example):
    # None is left out, so it can only come back where it is the default.
    expected = example if example.penalty is not None else Example(9, 0.5, "b", True, "")
    assert from_toml(Example, to_toml(example)) == expected


@dataclass(frozen=True)
class Grown:
    rank: int = 3
    batch: int = later(0)


def test_a_later_setting_leaves_files_as_they_were_until_it_says_something():
    assert kept(Grown(rank=4)) == {"rank": 4}
    assert kept(Grown(batch=5)) == {"rank": 3, "batch": 5}
    assert build(Grown, kept(Grown(rank=4))) == Grown(rank=4)
    assert [setting.default for setting in describe(Grown)] == [3, 0]
