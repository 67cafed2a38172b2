"""Detect anomalies in a NumPy array, threshold them and list the objects."""

import numpy as np

import oddspec
from oddspec.detections import find_detections
from oddspec.threshold import choose

rng = np.random.default_rng(0)
materials = rng.uniform(0.1, 0.6, (4, 60))
cube = rng.dirichlet(np.ones(4), (80, 100)) @ materials + rng.normal(0, 0.003, (80, 100, 60))
cube[30:32, 40:43] += 0.02 * np.sin(np.arange(60) / 3)  # a small object of another material

scores = oddspec.detect(cube, "rx")
threshold = choose(scores, pfa=1e-3)
for found in find_detections(scores, threshold.mask(scores)):
    print(f"{found.size} pixels around row {found.centroid[0]:.1f}, peak score {found.peak:.0f}")
