"""Progress of a run: a bar in a notebook or on a terminal, else a line on stderr for each twentieth."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testbed.runner import Progress

    Show = Callable[[Progress], None]

_SETTLED_S = 2.0
"""Time after the first rows, which are slow, from which the pace of the others is estimated."""


@contextmanager
def progress(lines: bool = True) -> "Iterator[Show]":
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


def _is_notebook() -> bool:
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return type(get_ipython()).__name__ == "ZMQInteractiveShell"


@contextmanager
def _notebook_bar() -> "Iterator[Show]":
    """Yield a function that updates a bar below the cell; the bar disappears when the run ends."""
    from IPython.display import HTML, display

    handle = display(HTML(""), display_id=True)
    pace = Pace()

    def show(now: "Progress") -> None:
        said = escape(f"{now.message}: {_numbers(now, pace.left_s(now))}")
        handle.update(HTML(f'<progress value="{now.done}" max="{max(1, now.total)}"></progress> {said}'))

    try:
        yield show
    finally:
        handle.update(HTML(""))


@contextmanager
def _terminal_bar() -> "Iterator[Show]":
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


def _nothing(now: "Progress") -> None:
    """Show nothing."""


class Pace:
    """Estimates the time left from the rows after the first ones, which wait for compilers and encoders."""

    def __init__(self) -> None:
        self._first: Progress | None = None

    def left_s(self, now: "Progress") -> float | None:
        """Return the seconds left; None while there is no estimate."""
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
