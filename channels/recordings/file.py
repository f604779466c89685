"""Reading of recordings of packets: losses, or times of sending and arrival.

`testbed.channels.recordings.kind` detects the format; every error names file and place.
"""

import shlex
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, cast

from testbed.channels.recordings.arrivals import parse_arrivals
from testbed.channels.recordings.compressed import unpacked
from testbed.channels.recordings.delays import parse_delays
from testbed.channels.recordings.kind import CAPTURES, FATES, STATISTICS, decide
from testbed.channels.recordings.losses import parse_digits, parse_losses
from testbed.channels.recordings.parts import ArrivalTrace, LossTrace
from testbed.channels.recordings.patterns import parse_bytes, parse_words
from testbed.errors import ChannelError

MAX_FILE_BYTES = 64 * 2**20

PARSERS: dict[str, Callable[[bytes, str], LossTrace | ArrivalTrace]] = {
    "g192": parse_words,
    "g192_bytes": parse_bytes,
    "csv": parse_arrivals,
    "delay_profile": parse_delays,
    "digits": parse_digits,
    "plc_challenge": parse_losses,
    "opus_demo": parse_losses,
}
"""Readers of all kinds in `testbed.channels.recordings.kind.FATES`."""

Read = TypeVar("Read")


def read_trace(path: Path) -> LossTrace | ArrivalTrace:
    """Read losses, or times of sending and arrival.

    A trace that was read before and has not changed since is not read again.

    Raises
    ------
    ChannelError
        The file cannot be read, is larger than 64 MiB or longer than 5 million packets, or is not a trace.
    """
    return read_cached(path, parse_trace)


def parse_trace(content: bytes, where: str) -> LossTrace | ArrivalTrace:
    """Return the trace of a file's content; `where` names the file."""
    decision = decide(content, where)
    kind = decision.among(FATES)
    if kind is not None:
        return PARSERS[kind](content, where)
    if decision.kind in CAPTURES:
        trace = "losses.txt" if decision.kind == "ogg_opus" else "call.csv"
        raise ChannelError(
            f"{where}: is a capture ({decision.kind}): `testbed trace convert {shlex.quote(where)} {trace}` "
            f"makes {trace}, which can be replayed"
        )
    if decision.kind in STATISTICS:
        raise ChannelError(
            f"{where}: holds statistics of a call, not the fate of packets: "
            f"`testbed trace fit {shlex.quote(where)}` makes a stage of them, measured"
        )
    raise ChannelError(
        f"{where}: holds ever larger numbers: times of a Mahimahi trace of a link's capacity, not fates of "
        "packets; replay it with `link: {trace: FILE}`"
    )


def read_cached(path: Path, parse: Callable[[bytes, str], Read]) -> Read:
    """Return the result of `parse` for a file's content and name; an unchanged file is not parsed again."""
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
