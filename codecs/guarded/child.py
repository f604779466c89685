"""The process of a plugin: reads requests from its standard input, and answers on its standard output.

The first message names a function of the testbed and its arguments. The function makes a `Filler`, which
answers all further requests. What the plugin prints is discarded.
"""

import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import EntryPoint
from typing import IO

from testbed.codecs.guarded.wire import FAILED, READY, SOUND, Item, receive, send, unpacked
from testbed.codecs.pcm import Pcm16
from testbed.errors import reason

Filler = Callable[[Sequence[Item]], Iterator[Pcm16]]
MOST_MEMORY_BYTES = 4 << 30
_MOST_CHARACTERS = 4000


def main() -> None:
    """Serve until the standard input ends."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        _serve(requests, answers)
    except (EOFError, BrokenPipeError):
        sys.exit(0)


def _serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    begin = json.loads(receive(requests))
    try:
        fill: Filler = EntryPoint("", begin["function"], "").load()(*begin["arguments"])
    except BaseException as error:
        _fail(answers, error)
        return
    send(answers, READY)
    while True:
        items = unpacked(receive(requests))
        signal.setitimer(signal.ITIMER_REAL, begin["longest_s"] * (1 + len(items)))
        try:
            for sound in fill(items):
                send(answers, SOUND, sound.tobytes())
            send(answers, READY)
        except BaseException as error:
            _fail(answers, error)
        signal.setitimer(signal.ITIMER_REAL, 0)


def _fail(answers: IO[bytes], error: BaseException) -> None:
    """Send the reason of a failure, and where it happened."""
    said = reason(error) if isinstance(error, Exception) else f"{type(error).__name__}: {error}"
    where = "".join(traceback.format_exception(error))[-_MOST_CHARACTERS:]
    send(answers, FAILED, json.dumps([said[:_MOST_CHARACTERS], where]).encode())


if __name__ == "__main__":
    main()
