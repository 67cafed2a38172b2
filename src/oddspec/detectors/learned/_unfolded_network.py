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

MATRIX_STEP = 1e-3
"""How much slower the entries of matrices move than the logarithms of constants: they are many,
and maps that have stopped fitting the dictionary amplify errors."""

SAVED_BYTES = 256e6
"""Most that all stages together may save for their gradients. Where the first says that it would
be more, the others save nothing and are computed twice: the same numbers, half as fast."""

Step = Callable[[Any, int, Mapping[str, torch.Tensor], Sequence[torch.Tensor]], Any]
"""Next state: from a state, the stage's number, factors of the constants, and free matrices."""


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
    matrix_step
        How much slower the entries of matrices move than the logarithms of constants.
    """

    def __init__(
        self,
        names: Sequence[str],
        stages: int,
        matrices: Sequence[int] = (),
        device: str | torch.device = "cpu",
        matrix_step: float = MATRIX_STEP,
    ) -> None:
        super().__init__()
        self.names = tuple(names)
        self.matrix_step = matrix_step

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
            given = state, stage, self.factors(stage), self.matrices(stage)
            if again:
                # What lies within a stage is computed again for the gradient, not saved: the memory
                # of a training is that of the states.
                state = checkpoint(step, *given, use_reentrant=False, preserve_rng_state=False)
            elif stage == 0 and torch.is_grad_enabled():
                with _saved_bytes() as sizes:
                    state = step(*given)
                again = len(self.logs) * sum(sizes.values()) > SAVED_BYTES
            else:
                state = step(*given)
            yield state

    def matrices(self, stage: int) -> list[torch.Tensor]:
        """The free matrices of one stage."""
        return [
            torch.eye(change.shape[1], dtype=change.dtype, device=change.device)
            + self.matrix_step * change[stage]
            for change in self.changes
        ]


@contextmanager
def _saved_bytes() -> Iterator[dict[int, int]]:
    """Sizes of the memory that a piece of work saves for its gradient, by address.

    Several tensors may be views of one storage, which counts once.
    """
    sizes: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        yield sizes


@dataclass(frozen=True)
class Batches:
    """Training by some pixels at a time.

    Attributes
    ----------
    count, size
        Pixels at all, and in a batch.
    loss
        Of the pixels with these numbers.
    rng
        Shuffles them.
    """

    count: int
    size: int
    loss: Callable[[torch.Tensor], torch.Tensor]
    rng: torch.Generator


def learn(
    network: Unfolding,
    loss: Callable[[], torch.Tensor],
    *,
    epochs: int,
    rate: float,
    patience: int,
    tolerance: float,
    batches: Batches | None = None,
    progress: Progress = silent,
) -> np.ndarray:
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
        Most passes, each of one update unless there are batches; 0 leaves the network as it is.
    rate
        Step size of Adam.
    patience, tolerance
        See `oddspec.networks.train.train`.
    batches
        Updates by the losses of some pixels at a time, in an order drawn anew in each pass. The
        parameters kept are then those after the pass with the lowest mean loss.
    progress
        Told the epochs done.

    Returns
    -------
    losses
        Before each epoch's update, or the mean over its batches, ``(epochs,)``.
    """
    best = float("inf")
    parameters = _copy(network)

    def keep_best(value: float) -> None:
        nonlocal best, parameters
        if value < best:
            best, parameters = value, _copy(network)

    def whole(_: torch.Tensor) -> dict[str, torch.Tensor]:
        value = loss()
        keep_best(float(value.detach()))
        return {"loss": value}

    def ended(losses: Sequence[np.ndarray]) -> bool:
        if batches is not None:
            keep_best(float(losses[-1].sum()))
        return len(losses) == epochs

    # Without batches one row: the loss has its own data.
    rows = torch.arange(1 if batches is None else batches.count, device=network.logs.device)
    size = 0 if batches is None else batches.size
    training = train(
        list(network.parameters()),
        whole if batches is None else lambda part: {"loss": batches.loss(part)},
        rows,
        steps=epochs * (-(-len(rows) // size) if size else 1),
        rate=rate,
        batch=size,
        rng=None if batches is None else batches.rng,
        after=ended,
        patience=patience,
        tolerance=tolerance,
        progress=progress,
        name="training the unfolded solver",
    )
    network.load_state_dict(parameters)
    return training.losses.reshape(-1)


def _copy(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
