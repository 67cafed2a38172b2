"""Tables from records with known results."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import a_record, write, write_printed

from oddspec.errors import InputError, SettingError
from oddspec.study.grouping import Column, Spread
from oddspec.study.ranking import critical_difference, ranked
from oddspec.study.report import TABLES, report, table
from oddspec.study.report.formats import latex_text
from oddspec.study.report.run_tables import stability_table
from oddspec.study.results import StudyResults
from oddspec.study.runs import SceneKey

SEEDS = (0.90, 0.70, 0.80, 0.95, 0.85)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def row_of(text: str, **wanted: str) -> dict[str, str]:
    (row,) = [r for r in rows_of(text) if all(r[k] == v for k, v in wanted.items())]
    return row


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(
        tmp_path / "study",
        a_record("rx", "abu-airport-1", 0.8),
        a_record("rx", "abu-airport-4", 0.6),
        *(a_record("net", "abu-airport-1", area, seed=i) for i, area in enumerate(SEEDS)),
        a_record("net", "abu-airport-4", None, seed=0, reason="ran 600 s", status="timeout"),
        a_record("crd", "abu-airport-1", None),
        a_record("rx", "abu-airport-1", 0.99, column="tuned on the truth", varied={"ridge": 1.0}),
    )


def test_a_learned_cell_is_the_median_with_its_spread_and_number_of_seeds(folder):
    text = table(folder)
    assert "0.8500 (0.7000 to 0.9500; 5 seeds)" in text
    row = row_of(table(folder, kind="csv"), scene="abu-airport-1", detector="net")
    assert [float(row[k]) for k in ("median", "least", "most")] == [0.85, 0.70, 0.95]
    assert float(row["worst_less_median"]) == pytest.approx(-0.15)
    assert row["runs"] == "5"


def test_the_summary_takes_means_of_medians_and_counts_what_failed(folder, tmp_path):
    text = table(folder, what="summary")
    net = next(line for line in text.splitlines() if line.startswith("| net"))
    # 0.85 is the median of the only scene with a result; its worst seed has 0.70.
    assert "| 0.8500 | 1 | 0.8500 (abu-airport-1) | 0 to 5 | −0.1500 (abu-airport-1) |" in net
    rx = next(line for line in text.splitlines() if line.startswith("| rx | defaults"))
    assert "| 0.7000 | 2 | 0.6000 (abu-airport-4) | – | – |" in rx
    assert "| crd | defaults | *no result* | – |" in text
    printed = write_printed(
        tmp_path / "printed.csv", ("P", "1", "auc_pd_pf", "rx", "abu-airport-1", 0.9)
    )
    rx = next(
        line
        for line in table(folder, what="summary", printed=printed).splitlines()
        if line.startswith("| rx | defaults")
    )
    assert "| 0.9000 (1) | −0.1000 |" in rx


@pytest.mark.parametrize(("what", "noted"), [("summary", 1), ("time", 1), ("scores", 0)])
def test_seconds_of_several_processors_are_told(tmp_path, what, noted):
    other = {"processor": "another one", "cores": 2}
    records = [
        a_record("rx", "one", 0.9),
        a_record("rx", "two", 0.8),
        a_record("lren", "one", 0.7, machine=other),
    ]
    text = table(write(tmp_path, *records), what=what)
    told = "most runs were on a processor, on another one those of lren (1)."
    assert text.count(told) == noted
    assert "different processors" not in table(write(tmp_path, *records[:2]), what=what)


@pytest.mark.parametrize("what", ["summary", "time"])
def test_seconds_of_one_cell_are_of_one_processor(tmp_path, what):
    machine, slow = {"processor": "a slow one", "cores": 2}, {"wall": 1000.0, "cpu": 1000.0}
    first = [a_record("lren", "one", 0.7, seed=n, machine=machine, seconds=slow) for n in range(2)]
    most = [a_record("lren", "one", 0.9, seed=n) for n in range(2, 5)]
    text = table(write(tmp_path, *first, *most), what=what)
    assert {"summary": "| 1.00 |", "time": "| 2.00 (2.00 to 2.00; 3 seeds) |"}[what] in text
    assert "1000" not in text
    assert "different processors" not in text


def test_the_summary_of_one_origin_begins_with_the_best(tmp_path):
    good = a_record("good", "s", 0.9), a_record("better", "s", 0.95)
    records = (*good, a_record("good", "t", 0.9), a_record("better", "t", 0.95))
    best = a_record("on one scene only", "s", 0.99), a_record("failed", "s", None)
    lines = table(write(tmp_path, *records, *best), what="summary").splitlines()[2:6]
    names = [line.split(" | ")[0].strip("| ") for line in lines]
    assert names == ["better", "good", "on one scene only", "failed"]


def test_the_overview_has_medians_and_a_mean_where_no_scene_lacks(folder):
    lines = table(folder, what="overview", columns=["defaults"]).splitlines()
    assert lines[0] == "| detector | settings | abu-airport-1 | abu-airport-4 | mean |"
    assert lines[2] == "| rx | defaults | 0.8000 | 0.6000 | 0.7000 |"
    assert lines[3] == "| net | defaults | 0.8500 | – | – |"
    assert lines[4] == "| crd | defaults | – | – | – |"


def test_failed_runs_show_their_reason_and_gaps_say_so(folder):
    lines = {line.split(" | ")[0].strip("| "): line for line in table(folder).splitlines()}
    assert "timeout: ran 600 s" in lines["abu-airport-4"]
    assert "failed: ValueError: no luck" in lines["abu-airport-1"]
    assert lines["abu-airport-4"].count("not run") == 2  # crd, and rx as tuned
    failures = table(folder, what="failures")
    assert "ran 600 s" in failures
    assert "no luck" in failures


def test_a_failing_point_of_a_grid_is_told_by_its_settings(tmp_path):
    points = [{"rank": rank, "beta": 2.0} for rank in (3, 5)]
    records = (a_record("nmf", "s", None, column="grid", varied=point) for point in points)
    shown = table(write(tmp_path, *records), what="failures")
    assert "| nmf | grid: beta=2, rank=3 | s |" in shown
    assert "| nmf | grid: beta=2, rank=5 | s |" in shown


def test_failed_seeds_are_sorted_by_their_number(tmp_path):
    runs = [a_record("nmf", "s", 0.8, seed=0)]
    runs += [a_record("nmf", "s", None, seed=seed) for seed in (1, 2, 3)]
    results = StudyResults.read(write(tmp_path, *runs)).results
    assert stability_table(results).rows[0].cells[-1].sort == 3


def test_a_failure_that_was_mended_is_none(tmp_path):
    """A changed detector of one's own has another checksum, and so its runs another id."""
    broken, mended = (
        a_record("mine", "s", area, seed=0) | {"id": name}
        for name, area in (("old", None), ("new", 0.9))
    )
    folder = write(tmp_path, broken, mended, a_record("rx", "s", 0.8))
    with pytest.raises(InputError, match="nothing to show as a table of failures"):
        table(folder, what="failures")
    page = report(folder).read_text(encoding="utf-8")
    assert "no luck" not in page
    assert "no result" not in page


