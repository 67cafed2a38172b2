import tomllib
from pathlib import Path

import pytest

from oddspec.detectors import names
from oddspec.errors import InputError, SettingError
from oddspec.study.plan import as_toml, make_plan, read_plan

PLAN = """\
name = "small"
scenes = ["abu", "mine"]
seeds = 3
time_limit = "10 min"

[[runs]]
detector = ["rx", "lren"]

[[runs]]
detector = "rednmf"
column = "as published"
settings = {penalty = 50.0}
per_scene = {sandiego-2 = {rank = 3}}
scenes = "sandiego-2"
seeds = [4, 7]
noise = [0, 0.05]
"""


def test_a_run_has_what_the_plan_says_unless_it_says_otherwise():
    plan = make_plan(PLAN, "p.toml", Path("/somewhere"))
    first, second = plan.runs
    assert (first.detectors, first.column, first.seeds) == (("rx", "lren"), "defaults", (0, 1, 2))
    assert first.scenes == ("abu", "mine")
    assert (second.seeds, second.scenes, second.noise) == ((4, 7), ("sandiego-2",), (0.0, 0.05))
    assert first.time_limit == second.time_limit == 600


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds = 3", "sedes = 3", r"p.toml: 'sedes' is unknown; did you mean seeds"),
        ("seeds = 3", "seeds = 0", r"p.toml: seeds = 0: expected how many"),
        ("seeds = 3", "seeds = true", r"seeds = True: expected"),
        ("seeds = 3", f"seeds = {10**18}", r"seeds = 1000000000000000000: expected how many"),
        ('"10 min"', '"soon"', r"time_limit = 'soon': expected a duration"),
        (
            "rank = 3",
            "seed = 3",
            r"p.toml, line 9, \[\[runs\]\] number 2.*a seed is no",
        ),
        ("{penalty = 50.0}", "{seed = 3}", r"\(rednmf, as published\): a seed is no setting"),
        ("seeds = [4, 7]", "grid = {rank = [3]}", r"rank is both in settings and in grid"),
        ('"as published"', '"defaults"', r"line 9.*holds default settings only"),
        ("noise = [0,", "noise = [-1,", r"noise = \[-1, 0.05\]: expected standard"),
        ("noise = [0,", f"noise = [1{'0' * 400},", r"noise = \[10+, 0.05\]: expected standard"),
        ("seeds = 3", 'data = "~nobody_of_that_name"', r"no such user's home folder"),
        ('detector = "rednmf"', "", r"names no detector"),
        ("seeds = [4, 7]", 'origins = {guessed = ["penalty"]}', r"or \"ours\" instead of 'guess"),
        ("seeds = [4, 7]", 'origins = {ours = ["beta"]}', r"names 'beta', which has no value"),
        (
            "seeds = [4, 7]",
            'origins = {ours = ["rank"], stated = ["rank"]}',
            r"one origin of each setting; 'rank' has two",
        ),
        ('scenes = ["abu", "mine"]', "", r"line 6.*has no scenes"),
        ("settings = {", 'base = "stated"\nsettings = {', r"the plan has no \[base.stated\]"),
        ("seeds = 3", "base = {a = {rank = 3}}", r"\[base.a\]: 'rank' is unknown \(known"),
        ("[[runs]]", "[[rums]]", r"'rums' is unknown|has no \[\[runs\]\]"),
        ("seeds = 3", "seeds = ", r"p.toml: is no TOML"),
    ],
)
def test_mistakes_are_told_with_their_place(old, new, message, tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(PLAN.replace(old, new))
    with pytest.raises((SettingError, InputError), match=message):
        read_plan(path)


def test_runs_share_the_settings_of_their_base():
    plan = make_plan(
        """\
scenes = "abu"
[base.stated]
settings = {rank = 5, beta = 1.0}
per_scene = {a = {penalty = 1.0, rank = 6}}
[[runs]]
detector = "rednmf"
column = "as published"
base = "stated"
[[runs]]
detector = "rednmf"
column = "another rank"
base = "stated"
settings = {rank = 10}
per_scene = {a = {rank = 11}, b = {rank = 12}}
""",
        "p.toml",
        Path("/somewhere"),
    )
    first, second = plan.runs
    assert first.settings == {"rank": 5, "beta": 1.0}
    assert first.per_scene == {"a": {"penalty": 1.0, "rank": 6}}
    assert second.settings == {"rank": 10, "beta": 1.0}
    assert second.per_scene == {"a": {"penalty": 1.0, "rank": 11}, "b": {"rank": 12}}


def test_the_folder_of_scenes_comes_from_the_call_the_plan_or_the_environment(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("ODDSPEC_DATA", str(tmp_path / "environment"))
    assert make_plan(PLAN, "p", tmp_path).data == tmp_path / "environment"
    named = f'data = "../own"\n{PLAN}'
    assert make_plan(named, "p", tmp_path / "plans").data == tmp_path / "own"
    assert make_plan(named, "p", tmp_path, data=tmp_path).data == tmp_path
    with pytest.raises(SettingError, match="~nobody_of_that_name: there is no such user's home"):
        make_plan(PLAN, "p", tmp_path, data="~nobody_of_that_name")


def test_a_plan_as_a_dictionary():
    table = tomllib.loads(PLAN) | {"about": 'a "quoted" \\ line\nand é \x7f'}
    assert tomllib.loads(as_toml(table)) == table
    with pytest.raises(SettingError, match='for None write "none"'):
        as_toml({"data": None})


def test_a_plan_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.toml: cannot be read"):
        read_plan(tmp_path / "nowhere.toml")
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="no UTF-8"):
        read_plan(tmp_path / "odd.toml")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such file on this system")
def test_a_plan_without_end_is_refused():
    with pytest.raises(InputError, match="more than 10000000 characters"):
        read_plan("/dev/zero")


def test_others_are_the_detectors_that_no_entry_names():
    text = 'scenes = "abu"\n[[runs]]\ndetector = ["others", "mine.py"]\n[[runs]]\ndetector = "rx"\n'
    first, second = make_plan(text, "p", Path()).runs
    assert first.detectors == (*(name for name in names() if name != "rx"), "mine.py")
    assert second.detectors == ("rx",)


def test_every_detector_is_in_the_study_of_defaults():
    path = Path(__file__).parents[2] / "studies" / "defaults.toml"
    named = [name for entry in read_plan(path).runs for name in entry.detectors]
    assert sorted(named) == sorted(names())


def test_every_setting_of_the_four_systems_as_published_has_an_origin():
    plan = read_plan(Path(__file__).parents[2] / "studies" / "as_published.toml")
    systems = {"lrr_net", "lrr_net_plus", "lren", "sparsehad", "rednmf"}
    published = [
        run for run in plan.runs if run.column == "as published" and systems & {*run.detectors}
    ]
    assert len(published) == len(systems)
    for run in published:
        given = set(run.settings).union(*run.per_scene.values())
        assert given == set(run.origins), run.where
