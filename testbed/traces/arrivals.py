"""Tables of times of sending and arrival; `testbed.channels.recordings.arrivals` reads them."""

from pathlib import Path

import numpy as np

from testbed.channels.recordings.arrivals import HEADER, parse_arrivals
from testbed.channels.recordings.parts import ArrivalTrace
from testbed.errors import ChannelError
from testbed.files import written_whole
from testbed.traces.format import Format, StreamChoice
from testbed.traces.recording import Recording, from_times


def read(content: bytes, where: str, _: StreamChoice) -> Recording:
    """Read the table; an empty arrival is a lost packet."""
    return recording_of_arrivals(parse_arrivals(content, where))


def recording_of_arrivals(trace: ArrivalTrace) -> Recording:
    """Return the recording of a trace."""
    return from_times(np.array(trace.send_ns, np.int64), np.array(trace.delay_ns, np.int64))


def write(path: Path, recording: Recording) -> None:
    """Write the CSV, exact to the nanosecond.

    Raises
    ------
    ChannelError
        All packets were sent at the same time: such a trace could not be replayed.
    """
    send_ns, delay_ns = recording.times("a trace of arrivals")
    if send_ns[0] == send_ns[-1]:
        raise ChannelError("a trace of arrivals needs packets sent at different times")
    rows = zip(send_ns.tolist(), (send_ns + delay_ns).tolist(), recording.lost.tolist(), strict=True)
    lines = [f"{_ms(sent)},{'' if lost else _ms(arrived)}" for sent, arrived, lost in rows]
    with written_whole(path) as temporary:
        temporary.write_text("\n".join([HEADER, *lines]) + "\n", "ascii")


def _ms(time_ns: int) -> str:
    whole, rest = divmod(abs(time_ns), 1_000_000)
    digits = f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
    return f"-{digits}" if time_ns < 0 else digits


CSV = Format(
    name="csv",
    about="a table with a line send_ms,arrival_ms for each packet, the arrival empty if it was lost",
    suffixes=(".csv",),
    keeps="times",
    read=read,
    write=write,
)
