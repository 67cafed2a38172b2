"""The page as a reader and as a browser get it."""

import datetime
from dataclasses import field, make_dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from oddspec.detections import find_detections, flag_detections
from oddspec.detector import Detector, Insight
from oddspec.errors import OddspecError
from oddspec.io.source import ArraySource, Georeference, Metadata
from oddspec.metrics import Roc
from oddspec.products import Products, write_products
from oddspec.products.charts import band_axis
from oddspec.products.spectra import measure_spectra
from oddspec.products.table import tabulate
from oddspec.report import DetectionResult, TruthComparison, write_report
from oddspec.report.facts import number, plain, ranges
from oddspec.report.histogram import count_scores
from oddspec.report.page import render
from oddspec.scene import Scene
from oddspec.statistics.gaussian import Health
from oddspec.survey import survey
from oddspec.text import bytes_text
from oddspec.threshold import Threshold

EVIL = '<script>alert("1")</script><img src=x onerror=alert(2)>'


class Page(HTMLParser):
    """Tags, addresses and visible text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += " ".join(data.split()) + " "


class Modelled:
    """A distribution of background scores, for p-values and the modelled tail."""

    def sf(self, scores):
        return np.exp(-scores / 100)

    def isf(self, pfa):
        return -100 * np.log(pfa)


def detector_of(name: str = "ridge", value=0.0, text: str = ""):
    """A detector whose settings, reference and documentation are given."""
    fields = [(name, type(value), field(default=value))]
    namespace = {"reference": text, "score_unit": text, "__doc__": text or "far from the mean"}
    return make_dataclass("Made", fields, bases=(Detector,), namespace=namespace)()


def result_of(cube, folder: Path, *, evil: str = "", place: Georeference | None = None, **more):
    meta = Metadata(
        wavelengths=np.linspace(400, 900, cube.shape[2]),
        bad_bands=np.arange(cube.shape[2]) == 4,
        georeference=place,
        description="described " + evil,
        notes=("a note " + evil,),
        interleave="bil",
        nodata=-1.0,
    )
    source = ArraySource(cube, meta, f"scene {evil}", folder / f"file{evil.replace('/', '')}.img")
    scene = Scene.of(source)
    scores = np.abs(cube - cube.mean(axis=(0, 1))).sum(axis=2)
    scores[0, :3] = np.nan
    threshold = Threshold(
        float(np.nanquantile(scores, 0.98)), "tail", 1e-3, 1e-3 * 621, 621, Modelled(),
        diagnostics={"goodness " + evil: 0.25, "nested": {"shape": 0.1}},
        warnings=("a warning " + evil,),
    )  # fmt: skip
    with np.errstate(invalid="ignore"):
        found = find_detections(scores, scores > threshold.value, min_size=2)
    found = flag_detections(found, scores, dead_rows=[9])
    products = write_products(folder, scene, scores, threshold, found, detector="rx")
    settings = {
        "scene": scene, "detector_name": "rx", "detector": detector_of(), "threshold": threshold,
        "detections": found, "products": products, "histogram": count_scores(scores),
        "survey": survey(scene),
    }  # fmt: skip
    return DetectionResult(**(settings | more))


def least_result(cube, scores, threshold: Threshold, name: str = "rx"):
    """A result without a truth, georeference, wavelengths, survey or files."""
    scene = Scene.of(ArraySource(cube))
    found = find_detections(scores, scores > threshold.value)
    products = Products({}, tabulate(found), measure_spectra(scene, found, scores, most=0))
    histogram = count_scores(scores)
    return DetectionResult(scene, name, detector_of(), threshold, found, products, histogram)


@pytest.fixture(autouse=True)
def few_spectra(monkeypatch):
    """Twelve charts a page would take most of the tests' time."""
    monkeypatch.setattr("oddspec.report.page._MOST_SPECTRA", 2)


@pytest.fixture
def truth():
    pf = np.linspace(0, 1, 50)
    names = ("auc_td", "auc_bs", "auc_snpr", "auc_tdbs", "auc_odp", "auc_pf_tau", "auc_pd_tau")
    metrics = {
        **dict.fromkeys(names), "auc_pd_pf": 2 / 3, "auc_ci_low": 0.6, "auc_ci_high": 0.7,
        "average_precision": 0.25, "pd_at_pf_0.001": 0.1, "objects": 3, "targets": 12,
        "pixels": 621,
    }  # fmt: skip
    curve = Roc(np.zeros(50), pf, np.sqrt(pf))
    return TruthComparison("truth.mat: map", metrics, curve, (0.01, 0.1))


