"""A solver's iteration as a network: so many repeats of its step, each with constants of its own.

The step is handed in and used as it is, so a network that has not been trained does exactly what
the solver does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

from oddspec.networks.train import train
from oddspec.progress import Progress, silent

__all__ = ["Trained", "Unfolding", "learn"]

MATRIX_STEP = 1e-3
"""How much slower the entries of matrices move than the logarithms of constants: they are many,
and maps that have stopped fitting the dictionary amplify errors."""

KEPT_BYTES = 256e6
"""Most that all stages together may keep for the way back. Where the first says that it would be
more, the others keep nothing and are computed twice: the same numbers, half as fast."""

Step = Callable[[Any, Mapping[str, torch.Tensor], Sequence[torch.Tensor]], Any]
"""Next state, from a state, factors of the constants, and free matrices."""


@contextmanager
def _bytes_kept() -> Iterator[dict[int, int]]:
    """Sizes of the memory that a piece of work keeps for its gradient."""
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        yield kept


class Unfolding(torch.nn.Module):  # type: ignore[misc] # torch is not typed here
    """Stages whose positive constants are trainable, as factors of the solver's own.

    Parameters
    ----------
    names
        Of the constants.
    stages
        Number of repeats.
    matrices
        Sizes of square matrices that each stage may learn too; they start as the identity.
    device
        Where the parameters live.
    """

    def __init__(
        self,
        names: Sequence[str],
        stages: int,
        matrices: Sequence[int] = (),
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__()
        self.names = tuple(names)

        def zeros(*shape: int) -> torch.nn.Parameter:
            return torch.nn.Parameter(torch.zeros(shape, dtype=torch.float64, device=device))

        # Logarithms: constants stay positive, and zero is exactly the solver.
        self.logs = zeros(stages, len(self.names))
        self.changes = torch.nn.ParameterList(zeros(stages, size, size) for size in matrices)

    def factors(self, stage: int) -> dict[str, torch.Tensor]:
        """What each constant is multiplied by in one stage."""
        return dict(zip(self.names, torch.exp(self.logs[stage]), strict=True))

    def forward(self, start: Any, step: Step) -> Iterator[Any]:
        """The states after each stage."""
        state, again = start, False
        for stage in range(len(self.logs)):
            given = state, self.factors(stage), self.matrices(stage)
            if again:
                # What lies within a stage is computed again on the way back, not kept: the memory
                # of a training is that of the states.
                state = checkpoint(step, *given, use_reentrant=False, preserve_rng_state=False)
            elif stage == 0 and torch.is_grad_enabled():
                with _bytes_kept() as kept:
                    state = step(*given)
                again = len(self.logs) * sum(kept.values()) > KEPT_BYTES
            else:
                state = step(*given)
            yield state

    def matrices(self, stage: int) -> list[torch.Tensor]:
        """The free matrices of one stage."""
        return [
            torch.eye(change.shape[1], dtype=change.dtype, device=change.device)
            + MATRIX_STEP * change[stage]
            for change in self.changes
        ]


@dataclass(frozen=True)
class Trained:
    """What training an unfolded solver left.

    Attributes
    ----------
    losses
        Before each epoch's update, ``(epochs,)``.
    factors
        ``(stages, names)``, those of the lowest loss.
    settled
        Whether it stopped because the loss had settled.
    """

    losses: np.ndarray
    factors: np.ndarray
    settled: bool


def learn(
    network: Unfolding,
    loss: Callable[[], torch.Tensor],
    *,
    epochs: int,
    rate: float,
    patience: int,
    tolerance: float,
    progress: Progress = silent,
) -> Trained:
    """Train all stages together, and leave the network with the parameters of the lowest loss.

    No labels are involved: the epoch is chosen by the loss alone, and since the first loss is that
    of the solver, the result is never worse than the solver's by the loss's own measure.

    Parameters
    ----------
    network
        Changed in place.
    loss
        Runs the network and says how good its last state is.
    epochs
        Most updates; 0 leaves the network as it is.
    rate
        Step size of Adam.
    patience, tolerance
        See `oddspec.networks.train.train`.
    progress
        Told the epochs done.
    """
    best = float("inf")
    kept = _copy(network)

    def watched(_: torch.Tensor) -> dict[str, torch.Tensor]:
        nonlocal best, kept
        value = loss()
        if float(value.detach()) < best:
            best, kept = float(value.detach()), _copy(network)
        return {"loss": value}

    training = train(
        list(network.parameters()),
        watched,
        network.logs.detach()[:1],
        epochs=epochs,
        rate=rate,
        patience=patience,
        tolerance=tolerance,
        progress=progress,
        name="training the unfolded solver",
    )
    network.load_state_dict(kept)
    factors = torch.exp(network.logs.detach()).cpu().numpy()
    return Trained(training.losses.reshape(-1), factors, training.settled)


def _copy(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