def test_some_failed_seeds_are_counted_beside_the_others(tmp_path):
    records = [a_record("net", "s", a, seed=i) for i, a in enumerate((0.5, None, 0.7))]
    text = table(write(tmp_path, *records))
    assert "0.6000 (0.5000 to 0.7000; 2 seeds, 1 failed)" in text


def test_origins_of_settings_are_never_under_one_heading(folder):
    head = table(folder).splitlines()[0]
    assert head.count("`rx`") == 2
    assert "`rx`<br>*defaults* | `rx`<br>*tuned on the truth*" in head
    row = table(folder).splitlines()[2]
    assert "| 0.8000 | 0.9900 |" in row


def test_published_settings_of_two_papers_are_kept_apart(tmp_path):
    records = [
        a_record("crd", "s", area, column="as published", paper=paper, varied={"guard": guard})
        for area, paper, guard in ((0.7, "LREN", 5), (0.8, "sparseHAD", 7))
    ]
    results = StudyResults.read(write(tmp_path, *records)).results
    assert {c.paper: r.spread("auc_pd_pf").median for (_, c), r in results.items()} == {
        "LREN": 0.7,
        "sparseHAD": 0.8,
    }


def test_tuned_cells_hold_the_best_setting_by_its_median_not_its_luckiest_seed(tmp_path):
    tuned = {"column": "tuned on the truth"}
    lucky = [0.99, 0.50, 0.50]
    steady = [0.70, 0.71, 0.72]
    records = [
        a_record("net", "s", area, seed=i, varied={"rank": rank}, **tuned)
        for rank, areas in ((3, lucky), (5, steady))
        for i, area in enumerate(areas)
    ]
    (result,) = StudyResults.read(write(tmp_path, *records)).results.values()
    assert result.spread("auc_pd_pf").median == 0.71
    assert {run.settings["rank"] for run in result.runs} == {5}


