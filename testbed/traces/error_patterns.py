"""ITU-T G.192's frame erasure patterns, of words and of bytes.

`testbed.channels.recordings.patterns` reads them, as for the stage `trace`; words are written little-endian.
"""

from pathlib import Path

import numpy as np

from testbed.channels.recordings.patterns import ERASED, GOOD, parse_bytes, parse_words
from testbed.files import written_whole
from testbed.traces.format import Format
from testbed.traces.losses import reader
from testbed.traces.recording import Recording


def write_words(path: Path, recording: Recording) -> None:
    """Write one little-endian word per packet."""
    _write(path, np.where(recording.lost, ERASED, GOOD).astype("<u2").tobytes())


def write_bytes(path: Path, recording: Recording) -> None:
    """Write one byte per packet."""
    _write(path, np.where(recording.lost, ERASED & 0xFF, GOOD & 0xFF).astype(np.uint8).tobytes())


def _write(path: Path, content: bytes) -> None:
    with written_whole(path) as temporary:
        temporary.write_bytes(content)


WORDS = Format(
    name="g192",
    about="ITU-T G.192 error pattern: a 16-bit word for each packet, 0x6B21 good, 0x6B20 lost",
    suffixes=(".g192",),
    keeps="losses",
    read=reader(parse_words),
    write=write_words,
)
BYTES = Format(
    name="g192_bytes",
    about="its byte-oriented variant: 0x21 good, 0x20 lost",
    suffixes=(".ep", ".g192b"),
    keeps="losses",
    read=reader(parse_bytes),
    write=write_bytes,
)
