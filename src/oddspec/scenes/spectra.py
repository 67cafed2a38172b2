"""Reflectance spectra of common materials, as analytic models of their absorption features.

A spectrum is a smooth continuum multiplied by absorption features, each a Gaussian of a stated
centre, width and depth. The centres are those of the literature: leaf pigments, leaf water and
cellulose (Curran 1989, doi:10.1016/0034-4257(89)90069-2), iron oxides, clay and carbonate (Hunt
1977, doi:10.1190/1.1440721), hydrocarbons in plastics and paints (Cloutis 1989,
doi:10.1126/science.245.4914.165). The spectra resemble measured ones in shape; they are no
measurements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from oddspec.arrays import Spectrum

Features = tuple[tuple[float, float, float], ...]
"""Absorptions: centre and standard deviation in nanometres, depth as a fraction."""

_LEAF_WATER: Features = (
    (975, 28, 0.06), (1195, 35, 0.10), (1450, 62, 0.52), (1770, 45, 0.08), (1940, 80, 0.66),
    (2500, 130, 0.45),
)  # fmt: skip
_CELLULOSE: Features = (
    (1490, 45, 0.06), (1728, 28, 0.07), (1940, 45, 0.13), (2100, 48, 0.16), (2310, 38, 0.13),
    (2480, 40, 0.12),
)  # fmt: skip
_CLAY: Features = ((1413, 22, 0.09), (1915, 40, 0.16), (2207, 20, 0.15), (2345, 22, 0.05))
_CARBONATE: Features = ((1415, 25, 0.05), (1930, 45, 0.11), (2337, 30, 0.16), (2500, 60, 0.14))
_HYDROCARBON: Features = (
    (1192, 14, 0.16), (1215, 12, 0.14), (1395, 22, 0.14), (1417, 14, 0.10), (1728, 13, 0.38),
    (1763, 13, 0.28), (2310, 18, 0.42), (2350, 18, 0.34), (2460, 30, 0.30),
)  # fmt: skip


def reflectance(material: str, wavelengths: Spectrum) -> Spectrum:
    """Reflectance, 0 to 1, of a material in `BACKGROUND` or `TARGETS` at those nanometres."""
    model = BACKGROUND.get(material) or TARGETS[material]
    return np.clip(model(np.asarray(wavelengths, dtype=np.float64)), 0.0, 1.0)


def _absorb(wavelengths: Spectrum, features: Features, strength: float = 1.0) -> Spectrum:
    """Transmission of the features; a strength above 1 deepens them by Beer's law."""
    result = np.ones_like(wavelengths)
    for centre, width, depth in features:
        shape = np.exp(-0.5 * ((wavelengths - centre) / width) ** 2)
        result *= (1.0 - depth * shape) ** strength
    return result


def _step(wavelengths: Spectrum, centre: float, width: float) -> Spectrum:
    """A rise from 0 to 1."""
    return 1.0 / (1.0 + np.exp(-(wavelengths - centre) / width))


def _curve(wavelengths: Spectrum, points: Mapping[int, float]) -> Spectrum:
    """A smooth, shape-preserving continuum through (nanometres, reflectance) points."""
    from scipy.interpolate import PchipInterpolator

    at = np.array(sorted(points), dtype=np.float64)
    values = np.array([points[x] for x in at])
    inside = np.clip(wavelengths, at[0], at[-1])
    return np.asarray(PchipInterpolator(at, values)(inside), dtype=np.float64)


def _vegetation(
    chlorophyll: float, water: float, near_infrared: float, dry: float = 0.0, edge: float = 716.0
) -> Callable[[Spectrum], Spectrum]:
    """A leaf canopy: pigments in the visible, the red edge, the plateau, leaf water, dry matter."""

    def model(x: Spectrum) -> Spectrum:
        plateau = near_infrared * _curve(
            x, {350: 1.0, 900: 1.0, 1300: 0.92, 1650: 0.66, 2200: 0.40, 2500: 0.26}
        )
        pigments: Features = ((440, 50, 0.90), (495, 35, 0.72), (670, 32, 0.90), (630, 38, 0.62))
        below = (0.30 + 0.12 * dry) * near_infrared * _absorb(x, pigments, chlorophyll)
        rise = _step(x, edge, 11.0)
        green = (below * (1.0 - rise) + plateau * rise) * _absorb(x, _LEAF_WATER, water)
        return (1.0 - dry) * green + dry * _dry_matter(0.55)(x)

    return model


def _dry_matter(level: float) -> Callable[[Spectrum], Spectrum]:
    """Stubble and dry grass: a slope in the visible, cellulose and lignin beyond."""

    def model(x: Spectrum) -> Spectrum:
        slope = {350: 0.10, 500: 0.24, 700: 0.52, 900: 0.78, 1300: 1.0, 1650: 0.98, 2500: 0.66}
        return level * _curve(x, slope) * _absorb(x, _CELLULOSE)

    return model


