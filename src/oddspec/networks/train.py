"""A training loop that anyone can read to its end and change, and several trainings at a time.

The loop knows nothing of what is learnt: it is given the parameters, the rows to learn from and a
function that says how badly a batch of rows is explained, term by term.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

# The first optimiser would, and its 75 MB are to be counted before a run begins.
import torch._dynamo

from oddspec.errors import SettingError
from oddspec.execution.executors import map_in_threads
from oddspec.progress import Progress, silent

T = TypeVar("T")

Loss = Callable[[torch.Tensor], Mapping[str, torch.Tensor]]
"""Named terms for a batch of rows; their sum is minimised."""


@dataclass(frozen=True)
class Training:
    """How a training went.

    Attributes
    ----------
    terms
        Names of the loss's terms.
    losses
        Mean of each term in each epoch, ``(epochs, terms)``, weights included.
    settled
        Whether it stopped because the loss had settled, before the last epoch.
    """

    terms: tuple[str, ...]
    losses: np.ndarray
    settled: bool


def train(
    parameters: Sequence[torch.Tensor],
    loss: Loss,
    data: torch.Tensor,
    *,
    steps: int,
    rate: float,
    batch: int = 0,
    optimiser: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    rng: torch.Generator | None = None,
    before: Callable[[torch.Tensor], None] | None = None,
    after: Callable[[Sequence[np.ndarray]], bool] | None = None,
    patience: int = 0,
    tolerance: float = 1e-3,
    progress: Progress = silent,
    name: str = "training",
) -> Training:
    """Minimise the loss over the rows of ``data``.

    Parameters
    ----------
    parameters
        Tensors that require gradients; changed in place.
    loss
        Named terms for a batch.
    data
        ``(n, b)``, or one image ``(1, b, h, w)``, on the device of the parameters.
    steps
        Most steps of the optimiser; an epoch that has begun is finished.
    rate
        Step size of the optimiser.
    batch
        Rows per step; 0 takes all at once. The last batch of an epoch may be smaller, or up to an
        eighth larger.
    optimiser
        Made as ``optimiser(parameters, lr=rate)``.
    rng
        Shuffles the rows anew in every epoch; None keeps their order. Not used without batches.
    before
        Called with each batch before the step, for a part that learns against the rest, such as a
        discriminator.
    after
        Called after each epoch with the losses of all epochs so far; True ends the training.
    patience
        Stop once the last this many epochs have lowered the loss by less than ``tolerance`` of
        all that it has fallen since the first; no labels are involved. 0 runs all epochs.
    tolerance
        See ``patience``.
    progress
        Told the epochs done; may raise to call the training off.
    name
        What is trained, for progress and errors.

    Raises
    ------
    SettingError
        If a term of the loss becomes infinite or NaN; the message names it and the epoch.
    """
    epochs, batch = epochs_of(steps, batch, len(data))
    stepper = optimiser(parameters, lr=rate)
    terms: tuple[str, ...] = ()
    losses: list[np.ndarray] = []
    settled = False
    for epoch in range(epochs):
        progress(epoch, epochs, name)
        # Summed on the device: asking for a number after every step would make a GPU wait.
        total = torch.zeros(())
        for rows in _batches(data, batch, rng):
            if before is not None:
                before(rows)
            found = loss(rows)
            terms = tuple(found)
            stepper.zero_grad(set_to_none=True)
            torch.stack(tuple(found.values())).sum().backward()
            stepper.step()
            share = len(rows) / len(data)
            total = share * torch.stack([t.detach() for t in found.values()]) + total.to(
                data.device
            )
        losses.append(total.cpu().numpy().astype(np.float64))
        _check_finite(terms, losses[-1], epoch, name, rate)
        ended = after is not None and after(losses)
        if ended or (patience and _settled(losses, patience, tolerance)):
            settled = epoch + 1 < epochs
            break
    progress(epochs, epochs, name)
    return Training(terms, np.array(losses).reshape(len(losses), len(terms)), settled)


def epochs_of(steps: int, batch: int, rows: int) -> tuple[int, int]:
    """Epochs in which at least so many steps are made, and the rows of each; batch 0 takes all."""
    batch = min(batch or rows, rows)
    return -(-steps // len(_starts(rows, batch))), batch


def fused_adam(parameters: Iterable[torch.Tensor], lr: float) -> torch.optim.Optimizer:
    """Adam with one operation per step for all parameters."""
    return torch.optim.Adam(parameters, lr=lr, fused=True)


def check_spread(values: np.ndarray, name: str, epochs: int) -> None:
    """Refuse a network that says the same of every pixel.

    Raises
    ------
    SettingError
        If all rows of ``values`` are equal, or some entry is not finite.
    """
    if not np.isfinite(values).all():
        raise SettingError(
            f"{name}: after {epochs} epochs the network's output is not finite: lower learning_rate"
        )
    if len(values) > 1 and not np.ptp(values, axis=0).any():
        raise SettingError(
            f"{name}: after {epochs} epochs the network's output is the same for all "
            f"{len(values)} pixels (it has collapsed): lower learning_rate or change the seed"
        )


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep PyTorch to one thread for a while.

    Many small products are not sped up by several threads; and where other work shares the
    processor, they wait for each other at every one.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def rng_of_run(seed: int, run: int) -> torch.Generator:
    """Random numbers for one of several trainings: their streams have nothing in common."""
    state = np.random.SeedSequence([seed, run]).generate_state(1)
    return torch.Generator().manual_seed(int(state[0]))


def train_in_parallel(
    count: int, work: Callable[[int, Progress], T], progress: Progress = silent
) -> tuple[T, ...]:
    """What ``work(number, progress)`` returns for 0, 1, ... count - 1.

    As many run at a time as PyTorch has threads, each with one of them, so the results do not
    depend on their number. When one fails, the others stop at their next report of progress.

    Parameters
    ----------
    count
        How often.
    work
        One training, which reports its own progress.
    progress
        Called with the sum of all.
    """
    threads = torch.get_num_threads()
    with one_thread():
        return tuple(map_in_threads(work, range(count), threads, progress))


def _batches(data: torch.Tensor, batch: int, rng: torch.Generator | None) -> Iterator[torch.Tensor]:
    if batch >= len(data):
        yield data
        return
    order = None
    if rng is not None:
        order = torch.randperm(len(data), generator=rng).to(data.device)
    starts = _starts(len(data), batch)
    for part in map(slice, starts, (*starts[1:], len(data))):
        yield data[part] if order is None else data.index_select(0, order[part])


def _starts(rows: int, batch: int) -> list[int]:
    """Where the batches of an epoch begin.

    A rest of less than an eighth of a batch joins the batch before: the optimiser would make as
    large a step for a handful of rows, which may be of one kind, as for all of the others.
    """
    starts = list(range(0, rows, batch))
    if len(starts) > 1 and 8 * (rows - starts[-1]) < batch:
        del starts[-1]
    return starts


def _check_finite(
    terms: tuple[str, ...], values: np.ndarray, epoch: int, name: str, rate: float
) -> None:
    for term, value in zip(terms, values, strict=True):
        if not np.isfinite(value):
            raise SettingError(
                f"{name}: the {term} loss became {value} in epoch {epoch + 1} with "
                f"learning_rate={rate:g}: lower it"
            )


def _settled(losses: Sequence[np.ndarray], patience: int, tolerance: float) -> bool:
    """Whether the last ``patience`` epochs brought less than ``tolerance`` of the whole fall."""
    if len(losses) < 2 * patience + 1:
        return False
    last = np.mean([total.sum() for total in losses[-patience:]])
    before = np.mean([total.sum() for total in losses[-2 * patience : -patience]])
    # Differences only: a likelihood may be negative, and has no natural zero.
    return bool(before - last < tolerance * (losses[0].sum() - last))