def test_settings_of_a_sweep_are_neither_seeds_nor_in_the_table_of_scores(tmp_path):
    folder = write(
        tmp_path,
        a_record("rx", "s", 0.5, settings={"ridge": 0.1}),
        *(
            a_record("rx", "s", 0.5 + r, column="sweep", varied={"ridge": r})
            for r in (0.1, 0.2, 0.3)
        ),
    )
    assert "sweep" not in table(folder)
    rows = rows_of(table(folder, what="parameters", kind="csv"))
    assert [row["ridge"] for row in rows] == ["0.1", "0.2", "0.3"]
    assert [float(row["s"]) for row in rows] == [0.6, 0.7, 0.8]


def test_detectors_stand_in_the_order_of_the_plan_not_in_that_of_their_ends(tmp_path):
    rx, lren = a_record("rx", "s", 0.9), a_record("lren", "s", 0.8)
    folder = write(tmp_path, lren, rx)
    assert table(folder).startswith("| scene | `lren`")
    asked = {"rows": [[r["id"], "defaults", None] for r in (rx, lren)], "missing": []}
    (folder / "rows.json").write_text(json.dumps(asked))
    assert table(folder).startswith("| scene | `rx`")


def test_records_of_a_setting_that_was_corrected_in_the_plan_are_left_out_and_counted(tmp_path):
    old, new = (
        a_record("pca_rx", "s", area, column="as published", varied={"components": count})
        for count, area in ((10, 0.8), (20, 0.9))
    )
    gone = a_record("rx", "t", 0.7)
    folder = write(tmp_path / "s", old, new, gone)
    with pytest.raises(InputError, match=r"several settings there: pca_rx, as published\. Give"):
        table(folder, detectors=["pca_rx"])
    assert "several settings there: pca_rx, as published" in table(folder)
    asked = {"rows": [[new["id"], "as published", None]], "missing": ["t"]}
    (folder / "rows.json").write_text(json.dumps(asked))
    shown = table(folder)
    assert "| s | 0.9000 | not run |" in shown
    assert (
        "| t | not run | 0.7000 |" in shown
    )  # its scene was not at hand when the plan was last run
    assert "1 record that is of no row of the plan is left out." in shown
    assert "several settings" not in shown
    (folder / "rows.json").write_text(json.dumps(asked | {"rows": [], "missing": []}))
    with pytest.raises(InputError, match="none of its 3 records is of a row of the plan"):
        table(folder)


def test_a_run_of_two_studies_counts_once(tmp_path):
    record = a_record("net", "s", 0.5, seed=0)
    folder = write(tmp_path, record, {**record, "study": "another", "id": "other"})
    assert "1 seed)" in table(folder)


def test_two_studies_stand_in_one_table(folder, tmp_path):
    other = write(tmp_path / "other", a_record("my_own", "hill", 0.4321))
    text = table(folder, also=[other])
    assert "0.4321" in text
    assert "`my_own`" not in table(folder)
    with pytest.raises(InputError, match=r"gone.*cannot be read"):
        table(folder, also=[tmp_path / "gone"])


def test_mean_over_fewer_scenes_says_over_how_many(folder):
    text = table(folder)
    assert "**0.7000**" in text  # rx: (0.8 + 0.6) / 2
    assert "**0.8500 (of 1)**" in text  # net


def test_mean_ranks_are_taken_within_one_origin(tmp_path):
    records = []
    for scene, (a, b, c) in {"one": (0.9, 0.8, 0.7), "two": (0.9, 0.9, 0.7)}.items():
        records += [a_record("a", scene, a), a_record("b", scene, b), a_record("c", scene, c)]
        records.append(a_record("a", scene, 0.999, column="tuned on the truth", varied={"k": 1}))
    row = table(write(tmp_path, *records)).splitlines()[5]
    assert row == "| **mean rank** | **1.25** | **–** | **1.75** | **3.00** |"


def test_critical_difference_is_demsars():
    # J. Demsar 2006, section 3.2.2: q = 2.569 for 4 classifiers, CD = 1.25 over 14 data sets.
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


