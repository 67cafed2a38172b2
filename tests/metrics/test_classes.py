"""What goes into a metric: shapes, truths and invalid pixels."""

import numpy as np
import pytest

from oddspec.errors import InputError
from oddspec.metrics import Classes


def test_parts_and_sorts():
    classes = Classes.of(np.array([[3.0, 1.0], [np.nan, 2.0]]), np.array([[0, 1], [1, 0]]))
    assert classes.background.tolist() == [2.0, 3.0]
    assert classes.targets.tolist() == [1.0]
    assert (classes.invalid, classes.invalid_targets) == (1, 1)


def test_ties_count_half():
    classes = Classes(np.array([1.0, 2.0, 2.0, 3.0]), np.array([0.0, 2.0, 9.0]))
    assert classes.below_targets.tolist() == [0.0, 2.0, 4.0]
    assert classes.not_below_targets.tolist() == [4, 3, 0]


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32])
def test_takes_a_truth_of_any_real_type(kind):
    truth = np.array([0, 1, 1]).astype(kind)
    assert Classes.of(np.arange(3, dtype=np.int16), truth).targets.tolist() == [1.0, 2.0]


def test_names_what_is_wrong_with_a_truth():
    scores = np.zeros((2, 3))
    with pytest.raises(InputError, match=r"holds the values 0, 255.*truth > 0"):
        Classes.of(scores, np.array([[0, 255, 0], [0, 0, 0]], dtype=np.uint8))
    with pytest.raises(InputError, match="holds the values 0, nan"):
        Classes.of(scores, np.array([[0, np.nan, 0], [0, 0, 0]]))
    with pytest.raises(InputError, match=r"shape \(3, 2\).*transposed"):
        Classes.of(scores, np.zeros((3, 2)))
    with pytest.raises(InputError, match=r"shape \(7,\), but the scores have \(2, 3\)"):
        Classes.of(scores, np.zeros(7))
    with pytest.raises(InputError, match="type <U1"):
        Classes.of(scores, np.full((2, 3), "a"))


def test_infinite_or_complex_scores_are_refused():
    with pytest.raises(InputError, match="2 scores are infinite"):
        Classes.of(np.array([np.inf, -np.inf, 1.0]), np.array([0, 1, 0]))
    with pytest.raises(InputError, match="complex128"):
        Classes.of(np.array([1j]), np.array([0]))


def test_tensors_are_scores_and_truths():
    torch = pytest.importorskip("torch")
    scores, truth = np.array([3.0, 1.0, 2.0]), np.array([1, 0, 0])
    found = Classes.of(torch.tensor(scores, requires_grad=True), torch.tensor(truth))
    assert found.targets.tolist() == [3.0]
    assert found.background.tolist() == [1.0, 2.0]
