"""What a format is: how it is read and written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from testbed.traces.recording import Recording, Trace


@dataclass(frozen=True)
class Choice:
    """What a reader is told beside the file.

    Attributes
    ----------
    ssrc
        The RTP stream to take; None where there is only one.
    clock_hz
        Rate of its timestamps; None to go by the payload type, or by what they show.
    way
        Which of the ways on which the stream was seen, from 1; None where there is only one.
    interval_ms
        Time between packets, for recordings that do not know it; None for their formats' own.
    """

    ssrc: int | None = None
    clock_hz: int | None = None
    way: int | None = None
    interval_ms: float | None = None


@dataclass(frozen=True)
class Format:
    """One way in which networks are recorded.

    Attributes
    ----------
    name
        What `--from` and `--to` call it.
    about
        One line for people.
    suffixes
        Ends of file names that mean it, with their dot.
    keeps
        What is in it: ``"losses"`` alone, ``"times"`` of sending and arrival, or a link's ``"capacity"``.
    read
        Makes a trace of a file's content; is given the file's name for errors, which are `ChannelError`.
    write
        Writes a recording; None for a format that is only read.
    two_clocks
        Whether sending and arrival were read off two clocks, which never run at quite the same speed.
    """

    name: str
    about: str
    suffixes: tuple[str, ...]
    keeps: Literal["losses", "times", "capacity"]
    read: Callable[[bytes, str, Choice], Trace]
    write: Callable[[Path, Recording], None] | None
    two_clocks: bool = False