def test_a_column_that_lacks_most_scenes_is_left_out_of_the_ranking(tmp_path):
    records = [a_record(d, s, 0.5 + 0.1 * i) for i, d in enumerate("abc") for s in "wxyz"]
    study = StudyResults.read(write(tmp_path, *records, a_record("d", "w", 0.99)))
    ranking = ranked(study.results, [Column(d, "defaults") for d in "abcd"], "auc_pd_pf")
    assert [column.detector for column in ranking.left_out] == ["d"]
    assert list(ranking.average.values()) == [3.0, 2.0, 1.0]
    assert ranking.p_value < 0.05


def test_stability_gives_quartiles_and_the_worst(folder):
    row = row_of(table(folder, what="stability", kind="csv"), scene="abu-airport-1")
    assert [float(row[k]) for k in ("low quartile", "median", "high quartile")] == [0.8, 0.85, 0.9]
    assert float(row["worst − median"]) == pytest.approx(-0.15)


@given(st.lists(st.floats(0, 1), min_size=1), st.booleans())
def test_worst_is_the_bad_end(values, lower):
    spread = Spread.of(values, lower=lower)
    assert spread.worst == (max(values) if lower else min(values))
    assert spread.least <= spread.low_quartile <= spread.median <= spread.high_quartile


def test_noise_has_a_row_for_each_level_and_is_left_out_of_the_scores(tmp_path):
    levels = {0.0: 0.9, 0.01: 0.8, 0.1: 0.6}
    folder = write(
        tmp_path,
        *(a_record("rx", "s", area, noise=sigma) for sigma, area in levels.items()),
        a_record("quiet", "s", 0.5),
    )
    rows = rows_of(table(folder, what="noise", kind="csv"))
    assert {float(r["σ"]): float(r["median"]) for r in rows} == levels
    assert {r["detector"] for r in rows} == {"rx"}
    assert "0.8000" not in table(folder)


def test_convergence_counts_runs_and_iterations(tmp_path):
    told = [
        a_record("nmf", "s", 0.5, seed=i, converged=ok, iterations=n)
        for i, (ok, n) in enumerate(((True, 100), (False, 500), (True, 300)))
    ]
    text = table(write(tmp_path, *told, a_record("rx", "s", 0.5)), what="convergence")
    assert "| *2 of 3* | 300 (100 to 500) |" in text
    assert "rx" not in text


def test_time_and_memory(folder):
    times = table(folder, what="time", kind="csv")
    assert row_of(times, scene="abu-airport-4", detector="rx")["median"] == "2.0"
    assert "50 MB" in table(folder, what="memory")


def test_truths_are_named_where_a_scene_has_several(tmp_path):
    folder = write(
        tmp_path,
        a_record("rx", "sandiego-1", 0.90, truth="sandiego-1-truth57.mat"),
        a_record("rx", "sandiego-1", 0.88, truth="sandiego-1-truth58.mat"),
        a_record("rx", "other", 0.5),
    )
    lines = table(folder).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:5]] == [
        "| other",
        "| sandiego-1 (truth 57)",
        "| sandiego-1 (truth 58)",
    ]


def test_a_torn_last_line_is_left_out_and_the_last_record_of_a_row_counts(tmp_path):
    first = a_record("rx", "s", None)
    second = a_record("rx", "s", 0.75)
    folder = write(tmp_path, first, second, torn=json.dumps(a_record("rx", "t", 0.1))[:50])
    (run,) = StudyResults.read(folder).runs
    assert run.value("auc_pd_pf") == 0.75


def test_the_same_run_in_two_columns_is_in_both(tmp_path):
    record = a_record("rx", "s", 0.75)
    folder = write(tmp_path, record, {**record, "column": "as published", "paper": "LREN"})
    assert "| s | 0.7500 | 0.7500 |" in table(folder)


