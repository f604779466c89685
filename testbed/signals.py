"""Signals that ask a run to end: Ctrl-C, SIGTERM, and SIGHUP, which comes when a terminal is closed."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAID = b"still ending; what is finished is on disk\n"


@contextmanager
def ending() -> Iterator[None]:
    """Have the first of these signals raise KeyboardInterrupt; further ones cannot cut off what it begins."""
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
        if asked:  # Python gives its handlers up some time before the process is gone
            for number in _heeded():
                signal.signal(number, signal.SIG_IGN)


@contextmanager
def held_back() -> Iterator[None]:
    """Hold these signals back while processes are made: one that is half made could neither work nor end.

    They inherit that the signals are blocked, for it is this process that ends them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    from multiprocessing import resource_tracker

    received: list[int] = []
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    resource_tracker.ensure_running()  # where it is started, the other two are no longer blocked
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
    """Return those that are not ignored; ``nohup`` ignores SIGHUP, a shell SIGINT of what it runs behind."""
    return [number for number in _ENDING if signal.getsignal(number) not in (signal.SIG_IGN, None)]
