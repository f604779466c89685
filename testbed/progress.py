"""Progress of a run on stderr: a bar on a terminal, else a line for each twentieth."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testbed.runner import Progress

_SETTLED_S = 2.0
"""Time after the first rows, which are slow, from which the pace of the others is estimated."""


@contextmanager
def progress() -> "Iterator[Callable[[Progress], None]]":
    """Yield a function to call with each progress of the run."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[done]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("elapsed{task.fields[left]}", markup=False),
        console=Console(file=sys.stderr),
        expand=True,
    )
    with bar:
        task = bar.add_task("", done="", left="", total=None)
        pace = Pace()

        def show(now: "Progress") -> None:
            done, left = _done(now), _left(pace.left_s(now))
            bar.update(
                task, description=now.message, completed=now.done, total=now.total, done=done, left=left
            )

        yield show


class Pace:
    """Estimates the time left from the rows after the first ones, which wait for compilers and encoders."""

    def __init__(self) -> None:
        self._first: Progress | None = None

    def left_s(self, now: "Progress") -> float | None:
        """Return the seconds left; None as long as there is no estimate."""
        if now.done >= now.total > 0:
            return 0.0
        if self._first is None and now.done:
            self._first = now
        if self._first is None or now.done == self._first.done:
            return None
        took_s = now.elapsed_s - self._first.elapsed_s
        if took_s < _SETTLED_S and 2 * now.done < now.total:
            return None
        return took_s / (now.done - self._first.done) * (now.total - now.done)


class _Lines:
    """One line for each twentieth of the run and each change of message."""

    def __init__(self) -> None:
        self._last = ""
        self._pace = Pace()

    def __call__(self, now: "Progress") -> None:
        left_s = self._pace.left_s(now)
        stage = f"{now.message}{20 * now.done // max(1, now.total)}"
        if stage != self._last:
            self._last = stage
            print(f"{now.message}: {_numbers(now, left_s)}", file=sys.stderr, flush=True)


def _numbers(now: "Progress", left_s: float | None) -> str:
    """Return ``"12 of 48 rows, 0:00:21 elapsed, about 0:01:03 left"``."""
    return f"{_done(now)}, {_clock(now.elapsed_s)} elapsed{_left(left_s)}"


def _done(now: "Progress") -> str:
    return f"{now.done} of {now.total} {now.unit}"


def _left(left_s: float | None) -> str:
    return f", about {_clock(left_s)} left" if left_s else ""


def _clock(seconds: float) -> str:
    minutes, whole = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{whole:02}"
