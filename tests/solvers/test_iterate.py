import warnings

import pytest

from oddspec.errors import NotConverged
from oddspec.solvers.iterate import converge, iterate

HALVE = {"gap": lambda old, new: abs(old - new), "tol": 1e-3}


def test_it_stops_at_the_tolerance():
    states = list(iterate(lambda x: x / 2, 1.0, **HALVE, max_iter=100))
    assert states[:3] == [0.5, 0.25, 0.125]
    assert states[-2] - states[-1] <= 1e-3 < states[-3] - states[-2]


def test_it_warns_with_the_gap_that_is_left():
    with pytest.warns(NotConverged, match=r"after 3 steps: the gap is 0\.12, the tolerance 0\.001"):
        assert converge(lambda x: x / 2, 1.0, **HALVE, max_iter=3) == 0.125


def test_a_caller_may_leave_early_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for count, _ in enumerate(iterate(lambda x: x / 2, 1.0, **HALVE, max_iter=5)):
            if count == 1:
                break
