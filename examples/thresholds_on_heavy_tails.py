"""What a stated false-alarm rate is worth: theory and tail fit on light and on heavy tails.

Draws the scores that RX gives to three kinds of background (Gaussian, Student, K), chooses a
threshold by the Gaussian theory and by the tail fit, and compares the rate that each achieves,
known exactly from the law, with the rate that was stated. With ``--scenes FOLDER`` it does the same
for real scenes in MATLAB files (variables ``data`` and ``map``), whose background is known from
the truth. Writes the figures of ``docs/thresholds.md``::

    python examples/thresholds_on_heavy_tails.py --out docs/images
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from scipy import special, stats
from scipy.io import loadmat

from oddspec.statistics.gaussian import Gaussian
from oddspec.statistics.summary import Moments
from oddspec.threshold import (
    ChiSquareDistribution,
    MahalanobisDistribution,
    Tail,
    TailFit,
    fit_tail,
)

matplotlib.use("Agg")
import matplotlib.pyplot as plt

BANDS = 50
RATES = np.logspace(-2, -5, 7)
THEORY, FIT, SCORES = "#D55E00", "#0072B2", "#444444"
PLAIN = {"svg.hashsalt": "oddspec", "font.size": 9, "axes.spines.top": False,
         "axes.spines.right": False}  # fmt: skip


class Background(NamedTuple):
    """A law of spectra, by its RX scores."""

    title: str
    draw: Callable[[np.random.Generator, int], np.ndarray]
    rate: Callable[[float], float]


def k_rate(score: float) -> float:
    """The chi-square law averaged over an exponential texture."""
    logarithm = np.linspace(-20, 5, 20_001)
    texture = np.exp(logarithm)
    held = texture * np.exp(-texture) * special.gammaincc(BANDS / 2, score / (2 * texture))
    return float(np.trapezoid(held, logarithm))


BACKGROUNDS = (
    Background(
        "Gaussian",
        lambda random, n: random.chisquare(BANDS, n),
        lambda score: float(special.gammaincc(BANDS / 2, score / 2)),
    ),
    Background(
        "Student, 5 degrees of freedom",
        # The theory knows the covariance, which is 5/3 of the scale matrix.
        lambda random, n: 0.6 * random.chisquare(BANDS, n) / (random.chisquare(5, n) / 5),
        lambda score: float(stats.f.sf(score / 0.6 / BANDS, BANDS, 5)),
    ),
    Background(
        "K, exponential texture",
        lambda random, n: random.chisquare(BANDS, n) * random.exponential(1, n),
        k_rate,
    ),
)


def compare(pixels: int, seeds: int, out: Path) -> None:
    """Draw the tails and the achieved rates of the synthetic backgrounds."""
    theory = ChiSquareDistribution(BANDS)
    figure, axes = plt.subplots(2, 3, figsize=(9.6, 6.2), sharey="row", layout="constrained")
    for column, background in enumerate(BACKGROUNDS):
        fits = []
        for seed in range(seeds):
            scores = background.draw(np.random.default_rng(seed), pixels)
            fits.append(fit_tail(Tail.of(scores, Tail.size_for(pixels, 0.1))))
        draw_tail(axes[0, column], background, fits[0], theory)
        draw_rates(axes[1, column], background, fits, theory)
    axes[0, 0].set_ylabel("share of pixels that score higher")
    axes[1, 0].set_ylabel("achieved rate / stated rate")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    save(figure, out / "thresholds_on_heavy_tails")


def draw_tail(
    ax: plt.Axes, background: Background, fit: TailFit, theory: ChiSquareDistribution
) -> None:
    """Survival function: counted, by theory and as fitted."""
    tail = fit.tail
    rank = np.unique(np.geomspace(1, len(tail.scores), 60).astype(int))
    ax.loglog(tail.scores[rank - 1], rank / tail.count, "o", ms=3, color=SCORES,
              label="counted in one scene")  # fmt: skip
    rates = np.logspace(-1, -6.5, 100)
    ax.loglog([theory.isf(p) for p in rates], rates, color=THEORY, lw=2, label="Gaussian theory")
    rates = rates[rates < fit.share]
    ax.loglog([fit.isf(p) for p in rates], rates, color=FIT, lw=2, label="tail fit")
    ax.axvline(fit.level, color=FIT, lw=0.8, ls=":", label="where the fitted tail begins")
    ax.set(title=background.title, xlabel="RX score", ylim=(10**-6.5, 0.2))
    low, high = theory.isf(0.15), max(fit.isf(10**-6.3), theory.isf(10**-6.3)) * 1.1
    ax.set_xlim(low, high)
    wide = high > 2000
    places = (100, 300, 1000, 3000, 10_000) if wide else (60, 80, 100, 120, 200, 400, 800)
    ticks = [t for t in places if low * 1.05 < t < high and (high < 200 or t not in (80, 120))]
    ax.set_xticks(ticks, [f"{t:,}" for t in ticks])
    ax.minorticks_off()


def draw_rates(
    ax: plt.Axes, background: Background, fits: Sequence[TailFit], theory: ChiSquareDistribution
) -> None:
    """Achieved over stated rate, one thin line per scene."""
    ax.axhspan(0.5, 2, color="0.92", zorder=0)
    ax.axhline(1, color="0.5", lw=0.8)
    ax.text(9e-3, 2.2, "grey: within a factor of 2", color="0.35", fontsize=8)
    believed = [background.rate(theory.isf(p)) / p for p in RATES]
    ax.loglog(RATES, believed, "o-", color=THEORY, lw=2, ms=4)
    for fit in fits:
        achieved = [background.rate(fit.isf(p)) / p for p in RATES]
        ax.loglog(RATES, achieved, "o-", color=FIT, lw=1, ms=3, alpha=0.6)
    ax.set(xlabel="stated false-alarm rate per pixel", ylim=(0.3, 2e4))
    ax.invert_xaxis()
    print(f"{background.title}: theory at 1e-3 {believed[2]:.3g}, at 1e-5 {believed[-1]:.3g} times")
    for p in (1e-3, 1e-5):
        found = sorted(background.rate(fit.isf(p)) / p for fit in fits)
        print(f"   tail fit at {p:g}: {found[0]:.2f} to {found[-1]:.2f}")


def compare_scenes(folder: Path, out: Path, pfa: float = 1e-3) -> None:
    """The same on real scenes: share of the truth's background above each threshold."""
    rows = []
    for path in sorted(folder.glob("*.mat")):
        try:
            held = loadmat(path, variable_names=["data", "map"])
        except NotImplementedError:
            continue  # a MATLAB 7.3 file
        if "map" in held and held["data"].shape[:2] == held["map"].shape:
            rows.append((path.stem, *scene_rates(held["data"], held["map"] > 0, pfa)))
    if not rows:
        raise SystemExit(f"{folder}: no MATLAB file with the variables data and map")
    rows.sort(key=lambda row: row[1])
    figure, ax = plt.subplots(figsize=(7.2, 0.34 * len(rows) + 1.5), layout="constrained")
    ax.axvspan(0.5, 2, color="0.92", zorder=0)
    ax.axvline(1, color="0.5", lw=0.8)
    place = np.arange(len(rows))
    floor = 0.05
    kinds = [(1, "s", THEORY, THEORY, 0.0, "Gaussian theory (Beta law)"),
             (2, "o", FIT, FIT, -0.12, "tail fit, anomalies in the scene"),
             (3, "o", FIT, "white", 0.12, "tail fit, anomalies taken out")]  # fmt: skip
    for field, marker, colour, face, shift, label in kinds:
        value = np.array([row[field] for row in rows])
        shown = np.maximum(value, floor)
        ax.semilogx(shown, place + shift, marker, ms=6, color=colour, mfc=face, label=label)
        for i in np.flatnonzero(value < floor):
            ax.annotate("none", (floor, place[i] + shift), (7, 0), textcoords="offset points",
                        va="center", color=colour, fontsize=8)  # fmt: skip
    ax.text(2.2, len(rows) - 0.5, "grey: within a factor of 2", color="0.35", fontsize=8)
    ax.set_yticks(place, [row[0] for row in rows])
    ax.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    ax.set(xlabel=f"achieved / stated false-alarm rate at a stated {pfa:g}", xlim=(0.04, 300))
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    save(figure, out / "thresholds_on_real_scenes")
    for name, theory, fit, clean in rows:
        print(f"{name:22s} theory {theory:7.1f}  tail {fit:5.2f}  tail, clean {clean:5.2f}")


