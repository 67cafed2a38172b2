"""Printed values beside measured ones."""

import csv
import io
import shutil
from collections import Counter
from pathlib import Path

import pytest
from recorded import a_record, write, write_printed

import oddspec.study.report
from oddspec.detectors import names
from oddspec.errors import InputError
from oddspec.scenes.public import catalogue
from oddspec.study.report import table
from oddspec.study.report.comparison import MatchState, compare
from oddspec.study.report.published import read_names, read_published
from oddspec.study.results import StudyResults

NAMES = Path(__file__).parents[3] / "studies" / "published_names.toml"


def compared(tmp_path, records, *rows, detectors=("rx", "crd", "lren", "rednmf", "sparsehad")):
    results = StudyResults.read(write(tmp_path / "s", *records)).results
    values = read_published(write_printed(tmp_path / "printed.csv", *rows), read_names(NAMES))
    return compare(values, results, detectors)


RX = a_record("rx", "sandiego-2", 0.94)


def test_names_of_papers_lead_to_scenes_and_truths(tmp_path):
    records = [
        RX,
        a_record("rx", "sandiego-1", 0.9055, truth="sandiego-1-truth57.mat"),
        a_record("rx", "sandiego-1", 0.8885, truth="sandiego-1-truth58.mat"),
        a_record("rx", "sandiego-1", 0.8736, truth="sandiego-1-truth58b.mat"),
    ]
    found = compared(
        tmp_path,
        records,
        ("LREN", "2", "auc_pd_pf", "RX", "SanDiego", 0.9403),
        ("LRR-Net+", "III", "auc_pd_pf", "Global-RX", "Airport-4", 0.9403),
        ("sparseHAD", "3", "auc_pd_pf", "#4 RX on the image", "S1 San Diego-1", 0.9054),
    )
    assert [c.measured[0].median for c in found] == [0.94, 0.94, 0.9055]
    assert found[2].difference(found[2].measured[0]) == pytest.approx(0.0001)
    assert {c.state for c in found} == {MatchState.MEASURED}


def test_a_value_of_a_scene_with_several_truths_must_name_one(tmp_path):
    records = [
        a_record("rx", "sandiego-1", 0.9055, truth="sandiego-1-truth57.mat"),
        a_record("rx", "sandiego-1", None, truth="sandiego-1-truth58b.mat"),
        a_record("crd", "sandiego-1", 0.9, truth="sandiego-1-truth57.mat"),
        a_record("rx", "lake", 0.7, truth="lake-mask_v2.png"),
        a_record("rx", "lake", 0.8, truth="lake-truth.png"),
    ]
    scenes = ("sandiego-1", "sandiego-1/57", "sandiego-1/58B", "sandiego-1/99", "lake/mask_v2")
    found = compared(
        tmp_path,
        records,
        *(("my thesis", "1", "auc_pd_pf", "rx", scene, 0.9) for scene in scenes),
        ("my thesis", "1", "auc_pd_pf", "crd", "sandiego-1", 0.9),
    )
    assert [c.state for c in found] == [
        MatchState.UNCLEAR,
        MatchState.MEASURED,
        MatchState.FAILED,
        MatchState.NOT_RUN,
        MatchState.MEASURED,
        MatchState.MEASURED,  # crd has but one truth
    ]
    assert "write sandiego-1/57 or sandiego-1/58b" in found[0].reason
    assert found[1].measured[0].median == 0.9055
    assert found[3].reason == "no record of rx on sandiego-1/99"
    assert found[4].measured[0].median == 0.7


def test_every_value_ends_in_one_list(tmp_path):
    found = compared(
        tmp_path,
        [RX, a_record("crd", "sandiego-2", None)],
        ("LREN", "2", "auc_pd_pf", "RX", "SanDiego", 0.9403),
        ("LRR-Net+", "III", "auc_pd_pf", "CRD", "Airport-4", 0.9),
        ("LREN", "2", "auc_pd_pf", "RX", "Hydice", 0.9763),
        ("LREN", "2", "auc_pd_pf", "one of tomorrow", "SanDiego", 0.9595),
        ("REDNMF", "2", "auc_pd_pf", "REDNMF", "HyMap", 0.8243),
        ("LRR-Net+", "III", "auc_pd_pf", "LRASR", "Airport-3", 0.8891),
    )
    assert [c.state for c in found] == [
        MatchState.MEASURED,
        MatchState.FAILED,
        MatchState.NOT_RUN,
        MatchState.WAITING,
        MatchState.IMPOSSIBLE,
        MatchState.IMPOSSIBLE,
    ]
    assert all(c.reason or c.measured for c in found)
    assert "no luck" in found[1].reason