@pytest.fixture
def full(cube, tmp_path, truth, monkeypatch):
    place = Georeference(CRS.from_epsg(32633), Affine(3, 0, 4e5, 0, -3, 4e6))
    monkeypatch.setattr("oddspec.report.page.peak_memory", lambda: 123_000_000)
    return result_of(
        cube, tmp_path, place=place, truth=truth, sha256="ab" * 32,
        health=Health(12, 11, 1, 1e5, 52.0), run_settings={"pfa": 1e-3},
        timings={"read": 1.25}, command=["oddspec", "detect", "x"],
        started=datetime.datetime(2025, 1, 2, tzinfo=datetime.UTC),
    )  # fmt: skip


def test_page_is_self_contained_and_well_formed(full, tmp_path: Path):
    write_report(tmp_path / "report.html", full)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(html) < 3_000_000
    page = Page(html)
    assert page.open == []
    assert "script" not in page.tags
    assert "link" not in page.tags
    local = {"scores.tif", "mask.tif", "detections.gpkg", "detections.geojson", "detections.csv"}
    local |= {"quicklook.png", "run.json"}
    assert {a for a in page.addresses if not a.startswith("data:image/")} == local
    assert "@import" not in html
    assert "url(" not in html
    assert "default-src 'none'" in html
    assert 'name="viewport"' in html
    assert "@media print" in html


@pytest.mark.parametrize(
    ("name", "label", "shown"),
    [
        ("encoder", "weight of each band", "encoder : weight of each band."),
        ("encoder", "encoder: weight of each band", "encoder : weight of each band."),
        ("objective", "Objective after each sweep", "Objective after each sweep."),
        ("error", "errors of each <share>", "error : errors of each <share>."),
    ],
)
def test_the_name_of_an_insight_stands_once_in_its_caption(cube, tmp_path, name, label, shown):
    insight = Insight(name, "curve", np.arange(3.0), label)
    result = result_of(cube, tmp_path)
    pictures = {f"insights/{name}.png": result.products.paths["quicklook.png"]}
    products = replace(result.products, paths=result.products.paths | pictures)
    result = replace(result, insights=[insight], products=products)
    assert shown in Page(render(result)).text


def test_page_says_what_matters(full):
    text = Page(render(full)).text
    found = full.detections
    for words in (
        f"{len(found)} object",
        f"threshold of {number(full.threshold.value)}",
        "by a law fitted to the tail of the scores for 0.001 false alarms per pixel",
        "about 0.62 false pixels are expected by chance",
        "11 of 12; left out: 5, which the file calls bad",
        "24 rows × 26 columns × 12 bands",
        "3 of 624 (0.481 %)",
        "EPSG:32633",
        "11 of 12 (deficient)",
        "the covariance has rank" if full.health.rank < 11 else "bands are constant",
        "0.6667 (95 % interval 0.6000 to 0.7000)",
        "undefined",
        "a warning",
        "a note",
        "400.0 to 900.0 nm",
        "ab" * 32,
        "123 MB",
        "oddspec detect x",
    ):
        assert words in text, words
    assert found.too_small
    assert f"{found.too_small} smaller than asked for" in text


def test_text_from_files_is_escaped(cube, tmp_path: Path, truth):
    result = result_of(
        cube, tmp_path, evil=EVIL, truth=replace(truth, name=EVIL, notes=(EVIL,)),
        detector=detector_of("evil", EVIL, EVIL), run_settings={EVIL: [EVIL]}, warnings=(EVIL,),
        command=[EVIL], timings={EVIL: 1.0}, sha256=EVIL,
    )  # fmt: skip
    paths = result.products.paths | {EVIL: tmp_path, "javascript:alert(1)": tmp_path}
    html = render(replace(result, products=replace(result.products, paths=paths)))
    page = Page(html)
    assert "<script" not in html
    assert "onerror" not in page.attributes
    assert page.text.count("<script>alert(") > 12
    assert not any(address.startswith("javascript:") for address in page.addresses)


def test_control_characters_do_not_reach_the_page(cube, tmp_path: Path):
    evil = "\x1b[31mred\x07"
    html = render(result_of(cube, tmp_path, evil=evil, command=[evil], warnings=("\x00null",)))
    assert not set("\x1b\x07\x00") & set(html)