def test_a_broken_line_within_is_told(tmp_path):
    folder = write(tmp_path, a_record("rx", "s", 0.5))
    path = folder / "records.jsonl"
    path.write_text('{"id": \n' + path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(InputError, match=r"line 1 is no record of a study \(it is no JSON"):
        table(folder)
    path.write_text('{"id": 3}\n{}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"line 1 .* \(it lacks detector, column, scene, status\)"):
        table(folder)


def test_what_is_asked_for_wrongly_is_told(folder, tmp_path):
    with pytest.raises(SettingError, match="expected one of markdown, csv, latex"):
        table(folder, kind="word")
    with pytest.raises(SettingError, match="no such metric"):
        table(folder, metric="auc")
    with pytest.raises(InputError, match="no record of the detector nn; there are crd, net, rx"):
        table(folder, detectors=["nn"])
    with pytest.raises(InputError, match=r"records\.jsonl"):
        table(tmp_path / "nowhere")
    with pytest.raises(SettingError, match="--printed"):
        table(folder, what="printed")


def test_only_what_was_asked_for(folder):
    text = table(folder, detectors=["rx"], columns=["defaults"], scenes=["abu-airport-4"])
    assert text.splitlines()[2:] == ["| abu-airport-4 | 0.6000 |", "", text.splitlines()[-1]]


def a_published(scene, eps=0.1):
    origins = {"eps": "stated", "atoms": "inferred from LRASR", "steps": "ours"}
    settings = {"eps": eps, "atoms": 15, "steps": 3}
    how = {"column": "as published", "paper": "P", "settings": settings, "origins": origins}
    return a_record("nmf", scene, 0.5, **how)


def test_where_published_settings_come_from_is_said(tmp_path):
    study = write(tmp_path / "study", a_published("abu-airport-1"), a_published("abu-airport-4", 2))
    note = "Of the settings of nmf, as published (P): stated are eps; inferred are atoms; ours are "
    assert f"{note}steps." in table(study)
    assert "| nmf | as published (P) | eps = by scene | atoms = 15 (LRASR) | steps = 3 |" in table(
        study, what="origins"
    )


@pytest.mark.parametrize("what", TABLES)
@pytest.mark.parametrize("kind", ["markdown", "csv", "latex"])
def test_every_table_in_every_kind_has_rows_of_one_width(folder, tmp_path, what, kind):
    extra = [
        a_record("rx", "abu-airport-1", 0.5, noise=0.1),
        a_record("nmf", "abu-airport-1", 0.5, seed=0, converged=True, iterations=3),
        *(a_record("rx", "abu-airport-1", 0.5, column="sweep", varied={"r": r}) for r in (1, 2)),
        a_published("abu-airport-1"),
    ]
    with (folder / "records.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in extra)
    printed = write_printed(
        tmp_path / "printed.csv", ("LREN", "2", "auc_pd_pf", "RX", "SanDiego", 0.9)
    )
    text = table(folder, what=what, kind=kind, printed=printed)
    if kind == "csv":
        assert len({len(row) for row in csv.reader(io.StringIO(text))}) == 1
    elif kind == "markdown":
        lines = [line for line in text.splitlines() if line.startswith("|")]
        assert len(lines) > 2
        assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    else:
        body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
        lines = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert lines
        assert len({line.replace(r"\&", "").count("&") for line in lines}) == 1


def test_markup_in_names_is_escaped(tmp_path):
    evil = r"50%_of $x$ & {y} #1 ~ ^ \z | *b* <i>"
    folder = write(tmp_path, a_record("rx", evil, 0.5), a_record("d_e", "s", None, reason=evil))
    latex = table(folder, kind="latex")
    row = next(line for line in latex.splitlines() if line.startswith("50"))
    assert row.startswith(
        r"50\%\_of \$x\$ \& \{y\} \#1 \textasciitilde{} \textasciicircum{} \textbackslash{}z"
        r" \textbar{} *b* \textless{}i\textgreater{} &"
    )
    assert r"d\_e" in latex
    markdown = table(folder)
    assert r"\| \*b\* \<i\> | 0.5000" in markdown
    assert "\n" not in latex_text("two\nlines")


def test_latex_uses_booktabs_and_groups_columns_by_detector(folder):
    text = table(folder, kind="latex")
    assert r"\multicolumn{2}{c}{rx}" in text
    assert r"\cmidrule(lr){2-3}" in text
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert rule in text


def test_a_spreadsheet_will_not_run_a_reason(tmp_path):
    folder = write(tmp_path, a_record("rx", "s", None, reason='=HYPERLINK("x")'))
    assert "'=HYPERLINK" in table(folder, what="failures", kind="csv")


def test_scenes_are_sorted_by_name():
    assert sorted([SceneKey("b", "t"), SceneKey("a", "t", 0.1)])[0].name == "a"