def test_a_scene_that_someone_has_after_all_is_measured(tmp_path):
    row = ("LRR-Net+", "III", "auc_pd_pf", "Global-RX", "Airport-3", 0.9288)
    (found,) = compared(tmp_path, [a_record("rx", "abu-airport-3", 0.93)], row)
    assert found.measured[0].median == 0.93


def test_noise_and_times_are_told_from_plain_areas(tmp_path):
    records = [
        a_record("rednmf", "abu-airport-1", 0.9, seed=0),
        a_record("rednmf", "abu-airport-1", 0.7, seed=0, noise=0.05),
    ]
    found = compared(
        tmp_path,
        records,
        ("REDNMF", "2", "auc_pd_pf", "REDNMF", "Airport-1", 0.9357),
        ("REDNMF", "3", "auc_pd_pf sigma=0.05", "REDNMF", "Airport-1", 0.9020),
        ("REDNMF", "4", "seconds (RTX 4060 Laptop)", "REDNMF", "Airport-1", 8.8662),
    )
    assert [c.measured[0].median for c in found] == [0.9, 0.7, 2.0]
    assert found[2].published.machine == "RTX 4060 Laptop"


def test_ablations_stand_beside_their_own_columns_only(tmp_path):
    scenes = ("sandiego-2", "hydice-162", "abu-urban-2", "pavia-crop")
    areas = dict(zip(scenes, (0.9, 0.8, 0.7, 0.6), strict=True))
    records = [
        *(a_record("lren", s, a, column="A: no l21", varied={"k": 1}) for s, a in areas.items()),
        *(a_record("lren", s, 0.95) for s in scenes),
    ]
    rows = [
        ("LREN", "1 (ablation)", "auc_pd_pf", method, "mean of 4", 0.8692)
        for method in ("A: no l21", "E: full", "C: original space")
    ]
    ablated, full, original = compared(tmp_path, records, *rows)
    assert [(m.column.name, m.median) for m in ablated.measured] == [
        ("A: no l21", pytest.approx(0.75))
    ]
    assert [(m.column.name, m.median) for m in full.measured] == [("defaults", pytest.approx(0.95))]
    assert original.state is MatchState.NOT_RUN
    # Three of the four scenes are no mean over four.
    ablated, *_ = compared(tmp_path, records[1:], *rows)
    assert ablated.state is MatchState.NOT_RUN


def test_settings_as_another_paper_publishes_them_do_not_stand_beside_a_value(tmp_path):
    row = ("LRR-Net+", "III", "auc_pd_pf", "CRD", "Airport-4", 0.8996)
    others = {"column": "as published", "varied": {"guard": 5}}
    records = [
        a_record("crd", "sandiego-2", 0.7, paper="sparseHAD", **others),
        a_record("crd", "sandiego-2", 0.8, paper="LRR-Net+", **others),
    ]
    (found,) = compared(tmp_path, records, row)
    assert [m.median for m in found.measured] == [0.8]


def test_the_difference_stands_in_the_table(tmp_path):
    folder = write(tmp_path / "s", RX)
    printed = write_printed(
        tmp_path / "p.csv", ("LREN", "2", "auc_pd_pf", "RX", "SanDiego", 0.9503)
    )
    assert "0.9400<br>−0.0103 beside 0.9503 (LREN, Table 2)" in table(folder, printed=printed)
    latex = table(folder, printed=printed, kind="latex")
    assert r"\shortstack[r]{0.9400 \\ $-$0.0103 beside 0.9503 (LREN, Table 2)}" in latex
    (row,) = csv.DictReader(io.StringIO(table(folder, printed=printed, kind="csv")))
    assert (row["printed"], row["source"]) == ("0.9503", "LREN, Table 2")
    assert float(row["difference"]) == pytest.approx(-0.0103)


def test_an_area_on_a_grid_stands_beside_the_printed_one(tmp_path):
    areas = {"auc_pf_tau": 0.0589, "auc_pf_tau_1000": 0.0594}
    folder = write(tmp_path / "s", a_record("rx", "sandiego-2", 0.94, metrics=areas))
    printed = write_printed(
        tmp_path / "p.csv", ("LREN", "3", "auc_pf_tau", "RX", "SanDiego", 0.0599)
    )
    assert "−0.0010 beside 0.0599" in table(folder, printed=printed, metric="auc_pf_tau")
    assert "−0.0005 beside 0.0599" in table(folder, printed=printed, metric="auc_pf_tau_1000")
    assert "| 0.0589 |" in table(folder, printed=printed, what="printed")