def test_least_content(cube, tmp_path: Path):
    """A run without truth, georeference, wavelengths, covariance, spectra or pictures."""
    threshold = Threshold(1.0, "otsu", None, None, 624)
    page = Page(render(least_result(cube, np.ones((24, 26)), threshold, "crd")))
    assert "No object lies above a threshold of 1 " in page.text
    assert "by Otsu's method" in page.text
    assert "none: positions are rows and columns" in page.text
    assert "Compared with the truth" not in page.text
    assert "expected by chance" not in page.text


def test_nothing_scored(cube):
    threshold = Threshold(np.inf, "tail", 1e-3, 0.0, 0)
    result = least_result(cube, np.full((24, 26), np.nan), threshold)
    assert "624 of 624" in Page(render(result)).text


def test_a_thousand_detections_make_a_short_page(rng):
    cube = rng.random((100, 100, 20))
    scores = np.zeros((100, 100))
    scores[::3, ::3] = rng.random((34, 34)) + 1
    html = render(least_result(cube, scores, Threshold(1.0, "top", None, None, 10_000)))
    assert "The 50 highest peaks of 1,156." in Page(html).text
    assert html.count("<tr>") < 120


def test_old_report_survives_a_failure(full, tmp_path: Path, monkeypatch):
    path = tmp_path / "report.html"
    write_report(path, full)
    before = path.read_text(encoding="utf-8")

    def half(self, text, **options):
        self.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(OddspecError, match="No space left"):
        write_report(path, full)
    monkeypatch.undo()
    assert path.read_text(encoding="utf-8") == before


def test_large_pictures_are_embedded_smaller(full, tmp_path: Path, rng):
    from PIL import Image

    Image.fromarray(rng.integers(0, 255, (1000, 1500, 3), np.uint8)).save(tmp_path / "noise.png")
    assert (tmp_path / "noise.png").stat().st_size > 4e6
    paths = full.products.paths | {"quicklook.png": tmp_path / "noise.png"}
    html = render(replace(full, products=replace(full.products, paths=paths)))
    assert "data:image/jpeg;base64," in html
    assert len(html) < 3e6


@pytest.mark.parametrize("kind", ["heavy", "both signs", "constant", "with infinity"])
def test_histogram_counts_every_score_once(rng, kind):
    scores = {
        "heavy": np.exp(2 * rng.normal(size=(300, 200))),
        "both signs": rng.normal(size=(300, 200)),
        "constant": np.full((300, 200), 7.0),
        "with infinity": np.where(rng.random((300, 200)) > 0.999, np.inf, rng.random((300, 200))),
    }[kind]
    scores[:5] = np.nan
    histogram = count_scores(scores)
    assert histogram.counts.sum() == histogram.valid == 295 * 200
    assert histogram.invalid == 5 * 200
    assert histogram.logarithmic == (kind == "heavy" or kind == "with infinity")
    assert histogram.coarse(128)[1].sum() == histogram.valid
    assert histogram.exceedance[0] == 1.0
    if kind == "heavy":
        edge = histogram.edges[3000]
        assert histogram.exceedance[3000] == np.nanmean(scores[5:] >= edge)


def test_histogram_of_nothing():
    assert count_scores(np.full((3, 4), np.nan)) is None


def test_spectra_are_broken_where_bands_are_left_out(full):
    along, gaps, _ = band_axis(full.products.spectra.bands, full.products.spectra.wavelengths)
    assert along.tolist() == full.scene.wavelengths.tolist()
    assert gaps.tolist() == [4]


def test_spectra_are_broken_where_wavelengths_jump():
    waves = np.r_[400:500:10, 900:1000:10].astype(float)
    assert band_axis(np.arange(20), waves)[1].tolist() == [10]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234567, "1,234,567"),
        (1234.56, "1,235"),
        (12.3456, "12.35"),
        (1e-9, "1e-09"),
        (0.0, "0"),
        (-0.5, "-0.5"),
        (3.2e12, "3.2e+12"),
        (float("nan"), "–"),
        (float("inf"), "∞"),
        (None, "–"),
    ],
)
def test_numbers_for_reading(value, text):
    assert number(value) == text


def test_settings_for_reading():
    assert plain(None) == "none"
    assert plain(True) == "yes"
    assert plain([1, 2.5]) == "1, 2.5"
    assert plain({"a_b": 1.5, "c": None}) == "a b 1.5; c none"


def test_ranges_of_bands():
    assert ranges([1, 2, 3, 7, 9, 10]) == "1–3, 7, 9–10"
    assert ranges([]) == ""


def test_sizes_for_reading():
    assert [bytes_text(n) for n in (12, 1500, 2_500_000, 10e9, None)] == [
        "12 bytes", "1.5 kB", "2.5 MB", "10 GB", "–",
    ]  # fmt: skip
