"""The one place where arrays are moved to an accelerator and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from oddspec.errors import SettingError

__all__ = ["choose_device", "to_device", "to_numpy"]


def choose_device(wanted: str, supported: tuple[str, ...]) -> str:
    """``cpu`` or ``cuda``, from what the user wants and what the detector can do.

    Raises
    ------
    SettingError
        If ``cuda`` is wanted and the detector, PyTorch or a GPU is missing.
    """
    if wanted not in ("cpu", "cuda", "auto"):
        raise SettingError(f"device={wanted!r}: expected cpu, cuda or auto")
    if wanted == "cpu" or (wanted == "auto" and "cuda" not in supported):
        return "cpu"
    if "cuda" not in supported:
        raise SettingError("device='cuda': this detector runs on the CPU only; use --device cpu")
    try:
        import torch
    except ImportError:
        if wanted == "auto":
            return "cpu"
        raise SettingError(
            "device='cuda': PyTorch is not installed; run pip install 'oddspec[torch]' or use "
            "--device cpu"
        ) from None
    if torch.cuda.is_available():
        return "cuda"
    if wanted == "auto":
        return "cpu"
    raise SettingError("device='cuda': PyTorch finds no CUDA device; use --device cpu")


def to_device(array: np.ndarray, device: str) -> Any:
    """The array itself for ``cpu``, otherwise a torch tensor there."""
    if device == "cpu":
        return array
    import torch

    return torch.from_numpy(array).to(device)


def to_numpy(array: Any) -> np.ndarray:
    """A NumPy array of any array's values."""
    if isinstance(array, np.ndarray):
        return array
    if hasattr(array, "detach"):
        array = array.detach().cpu()
    return np.asarray(array)
