"""Signals that end a run: SIGINT (Ctrl-C), SIGTERM, and SIGHUP (the terminal was closed)."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAID = b"still ending; what is finished is on disk\n"


@contextmanager
def ending() -> Iterator[None]:
    """Make the first of these signals raise KeyboardInterrupt; further ones do not interrupt the clean-up."""
    asked: list[int] = []

    def end(number: int, _: object) -> None:
        asked.append(number)
        if len(asked) == 1:
            raise KeyboardInterrupt
        with suppress(OSError):
            os.write(2, _SAID)

    for number in _heeded():
        signal.signal(number, end)
    try:
        yield
    finally:
        if asked:  # Python removes its handlers before the process ends
            for number in _heeded():
                signal.signal(number, signal.SIG_IGN)


@contextmanager
def ending_by(end: Callable[[], None]) -> Iterator[None]:
    """Make these signals call a function instead, while the block lasts."""
    handlers = {number: signal.getsignal(number) for number in _heeded()}
    for number in handlers:
        signal.signal(number, lambda number, frame: end())
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def held_back() -> Iterator[None]:
    """Delay these signals while child processes start: a half-started one could neither work nor end.

    The children inherit the blocked signals; this process ends them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    from multiprocessing import resource_tracker

    received: list[int] = []
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    resource_tracker.ensure_running()  # its start unblocks the other two signals
    handlers = {number: signal.getsignal(number) for number in _heeded()}
    for number in handlers:
        signal.signal(number, lambda number, frame: received.append(number))
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if received:
        signal.raise_signal(received[0])


def _heeded() -> list[signal.Signals]:
    """Return the signals not ignored; ``nohup`` ignores SIGHUP, a shell SIGINT of background jobs."""
    return [number for number in _ENDING if signal.getsignal(number) not in (signal.SIG_IGN, None)]
