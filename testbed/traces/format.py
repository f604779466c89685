"""Interface of a format of recorded networks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from testbed.traces.recording import NetworkTrace, Recording


@dataclass(frozen=True)
class StreamChoice:
    """Options of a reader.

    Attributes
    ----------
    ssrc
        The RTP stream to take; None where there is only one.
    clock_hz
        Rate of its timestamps; None: by the payload type, or estimated.
    way
        Number of the way (addresses and ports) of the stream, from 1; None where there is only one.
    interval_ms
        Time between packets, for recordings without times; None: the default of the format.
    """

    ssrc: int | None = None
    clock_hz: int | None = None
    way: int | None = None
    interval_ms: float | None = None


@dataclass(frozen=True)
class Format:
    """A format of recorded networks.

    Attributes
    ----------
    name
        Its name for `--from` and `--to`.
    about
        One line for people.
    suffixes
        Suffixes of its files, with their dot.
    keeps
        Its content: ``"losses"`` alone, ``"times"`` of sending and arrival, a link's ``"capacity"``, or a
        call's ``"statistics"``.
    read
        Reads the content of a file; takes the file's name for errors, which are `ChannelError`.
    write
        Writes a recording; None for a format that can only be read.
    two_clocks
        Whether sending and arrival have different clocks, so that there is clock skew.
    """

    name: str
    about: str
    suffixes: tuple[str, ...]
    keeps: Literal["losses", "times", "capacity", "statistics"]
    read: Callable[[bytes, str, StreamChoice], NetworkTrace]
    write: Callable[[Path, Recording], None] | None
    two_clocks: bool = False
