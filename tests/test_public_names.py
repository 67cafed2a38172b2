"""The names that other programs rely on."""

import pytest

import oddspec
import oddspec.errors


def test_public_names():
    functions = {"detect", "detectors", "evaluate", "fit", "load_model", "open", "study"}
    assert set(oddspec.__all__) == {"__version__", "Model"} | functions
    for name in oddspec.__all__:
        assert getattr(oddspec, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'undetect'"):
        oddspec.undetect  # noqa: B018


def test_detectors_lists_names_and_is_the_folder():
    names = oddspec.detectors()
    assert {"rx", "pca_rx", "local_rx", "crd"} <= set(names)
    assert oddspec.detectors.load("rx").__name__ == "RX"


def test_unknown_detectors_are_named_with_a_suggestion():
    with pytest.raises(oddspec.errors.SettingError, match="did you mean pca_rx"):
        oddspec.detectors.load("pca-rxx")
    with pytest.raises(oddspec.errors.SettingError, match=r"no detector 'zzzz' \(there are frfe,"):
        oddspec.detectors.load("zzzz")
