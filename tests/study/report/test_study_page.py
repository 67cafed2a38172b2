"""The report of a study as a browser gets it."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from recorded import a_record, write, write_printed

from oddspec.errors import OddspecError
from oddspec.study.report import report

EVIL = '<script>alert("1")</script><img src=x onerror=alert(2)>'


class Page(HTMLParser):
    """Tags, addresses and visible text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.attributes: set[str] = set()
        self.ids: set[str] = set()
        self.text = ""
        self.html = html
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [v for n, v in attrs if n in ("src", "href")]
        self.ids |= {v for n, v in attrs if n == "id"}

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    tmp_path = tmp_path_factory.mktemp("page")
    folder = write(
        tmp_path / "study",
        *(a_record(d, s, 0.8) for d in ("rx", "crd") for s in ("sandiego-2", "hydice-162")),
        a_record("pca_rx", "sandiego-2", 0.85),
        *(a_record("lren", "sandiego-2", 0.7 + i / 10, seed=i) for i in range(3)),
        a_record("lren", "hydice-162", None, seed=0, status="killed", reason=EVIL),
        a_record("lren", "sandiego-2", 0.4, column="A: no l21", varied={"k": 1}, seed=0),
        a_record("rx", "sandiego-2", 0.6, noise=0.1),
        *(a_record("rx", "sandiego-2", 0.5, column="sweep", varied={"r": r}) for r in (1, 2, 3)),
    )
    printed = write_printed(
        tmp_path / "p.csv",
        ("LREN", "2", "auc_pd_pf", "RX", "SanDiego", 0.9403),
        ("LREN", "2", "auc_pd_pf", "one of tomorrow", "SanDiego", 0.9595),
    )
    return Page(report(folder, tmp_path / "out.html", printed=printed).read_text(encoding="utf-8"))


def test_the_page_is_whole_and_loads_nothing(page):
    assert all(a.startswith(("data:image/", "#")) for a in page.addresses)
    assert not {"link", "iframe", "object", "embed"} & set(page.tags)
    assert not {name for name in page.attributes if name.startswith("on")}
    assert page.tags.count("script") == 1
    for anchor in (a for a in page.addresses if a.startswith("#")):
        assert anchor[1:] in page.ids


def test_only_its_own_script_may_run(page):
    script = page.html[page.html.index("<script>") + 8 : page.html.index("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page.html


def test_it_says_what_was_run_what_failed_and_what_is_missing(page):
    for words in (
        "0.80000.7000 to 0.9000; 3 seeds",  # in two lines
        "−0.1403 beside 0.9403 (LREN, Table 2)",
        "1 of 2",  # printed values measured
        "1 run has no result",
        "1 waiting for a detector that is not here",
        "No figure of score maps: no score map was kept",
        "pca_rx, defaults, was not run on hydice-162.",
        "a processor, 2 cores, 8.00 GB, Linux",
        "2026-01-02",
        "A: no l21",
    ):
        assert words in page.text or words in page.html, words


def test_text_of_records_is_escaped(page):
    assert EVIL not in page.html
    assert 'alert("1")' in page.text  # shown as text


def test_tables_sort_by_numbers_and_keep_totals_apart(page):
    assert 'data-sort="0.8"' in page.html
    assert re.search(r'<tr class="total"><th scope="row">mean</th>', page.html)
    assert page.html.count('class="sheet sortable"') > 5


def test_figures_have_captions_and_alternative_texts(page):
    pictures = page.html.count("<img ")
    assert pictures >= 4
    assert page.html.count("<figcaption>") == pictures
    assert len(re.findall(r'<img [^>]*alt="[^"]{10,}"', page.html)) == pictures


def test_it_goes_where_it_is_told(tmp_path):
    folder = write(tmp_path / "study", a_record("rx", "s", 0.5))
    assert report(folder) == folder / "report.html"
    assert report(folder, tmp_path / "a folder") == tmp_path / "a folder" / "report.html"
    (tmp_path / "file").write_text("")
    with pytest.raises(OddspecError, match="cannot be written"):
        report(folder, tmp_path / "file" / "report.html")


def test_results_to_be_doubted_are_shown(tmp_path):
    why = "there is no valid target pixel"
    empty = {"undefined": {"auc_pd_pf": why}, "auc_pd_pf": None, "auc_pf_tau": 0.1}
    told = [f"3 of {n} pixels have the same score" for n in (10, 20)]
    folder = write(
        tmp_path,
        a_record("rx", "hill", 0.8, warnings=[told[0], told[0]]),
        a_record("rx", "bare", 0.0, metrics=empty, warnings=[told[1], "is odd"]),
        a_record("crd", "hill", 0.7, converged=False, warnings=["not converged after 9 steps"]),
    )
    page = Page(report(folder).read_text(encoding="utf-8"))
    results = page.text[page.text.index("AUC(PD, PF)") :]
    assert f"bareundefined: {why}" in re.sub(r"\s*\n\s*", "", results)
    doubts = page.text[page.text.index("Before you trust this") :][:900]
    assert f"rx (2 runs): {told[0]}" in doubts
    assert told[1] not in doubts
    assert "rx (1 run): is odd" in doubts
    assert "1 of 3 runs did not converge" in doubts
    assert "not converged after" not in doubts


def test_a_study_of_failures_alone_is_a_page(tmp_path):
    folder = write(tmp_path, a_record("rx", "s", None))
    text = report(folder).read_text(encoding="utf-8")
    assert "ValueError: no luck" in text
