"""Losses as text: opus_demo's ``-lossfile``, and the Packet Loss Concealment Challenge's ``*_is_lost.txt``.

The challenge's files have 0 or 1 a line for each 20 ms; opus_demo's may have any white space between numbers.
`testbed.channels.trace_file` reads both, as the stage `trace` does.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from testbed.channels.trace_file import LossTrace, parse_trace
from testbed.errors import ChannelError
from testbed.files import written_whole
from testbed.traces.format import Choice, Format
from testbed.traces.recording import Recording

_LINE = 40


def recognises(content: bytes) -> bool:
    """Whether a file begins with integers between white space."""
    return re.match(rb"(\xef\xbb\xbf)?\s*[+-]?[0-9]{1,9}(\s|\Z)", content) is not None


def read(content: bytes, where: str, _: Choice) -> Recording:
    """Read either kind; anything but 0 is a lost packet."""
    trace = parse_trace(content, where)
    if not isinstance(trace, LossTrace):
        raise ChannelError(f"{where}: is a trace of arrivals (csv), not of losses")
    return Recording(np.frombuffer(trace.lost, np.uint8).astype(np.bool_))


def write_opus_demo(path: Path, recording: Recording) -> None:
    """Write 0 or 1 for each packet, 40 a line."""
    digits = "".join("1" if lost else "0" for lost in recording.lost.tolist())
    lines = (" ".join(digits[start : start + _LINE]) for start in range(0, len(digits), _LINE))
    _write(path, lines)


def write_plc_challenge(path: Path, recording: Recording) -> None:
    """Write 0 or 1 a line."""
    _write(path, ("1" if lost else "0" for lost in recording.lost.tolist()))


def _write(path: Path, lines: Iterable[str]) -> None:
    with written_whole(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", "ascii")


OPUS_DEMO = Format(
    name="opus_demo",
    about="opus_demo's loss file: 0 or 1 for each packet",
    suffixes=(".txt", ".loss"),
    keeps="losses",
    recognises=recognises,
    read=read,
    write=write_opus_demo,
)
PLC_CHALLENGE = Format(
    name="plc_challenge",
    about="the PLC Challenge's losses: 0 or 1 a line for each 20 ms",
    suffixes=("_is_lost.txt",),
    keeps="losses",
    recognises=lambda content: re.match(rb"([01]\r?\n)+", content[:4096]) is not None,
    read=read,
    write=write_plc_challenge,
)
