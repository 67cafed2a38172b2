"""Targets are spread, inside, apart, and of all kinds."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddspec.errors import SettingError
from oddspec.scenes.spectra import TARGETS
from oddspec.scenes.targets import Target, check_targets, plan_targets


@settings(deadline=None, max_examples=60)
@given(
    rows=st.integers(40, 200),
    columns=st.integers(20, 200),
    border=st.integers(0, 6),
    seed=st.integers(0, 2**32),
    data=st.data(),
)
def test_a_plan_keeps_its_promises(
    rows: int, columns: int, border: int, seed: int, data: st.DataObject
):
    room = ((rows - 2 * border) // 7) * ((columns - 2 * border) // 7)
    count = data.draw(st.integers(0, room))
    # A bad line spoils at most the cells of one row of cells, and only if they are low.
    avoid = data.draw(st.sets(st.integers(0, rows - 1), max_size=1)) if count < 3 else set()
    plan = plan_targets(count, rows, columns, border=border, avoid=avoid, seed=seed)
    assert len(plan) == count
    assert plan == plan_targets(count, rows, columns, border=border, avoid=avoid, seed=seed)
    assert check_targets(plan, rows, columns, border=border) == plan
    for target in plan:
        assert not avoid & set(range(target.row, target.row + target.height))
    for one, two in itertools.combinations(plan, 2):
        down = max(two.row - (one.row + one.height), one.row - (two.row + two.height))
        across = max(two.column - (one.column + one.width), one.column - (two.column + two.width))
        assert max(down, across) >= 4


def test_all_kinds_are_there_and_spread_out():
    plan = plan_targets(48, 400, 600, border=0, avoid=(), seed=5)
    assert {target.material for target in plan} == set(TARGETS)
    assert {target.abundance for target in plan} == {1.0, 0.6, 0.5, 0.3, 0.15}
    assert {(t.height, t.width) for t in plan} == {(1, 1), (1, 2), (2, 2), (2, 3), (3, 3)}
    for material in TARGETS:
        assert len({t.abundance for t in plan if t.material == material}) >= 3
    quarters = [(t.row >= 200, t.column >= 300) for t in plan]
    assert all(quarters.count(q) >= 8 for q in itertools.product((False, True), repeat=2))


def test_seeds_differ():
    plans = {plan_targets(5, 90, 90, border=0, avoid=(), seed=seed) for seed in range(4)}
    assert len(plans) == 4


@pytest.mark.parametrize(("rows", "columns", "count"), [(256, 256, 16), (64, 64, 4), (6, 60, 0)])
def test_the_default_count_follows_the_size(rows: int, columns: int, count: int):
    assert len(plan_targets(None, rows, columns, border=0, avoid=(), seed=0)) == count


def test_a_large_scene_has_at_most_400():
    assert len(plan_targets(None, 3000, 3000, border=0, avoid=(), seed=0)) == 400


def test_no_room():
    with pytest.raises(SettingError, match=r"targets=50: 30 x 30 pixels .* room for 16 at most"):
        plan_targets(50, 30, 30, border=0, avoid=(), seed=0)
    with pytest.raises(SettingError, match="bad lines leave room for"):
        plan_targets(9, 21, 21, border=0, avoid=range(0, 21, 2), seed=1)


def target(**changes: object) -> Target:
    values = {"row": 3, "column": 4, "height": 2, "width": 1, "abundance": 0.5}
    return Target(**{**values, "material": "bare metal", **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"row": -1}, "row=-1"),
        ({"width": 0}, "width=0"),
        ({"abundance": 0.0}, "abundance=0.0"),
        ({"abundance": 1.5}, "abundance=1.5"),
        ({"abundance": float("nan")}, "abundance=nan"),
        ({"material": "gold"}, "material='gold': expected one of green paint"),
    ],
)
def test_impossible_targets(changes: dict[str, object], message: str):
    with pytest.raises(SettingError, match=message):
        target(**changes)


def test_targets_given_must_fit():
    with pytest.raises(SettingError, match="overlaps"):
        check_targets([target(), target(row=4)], 20, 20, border=0)
    with pytest.raises(SettingError, match="reaches beyond rows 4 to 15"):
        check_targets([target()], 20, 20, border=4)
    with pytest.raises(SettingError, match="reaches beyond"):
        check_targets([target(row=19)], 20, 20, border=0)
    assert [t.row for t in check_targets([target(row=9), target()], 20, 20, border=0)] == [3, 9]
