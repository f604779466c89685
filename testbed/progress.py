"""Progress of a run: a bar in a notebook or on a terminal, else a line on stderr for each twentieth."""

import math
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from html import escape

_SETTLED_S = 2.0
"""Shortest time over which the speed is measured, while most of the run is to come."""
_WINDOW_S = 60.0
"""Time over which the speed is measured; longer if a row takes longer."""


@dataclass(frozen=True)
class Progress:
    """Progress of a run.

    Attributes
    ----------
    done, total
        Number of units that are done, and of all.
    elapsed_s
        Time since its start.
    message
        The current step.
    unit
        Name of the unit, in the plural.
    cached
        Number of rows that came from the cache.
    failed
        Number of failures.
    """

    done: int
    total: int
    elapsed_s: float
    message: str
    unit: str = "rows"
    cached: int = 0
    failed: int = 0


Show = Callable[[Progress], None]


@contextmanager
def progress(lines: bool = True) -> Iterator[Show]:
    """Yield a function to call with each progress of the run.

    Parameters
    ----------
    lines
        Whether to print lines where no bar can be shown.
    """
    display: AbstractContextManager[Show]
    if _is_notebook():
        display = _notebook_bar()
    elif sys.stderr is not None and sys.stderr.isatty():
        display = _terminal_bar()
    else:
        display = nullcontext(_Lines() if lines else _nothing)
    with display as show:
        yield show


@contextmanager
def measuring() -> Iterator[Callable[[int, int], None]]:
    """Yield a function to call with the number of parts of a sample that are done, and of all."""
    began_s = time.monotonic()
    with progress() as show:
        yield lambda done, total: show(
            Progress(done, total, time.monotonic() - began_s, "measuring a sample", "parts")
        )


def _is_notebook() -> bool:
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return type(get_ipython()).__name__ == "ZMQInteractiveShell"


@contextmanager
def _notebook_bar() -> Iterator[Show]:
    """Yield a function that updates a bar below the cell; the bar disappears when the run ends."""
    from IPython.display import HTML, display

    handle = display(HTML(""), display_id=True)
    pace = Pace()

    def show(now: Progress) -> None:
        pace.see(now)
        said = escape(f"{now.message}: {_numbers(now, pace)}")
        handle.update(HTML(f'<progress value="{now.done}" max="{max(1, now.total)}"></progress> {said}'))

    try:
        yield show
    finally:
        handle.update(HTML(""))


@contextmanager
def _terminal_bar() -> Iterator[Show]:
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

        def show(now: Progress) -> None:
            pace.see(now)
            done, left = _done(now, pace), _left(pace)
            bar.update(
                task, description=now.message, completed=now.done, total=now.total, done=done, left=left
            )

        yield show


def _nothing(now: Progress) -> None:
    """Show nothing."""


class Pace:
    """Speed of a run over the last minute, without the first rows, which wait for compilers and encoders.

    Attributes
    ----------
    per_s
        Units per second; None while it is not known.
    left_s
        Estimate of the seconds left; None while there is none.
    """

    def __init__(self) -> None:
        self.per_s: float | None = None
        self.left_s: float | None = None
        self._seen: deque[Progress] = deque()
        self._done = math.inf  # rows that are there at the start are not this run's

    def see(self, now: Progress) -> None:
        """Take note of a progress."""
        if now.done > self._done:
            self._seen.append(now)
        self._done = now.done
        while len(self._seen) > 2 and now.elapsed_s - self._seen[1].elapsed_s >= _WINDOW_S:
            self._seen.popleft()
        if len(self._seen) > 1:
            done, took_s = now.done - self._seen[0].done, now.elapsed_s - self._seen[0].elapsed_s
            if took_s >= _SETTLED_S or 2 * now.done >= now.total:
                self.per_s = done / max(took_s, 1e-3)
        if now.done >= now.total > 0:
            self.left_s = 0.0
        elif self.per_s is not None:
            self.left_s = (now.total - now.done) / self.per_s


class _Lines:
    """One line for each twentieth of the run and each change of message."""

    def __init__(self) -> None:
        self._last = ""
        self._pace = Pace()

    def __call__(self, now: Progress) -> None:
        self._pace.see(now)
        stage = f"{now.message}{20 * now.done // max(1, now.total)}"
        if stage != self._last:
            self._last = stage
            print(f"{now.message}: {_numbers(now, self._pace)}", file=sys.stderr, flush=True)


def _numbers(now: Progress, pace: Pace) -> str:
    """Return ``"12 of 48 rows, 0.57 rows/s, 2 failed, 0:00:21 elapsed, about 0:01:03 left"``."""
    return f"{_done(now, pace)}, {_clock(now.elapsed_s)} elapsed{_left(pace)}"


def _done(now: Progress, pace: Pace) -> str:
    said = [f"{now.done} of {now.total} {now.unit}"]
    said += [f"{_pace(pace.per_s)} {now.unit}/s"] if pace.per_s is not None else []
    said += [f"{now.cached} from the cache"] if now.cached else []
    said += [f"{now.failed} failed"] if now.failed else []
    return ", ".join(said)


def _left(pace: Pace) -> str:
    return f", about {_clock(pace.left_s)} left" if pace.left_s else ""


def _clock(seconds: float) -> str:
    minutes, whole = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{whole:02}"


def _pace(per_s: float) -> str:
    return f"{per_s:.0f}" if per_s >= 10 else f"{per_s:.2g}"
