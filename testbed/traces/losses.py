"""Flags of loss as text: opus_demo's ``-lossfile``, the PLC Challenge's ``*_is_lost.txt``, G.191's digits.

`testbed.channels.recordings.losses` reads them, also for the stage `trace`.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from testbed.channels.recordings.losses import parse_digits, parse_losses
from testbed.channels.recordings.parts import LossTrace
from testbed.files import written_whole
from testbed.traces.format import Format, StreamChoice
from testbed.traces.recording import Recording

_LINE = 40


def reader(parse: Callable[[bytes, str], LossTrace]) -> Callable[[bytes, str, StreamChoice], Recording]:
    """Return the reader of a format from its parser."""

    def read(content: bytes, where: str, _: StreamChoice) -> Recording:
        trace = parse(content, where)
        lost = np.frombuffer(trace.lost, np.uint8).astype(np.bool_)
        return Recording(lost, notes=(trace.doubt,) if trace.doubt else ())

    return read


def write_opus_demo(path: Path, recording: Recording) -> None:
    """Write 0 or 1 for each packet, 40 per line."""
    digits = "".join("1" if lost else "0" for lost in recording.lost.tolist())
    lines = (" ".join(digits[start : start + _LINE]) for start in range(0, len(digits), _LINE))
    _write(path, lines)


def write_plc_challenge(path: Path, recording: Recording) -> None:
    """Write 0 or 1 per line."""
    _write(path, ("1" if lost else "0" for lost in recording.lost.tolist()))


def _write(path: Path, lines: Iterable[str]) -> None:
    with written_whole(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", "ascii")


OPUS_DEMO = Format(
    name="opus_demo",
    about="opus_demo's loss file: 0 or 1 for each packet",
    suffixes=(".txt", ".loss"),
    keeps="losses",
    read=reader(parse_losses),
    write=write_opus_demo,
)
PLC_CHALLENGE = Format(
    name="plc_challenge",
    about="the PLC Challenge's losses: 0 or 1 per line, for each 20 ms",
    suffixes=("_is_lost.txt",),
    keeps="losses",
    read=reader(parse_losses),
    write=write_plc_challenge,
)
DIGITS = Format(
    name="digits",
    about="digits 0 (received) and 1 (lost) without spaces, as ITU-T G.191's dlyerr_2_errpat writes",
    suffixes=(),
    keeps="losses",
    read=reader(parse_digits),
    write=None,
)