def test_a_paper_s_own_grid_is_taken_where_the_records_have_it(tmp_path):
    areas = {"auc_pf_tau": 0.0589, "auc_pf_tau_500": 0.0599}
    exact = {"auc_pf_tau": 0.0589}
    folder = write(
        tmp_path / "s",
        a_record("rx", "sandiego-2", 0.94, metrics=areas),
        a_record("crd", "sandiego-2", 0.94, metrics=exact),
    )
    printed = write_printed(
        tmp_path / "p.csv",
        ("LREN", "3", "auc_pf_tau", "RX", "SanDiego", 0.0599),
        ("sparseHAD", "4", "auc_pf_tau", "CRD", "S2 San Diego-2", 0.0589),
    )
    shown = table(folder, printed=printed, what="printed")
    assert "| AUC(PF, τ), 500 thresholds | RX | SanDiego | 0.0599 | 0.0599 | ±0.0000 |" in shown
    assert "| AUC(PF, τ) | CRD | S2 San Diego-2 | 0.0589 | 0.0589 | ±0.0000 |" in shown


def test_names_that_no_paper_gives_stand_for_themselves(tmp_path):
    row = ("my thesis", "1", "auc_pd_pf", "rx", "sandiego-2", 0.9)
    (found,) = compared(tmp_path, [RX], row)
    assert found.state is MatchState.MEASURED


def test_bad_files_are_told(tmp_path):
    bad = tmp_path / "p.csv"
    bad.write_text("paper,value\nLREN,1\n")
    with pytest.raises(InputError, match="lacks the column table, metric, method, scene"):
        read_published(bad, {})
    write_printed(bad, ("LREN", "2", "auc_pd_pf", "RX", "SanDiego", "n/a"))
    with pytest.raises(InputError, match="line 2: the value 'n/a' is no number"):
        read_published(bad, {})
    write_printed(bad, ("LREN", "2", "auc_pd_pf sigma=0.0.5", "RX", "SanDiego", 0.9))
    with pytest.raises(InputError, match=r"line 2: the metric '.*sigma=0.0.5' has a sigma that"):
        read_published(bad, {})
    with pytest.raises(InputError, match="cannot be read"):
        read_published(tmp_path / "none.csv", {})


def test_the_mapping_names_scenes_of_the_catalogue_and_truths_that_exist():
    truths = {scene.name: {t.name for t in scene.truths} for scene in catalogue()}
    for paper in read_names(NAMES).values():
        for entry in paper["scenes"].values():
            assert entry.keys() & {"scene", "reason", "mean_of"}
            if "scene" in entry:
                assert entry["scene"] in truths
                several = len(truths[entry["scene"]]) > 1
                assert several == ("truth" in entry)
                assert entry.get("truth") in {None, *truths[entry["scene"]]}
            for part in entry.get("mean_of", ()):
                assert part in paper["scenes"]


def test_no_printed_number_is_kept_in_the_package():
    assert "0." not in NAMES.read_text(encoding="utf-8")
    assert not list(Path(oddspec.study.report.__file__).parent.glob("*.toml"))


def test_all_640_values_of_the_papers_are_understood(shared, tmp_path):
    values = read_published(shared / "papers" / "reported.csv", read_names(NAMES))
    assert len(values) == 640
    assert {v.metric for v in values} == {"auc_pd_pf", "auc_pf_tau", "seconds"}
    for value in values:
        names_of = read_names(NAMES)[value.paper]
        assert value.method in names_of["methods"]
        assert value.scene in names_of["scenes"]
    results = StudyResults.read(write(tmp_path, RX)).results
    found = compare(values, results, names())
    counted = Counter(c.state for c in found)
    assert sum(counted.values()) == 640
    assert counted[MatchState.MEASURED] == 3  # RX on San Diego 2: LRR-Net+ III, LREN 2, sparseHAD 3
    assert all(c.reason for c in found if c.state is not MatchState.MEASURED)


def test_names_are_found_beside_the_values_or_above_the_study_or_where_told(tmp_path):
    folder = write(tmp_path / "studies" / "s", RX)
    row = ("LREN", "2", "auc_pd_pf", "RX", "SanDiego", 0.9503)
    printed = write_printed(tmp_path / "values" / "p.csv", row, names=False)
    assert "waiting for a detector" in table(folder, what="printed", printed=printed)
    told = table(folder, what="printed", printed=printed, names=NAMES)
    assert "measured beside it" in told
    for place in (tmp_path / "studies", tmp_path / "values"):
        shutil.copy(NAMES, place)
        assert table(folder, what="printed", printed=printed) == told
        (place / NAMES.name).unlink()
    (tmp_path / "values" / NAMES.name).write_text("[paper]")
    with pytest.raises(InputError, match="holds no names of papers"):
        table(folder, printed=printed)
    with pytest.raises(InputError, match=r"none\.toml: cannot be read"):
        table(folder, printed=printed, names=tmp_path / "none.toml")
