"""Reading recorded losses and delays. The format is told by the content; every error names file and line.

- Losses: integers separated by white space, one for each packet, non-zero for a lost one. This is what
  opus_demo's ``-lossfile`` reads, and what the Packet Loss Concealment Challenge's ``*_is_lost.txt`` have,
  there a 0 or 1 a line for each 20 ms.
- Arrivals: CSV with the header ``send_ms,arrival_ms``, one line for each packet in the order of sending; an
  empty arrival is a lost packet.
"""

import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import TypeVar, cast

from testbed.channels.compressed import unpacked
from testbed.errors import ChannelError

MAX_FILE_BYTES = 64 * 2**20
MAX_PACKETS = 5_000_000
LOST = -1
"""Delay of a packet that never arrived."""

_HEADER = b"send_ms,arrival_ms"
_INTEGER = re.compile(rb"[+-]?[0-9]{1,9}")
_NUMBER = re.compile(rb"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_LATEST_MS = 1e12


@dataclass(frozen=True)
class LossTrace:
    """Which packets were lost.

    Attributes
    ----------
    lost
        One byte a packet, 1 for a lost one; at least one packet.
    """

    lost: bytes

    def __len__(self) -> int:
        return len(self.lost)

    def mean_loss(self) -> float:
        """Return the share of lost packets."""
        return self.lost.count(1) / len(self.lost)


@dataclass(frozen=True)
class ArrivalTrace:
    """When packets were sent and how long they took.

    Attributes
    ----------
    send_ns
        Non-decreasing; at least two packets, and not all at the same time.
    delay_ns
        How long each took, 0 or more, or `LOST`.
    """

    send_ns: "array[int]"
    delay_ns: "array[int]"

    def __len__(self) -> int:
        return len(self.send_ns)

    def mean_loss(self) -> float:
        """Return the share of lost packets."""
        return self.delay_ns.count(LOST) / len(self.delay_ns)


def read_trace(path: Path) -> LossTrace | ArrivalTrace:
    """Read a trace of either format.

    A trace that was read before and has not changed since is not read again.

    Raises
    ------
    ChannelError
        The file cannot be read, is larger than 64 MiB or longer than 5 million packets, or is not a trace.
    """
    return read_cached(path, parse_trace)


Read = TypeVar("Read")


def read_cached(path: Path, parse: Callable[[bytes, str], Read]) -> Read:
    """Return what `parse` makes of a file's content and name; an unchanged file is not parsed again."""
    try:
        if not path.is_file():
            raise ChannelError(f"{path}: is not a file")
        status = path.stat()
        return cast(Read, _parsed(path.absolute(), status.st_mtime_ns, status.st_size, parse))
    except (OSError, ValueError) as error:
        raise ChannelError(f"{path}: cannot be read: {error}") from None


@lru_cache(maxsize=8)
def _parsed(path: Path, _changed_ns: int, _size: int, parse: Callable[[bytes, str], object]) -> object:
    return parse(read_content(path), str(path))


def read_content(path: Path) -> bytes:
    """Return a file's bytes, unpacked if it is compressed with gzip.

    Raises
    ------
    ChannelError
        It cannot be read or unpacked, or is larger than 64 MiB, packed or unpacked.
    """
    try:
        if not path.is_file():
            raise ChannelError(f"{path}: is not a file")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ChannelError(f"{path}: cannot be read: {error}") from None
    if len(content) > MAX_FILE_BYTES:
        raise ChannelError(f"{path}: is larger than {MAX_FILE_BYTES // 2**20} MiB; a trace of a call is not")
    return unpacked(content, str(path), MAX_FILE_BYTES)


def parse_trace(content: bytes, where: str) -> LossTrace | ArrivalTrace:
    """Make a trace of a file's content; `where` names the file in errors."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    first_line = content.lstrip().split(b"\n", 1)[0]
    return _arrivals(content, where) if b"," in first_line else _losses(content, where)


def _losses(content: bytes, where: str) -> LossTrace:
    lost = bytearray()
    falls, rises, previous = 0, 0, 0
    for token in re.finditer(rb"\S+", content):
        if not _INTEGER.fullmatch(token[0]):
            line = content.count(b"\n", 0, token.start()) + 1
            raise ChannelError(
                f"{where}:{line}: {shown(token[0])} is not an integer: a trace of losses has 0 for each "
                f"packet received and 1 for each lost; one of arrivals begins with {_HEADER.decode()}; "
                "`testbed trace convert` makes either of other formats"
            )
        if len(lost) == MAX_PACKETS:
            raise ChannelError(f"{where}: has more than {MAX_PACKETS} packets")
        value = int(token[0])
        falls += value < previous
        rises += value > previous
        previous = value
        lost.append(value != 0)
    if not lost:
        raise ChannelError(f"{where}: is empty: expected 0 or 1 for each packet")
    if rises > 2 and not falls:
        raise ChannelError(
            f"{where}:1: holds ever larger numbers up to {previous}: these are times, as in a trace of "
            "a link's capacity, not losses (0 for each packet received and 1 for each lost)"
        )
    return LossTrace(bytes(lost))


def _arrivals(content: bytes, where: str) -> ArrivalTrace:
    send_ns, delay_ns = array("q"), array("q")
    header_seen = False
    for number, match in enumerate(re.finditer(rb"[^\n]*(?:\n|\Z)", content), start=1):
        line = match[0].strip()
        if not line:
            continue
        here = f"{where}:{number}"
        if not header_seen:
            if line.replace(b" ", b"") != _HEADER:
                raise ChannelError(f"{here}: {shown(line)} should be the header {_HEADER.decode()}")
            header_seen = True
            continue
        if len(send_ns) == MAX_PACKETS:
            raise ChannelError(f"{here}: has more than {MAX_PACKETS} packets")
        cells = line.split(b",", 2)
        if len(cells) != 2:
            raise ChannelError(f"{here}: {shown(line)} should be two numbers, {_HEADER.decode()}")
        sent = _nanoseconds(cells[0], here)
        if send_ns and sent < send_ns[-1]:
            raise ChannelError(f"{here}: runs backward: sent at {shown(cells[0])} ms, before the line above")
        delay = _nanoseconds(cells[1], here) - sent if cells[1].strip() else LOST
        if cells[1].strip() and delay < 0:
            raise ChannelError(f"{here}: {shown(line)} arrives before it is sent")
        send_ns.append(sent)
        delay_ns.append(delay)
    if len(send_ns) < 2 or send_ns[0] == send_ns[-1]:
        raise ChannelError(f"{where}: needs at least two packets sent at different times")
    return ArrivalTrace(send_ns, delay_ns)


def _nanoseconds(cell: bytes, here: str) -> int:
    cell = cell.strip()
    number = float(cell) if _NUMBER.fullmatch(cell) else float("nan")
    if not isfinite(number) or abs(number) > _LATEST_MS:
        raise ChannelError(f"{here}: {shown(cell)} is not a time in ms")
    return round(number * 1_000_000)


def shown(text: bytes) -> str:
    """Return a part of a file as an error shows it."""
    return repr(text[:40].decode("utf-8", "replace"))
