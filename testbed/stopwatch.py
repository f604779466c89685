"""A stopwatch for processor time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Processor time of this process since the stopwatch was made, without its pauses."""

    def __init__(self) -> None:
        self._start = time.process_time()

    @property
    def seconds(self) -> float:
        """The time so far."""
        return time.process_time() - self._start

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out the time of a ``with`` block."""
        pause = Stopwatch()
        try:
            yield
        finally:
            self._start += pause.seconds