def _soil(level: float, iron: float, clay: float, organic: float) -> Callable[[Spectrum], Spectrum]:
    """Bare soil: iron oxide in the visible and at 900 nm, hydroxyl and clay beyond 1400 nm."""
    oxide: Features = ((430, 70, 0.60), (510, 45, 0.42), (660, 40, 0.10), (885, 60, 0.17))

    def model(x: Spectrum) -> Spectrum:
        bright = {350: 0.34, 500: 0.52, 700: 0.72, 1000: 0.86, 1400: 0.97, 1800: 1.0, 2500: 0.86}
        humus = 1.0 - organic * np.exp(-(((x - 350.0) / 650.0) ** 2))
        return level * _curve(x, bright) * humus * _absorb(x, oxide, iron) * _absorb(x, _CLAY, clay)

    return model


def _flat(
    points: Mapping[int, float], features: Features = (), strength: float = 1.0
) -> Callable[[Spectrum], Spectrum]:
    """A continuum with features."""
    return lambda x: _curve(x, points) * _absorb(x, features, strength)


def _water(sediment: float) -> Callable[[Spectrum], Spectrum]:
    """Open water: dark, black beyond 900 nm; sediment raises the visible."""

    def model(x: Spectrum) -> Spectrum:
        clear = {350: 0.030, 450: 0.040, 520: 0.034, 600: 0.016, 700: 0.007, 800: 0.004, 950: 0.002}
        muddy = {350: 0.02, 450: 0.05, 560: 0.12, 650: 0.11, 720: 0.06, 810: 0.045, 950: 0.006}
        return _curve(x, clear) + sediment * _curve(x, muddy)

    return model


BACKGROUND: dict[str, Callable[[Spectrum], Spectrum]] = {
    "crop, dense": _vegetation(1.0, 1.15, 0.54),
    "crop, young": _vegetation(0.62, 0.70, 0.40, dry=0.10, edge=711.0),
    "grass": _vegetation(0.75, 0.80, 0.42, dry=0.18, edge=713.0),
    "dry grass": _dry_matter(0.44),
    "stubble": _dry_matter(0.58),
    "broadleaf": _vegetation(1.15, 1.05, 0.46, edge=719.0),
    "conifer": _vegetation(1.25, 1.30, 0.27, edge=721.0),
    "soil, clay": _soil(0.46, iron=0.8, clay=1.3, organic=0.10),
    "soil, dark": _soil(0.23, iron=0.5, clay=0.8, organic=0.45),
    "soil, red": _soil(0.40, iron=1.7, clay=1.0, organic=0.05),
    "sand": _soil(0.50, iron=0.45, clay=0.35, organic=0.0),
    "asphalt": _flat(
        {350: 0.055, 600: 0.085, 1000: 0.115, 1600: 0.145, 2200: 0.150, 2500: 0.135},
        ((1730, 22, 0.03), (2310, 28, 0.05)),
    ),
    "concrete": _flat(
        {350: 0.16, 500: 0.27, 700: 0.33, 1000: 0.36, 1600: 0.40, 2200: 0.37, 2500: 0.30},
        _CARBONATE,
    ),
    "roof tile": lambda x: 1.15 * _soil(0.40, iron=1.5, clay=0.25, organic=0.0)(x),
    "roof, bitumen": _flat(
        {350: 0.045, 700: 0.060, 1200: 0.075, 2000: 0.095, 2500: 0.090}, _HYDROCARBON, 0.25
    ),
    "water, clear": _water(0.0),
    "water, turbid": _water(0.8),
}
"""What the landscape is made of."""

TARGETS: dict[str, Callable[[Spectrum], Spectrum]] = {
    "green paint": _flat(
        {350: 0.04, 460: 0.05, 545: 0.12, 620: 0.06, 680: 0.06, 760: 0.25, 900: 0.38, 1300: 0.42}
        | {1800: 0.34, 2500: 0.22},
        _HYDROCARBON,
        0.55,
    ),
    "white paint": _flat(
        {350: 0.06, 390: 0.20, 420: 0.66, 500: 0.78, 900: 0.76, 1300: 0.68, 1800: 0.50, 2500: 0.30},
        _HYDROCARBON,
        0.60,
    ),
    "blue tarpaulin": _flat(
        {350: 0.12, 450: 0.38, 500: 0.24, 580: 0.06, 680: 0.07, 740: 0.34, 850: 0.52, 1300: 0.54}
        | {1800: 0.46, 2500: 0.34},
        _HYDROCARBON,
        1.25,
    ),
    "orange fabric": _flat(
        {350: 0.06, 480: 0.07, 560: 0.14, 600: 0.58, 650: 0.74, 900: 0.74, 1300: 0.70, 1800: 0.58}
        | {2500: 0.40},
        ((1130, 22, 0.08), (1660, 26, 0.26), (1720, 22, 0.12), (2130, 32, 0.30), (2330, 40, 0.28)),
    ),
    "bare metal": _flat({350: 0.42, 600: 0.48, 850: 0.46, 1200: 0.54, 1800: 0.60, 2500: 0.64}),
    "solar panel": _flat(
        {350: 0.06, 450: 0.07, 700: 0.03, 950: 0.05, 1060: 0.16, 1150: 0.27, 1600: 0.25}
        | {2500: 0.14},
        ((1660, 20, 0.10), (2130, 22, 0.14), (2260, 20, 0.10)),
    ),
}
"""What is implanted: materials that the landscape does not hold."""
