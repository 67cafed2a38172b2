"""Objects found, missed and invented."""

import numpy as np
import pytest

from oddspec.errors import InputError
from oddspec.metrics import count_objects


def test_by_hand():
    truth = np.zeros((6, 8), dtype=bool)
    truth[0, 0] = truth[1, 1] = True  # one object: they touch at a corner
    truth[0, 5] = True
    truth[5, 7] = True
    scores = np.zeros((6, 8))
    scores[1, 1] = 9.0
    scores[0, 2] = 9.0  # touches (1, 1): part of the same detection, no false object
    scores[4, 2] = scores[5, 3] = 9.0
    scores[0, 5] = 3.0
    scores[5, 7] = np.nan
    found = count_objects(scores, truth, 3.0)
    assert (found.objects, found.detected, found.false_objects, found.unseen) == (2, 1, 1, 1)
    assert count_objects(scores, truth, 2.9).detected == 2


def test_nothing_at_all():
    found = count_objects(np.zeros((3, 3)), np.zeros((3, 3)), 0.0)
    assert (found.objects, found.detected, found.false_objects) == (0, 0, 0)


def test_needs_an_image():
    with pytest.raises(InputError, match="rows and columns"):
        count_objects(np.zeros(9), np.zeros(9), 0.0)
