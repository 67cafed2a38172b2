"""How long work reports its progress, and how it is stopped."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Progress(Protocol):
    """Called now and then by long work; raise from it to stop the work."""

    def __call__(self, done: float, total: float, stage: str) -> None:
        """``done`` of ``total`` units of the stage named ``stage`` are finished."""


def silent(done: float, total: float, stage: str) -> None:
    """Ignore progress."""