def scene_rates(data: np.ndarray, truth: np.ndarray, pfa: float) -> tuple[float, float, float]:
    """Achieved over stated rate of theory, tail fit, and tail fit to the background alone."""
    pixels = data.reshape(-1, data.shape[2]).astype(np.float64)
    scores = Gaussian.of(Moments.of(pixels)).score(pixels)
    background = scores[~truth.ravel()]
    rank = np.linalg.matrix_rank(np.corrcoef(pixels[:, pixels.std(axis=0) > 0], rowvar=False))
    theory = MahalanobisDistribution(int(rank), len(pixels)).isf(pfa)
    fitted = fit_tail(Tail.of(scores)).isf(pfa)
    clean = fit_tail(Tail.of(background)).isf(pfa)
    above = [(background > value).mean() / pfa for value in (theory, fitted, clean)]
    return above[0], above[1], above[2]


def save(figure: plt.Figure, path: Path) -> None:
    """As PNG and SVG, the same bytes every time."""
    figure.savefig(path.with_suffix(".png"), dpi=160)
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    plt.close(figure)
    print(f"wrote {path}.png and .svg")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--pixels", type=int, default=1_000_000, help="of a synthetic scene")
    parser.add_argument("--seeds", type=int, default=10, help="number of scenes of each kind")
    parser.add_argument("--scenes", type=Path, help="folder of real scenes in MATLAB files")
    settings = parser.parse_args()
    settings.out.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(PLAIN):
        compare(settings.pixels, settings.seeds, settings.out)
        if settings.scenes:
            compare_scenes(settings.scenes, settings.out)


if __name__ == "__main__":
    main()
