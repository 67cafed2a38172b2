"""Detectors that can run on an accelerator score tensors as they score arrays."""

import numpy as np
import pytest
import torch

from oddspec import detectors

CASES = {
    "frfe": {},
    "frfe order": {"order": 0.4},
    "aae": {"hidden": 16, "critic": 8, "steps": 10},
    "aae fused": {"hidden": 16, "critic": 8, "steps": 10, "score": "fused"},
    "safl_rx": {"hidden": 16, "critic": 8, "steps": 10, "latent": 5},
    "bsdm": {"steps": 3, "removals": 1},
}


@pytest.mark.parametrize("case", CASES)
def test_tensors_are_learnt_from_and_scored_as_arrays_are(case, cube):
    pixels = cube.reshape(-1, cube.shape[2])
    tensor, index = torch.from_numpy(pixels), np.arange(len(pixels))
    detector = detectors.load(case.split()[0])(**CASES[case])
    from_array = detector.fit(detector.summarise(pixels, index))
    from_tensor = detector.fit(detector.summarise(tensor, index))
    expected = from_array.score(pixels)
    found = from_array.score(tensor)
    assert isinstance(found, torch.Tensor)
    np.testing.assert_allclose(found.numpy(), expected, rtol=2e-2, atol=1e-3 * expected.max())
    np.testing.assert_allclose(
        from_tensor.score(pixels), expected, rtol=2e-2, atol=1e-3 * expected.max()
    )
