"""A plugin in a process of its own: what it raises is an error here, what hangs is stopped."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn
from weakref import finalize

import numpy as np

from testbed.codecs.guarded.wire import FAILED, MOST_BYTES, SOUND, Item, packed, send
from testbed.codecs.pcm import Pcm16
from testbed.errors import PluginError

START_S = 120
"""Longest start of the process, with the import of the plugin."""
_TO_END_S = 5
MOST_STOPS = 3
"""After as many stops or crashes the plugin is not called again by this process."""
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class GuardedPlugin:
    """Calls a plugin in a process that starts at the first call.

    Parameters
    ----------
    what
        The plugin, for messages.
    function, arguments
        ``"module:attribute"`` of the testbed, called in the process with arguments that JSON can hold; it
        returns a `testbed.codecs.guarded.child.Filler`.
    longest_s
        Longest wait for one sound.
    """

    def __init__(self, what: str, function: str, arguments: Sequence[Any], longest_s: float) -> None:
        self._what, self._longest_s = what, longest_s
        self._begin = {"function": function, "arguments": arguments, "longest_s": longest_s}
        self._process: subprocess.Popen[bytes] | None = None
        self._stops: list[str] = []

    def __str__(self) -> str:
        return self._what

    def sounds(self, items: Sequence[Item]) -> Iterator[Pcm16]:
        """Yield int16 sound for each item, in order.

        Raises
        ------
        PluginError
            The plugin raises an error, crashes, or takes too long; the message has the reason, and a note
            the plugin's traceback.
        """
        process = self._running()
        assert process.stdin is not None
        try:
            send(process.stdin, *packed(items))
        except BrokenPipeError:
            self._stop("its process has ended")
        for _ in items:
            yield np.frombuffer(self._answer(process, self._longest_s), np.int16)
        self._answer(process, self._longest_s)

    def start(self) -> None:
        """Start the process, and let it import and build the plugin.

        Raises
        ------
        PluginError
            See `sounds`.
        """
        self._running()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is not None:
            return self._process
        if len(self._stops) == MOST_STOPS:
            raise PluginError(f"{self._what}: {self._stops[-1]}; not called again after {MOST_STOPS} times")
        self._process = process = subprocess.Popen(
            [sys.executable, "-P", "-m", "testbed.codecs.guarded.child"],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | _ONE_THREAD,
            start_new_session=True,  # a Ctrl-C is for the run alone
        )
        finalize(self, _end, process)
        assert process.stdin is not None
        send(process.stdin, json.dumps(self._begin).encode())
        try:
            self._answer(process, START_S)
        except PluginError as error:
            if self._process is not None:
                self._process = None
                self._stops.append(str(error).removeprefix(f"{self._what}: "))
            raise
        return process

    def _answer(self, process: "subprocess.Popen[bytes]", longest_s: float) -> bytes:
        """Return the sound of an answer, empty if it has none."""
        until_s = time.monotonic() + longest_s
        size = int.from_bytes(self._read(process, 8, until_s, longest_s))
        if not 0 < size <= MOST_BYTES:
            self._stop("its process wrote something else than sound")
        content = self._read(process, size, until_s, longest_s)
        kind, body = content[:1], content[1:]
        if kind == FAILED:
            said, where = json.loads(body)
            error = PluginError(f"{self._what}: {said}")
            error.add_note(where)
            raise error from None
        return body if kind == SOUND else b""

    def _read(self, process: "subprocess.Popen[bytes]", size: int, until_s: float, longest_s: float) -> bytes:
        assert process.stdout is not None
        content = b""
        while len(content) < size:
            left_s = max(0.0, until_s - time.monotonic())
            if not select.select([process.stdout], [], [], left_s)[0]:
                self._stop(f"took longer than {longest_s:g} s, and was stopped")
            part = process.stdout.read(size - len(content))
            if not part:
                self._stop(_ending(process))
            content += part
        return content

    def _stop(self, reason: str) -> NoReturn:
        """End the process, and raise the reason."""
        if self._process is not None:
            _end(self._process)
        self._process = None
        self._stops.append(reason)
        raise PluginError(f"{self._what}: {reason}") from None


def _ending(process: "subprocess.Popen[bytes]") -> str:
    """Return how the process of a plugin ended by itself, and end those that it started."""
    until_s = time.monotonic() + _TO_END_S
    # Not reaped yet, its number still is that of its group.
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > until_s:
            return "closed its connection to the run"
        time.sleep(0.01)
    _end(process)
    code = process.returncode
    if code >= 0:
        return f"ended its process with exit code {code}"
    return f"was ended by {signal.Signals(-code).name}"


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process that nobody needs any more, and those that it started."""
    if process.returncode is None:  # else its number may be that of another process by now
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
