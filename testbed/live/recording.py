"""The recording of a live call: the relay's log, a capture, and the arrivals that `trace:` replays."""

import json
import time
from array import array
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from testbed.channels.recordings.parts import LOST, MAX_PACKETS
from testbed.errors import ChannelError, ResultsError
from testbed.live.kind import DatagramKind
from testbed.live.log import COLUMNS, PacketFate, read_log, row
from testbed.live.network import LiveNetwork, Way
from testbed.marker import folder_of
from testbed.pcap import Capturing, UdpEnd
from testbed.traces.arrivals import write
from testbed.traces.recording import from_times

LOG_FILE, CAPTURE_FILE, NETWORK_FILE = "relay.csv", "call.pcap", "network.json"
_NEVER_NS = 2**63 - 1
MOST_MB = 1000
"""Default limit of the size of a recording."""


def arrivals_file(way: Way) -> str:
    """Return the name of the table of arrivals of a way."""
    return f"arrivals-{way.value}.csv"


class LiveRecording:
    """Files in a folder of their own, which must be new or empty.

    The log and the capture grow with the call. When they reach their limit, or cannot be written, nothing
    more is recorded.

    Parameters
    ----------
    folder
        The folder.
    network
        The stages of both ways, which are kept for a replay.
    most_mb
        Largest size of log and capture together.

    Attributes
    ----------
    left_out
        Number of decisions that were not recorded.
    failure
        Why a file could not be written, such as on a full disk; else empty.
    """

    def __init__(self, folder: Path, network: LiveNetwork, most_mb: int = MOST_MB) -> None:
        self.left_out = 0
        self.failure = ""
        self.folder = _empty_folder(folder)
        self._left_bytes = most_mb * 10**6
        self._left_rows = MAX_PACKETS
        self._start_ns = 0
        with (self.folder / NETWORK_FILE).open("x", encoding="utf-8") as stream:
            json.dump(network.as_data(), stream, indent=1)
        self._log = (self.folder / LOG_FILE).open("x", 1, "ascii", newline="")
        self._log.write(",".join(COLUMNS) + "\n")
        self._file: BinaryIO = (self.folder / CAPTURE_FILE).open("xb")
        self._capture = Capturing(self._file)

    def begin(self) -> None:
        """Take the present time of day for the time 0 of the log."""
        self._start_ns = time.time_ns()

    def add(self, fate: PacketFate, datagram: bytes, source: UdpEnd, target: UdpEnd) -> None:
        """Add a decision to the log, and to the capture if the datagram was sent."""
        line = row(fate)
        is_sent = fate.sent_ns >= 0
        size_bytes = len(line) + (is_sent and len(datagram) + _CAPTURE_HEADER_BYTES)
        if self.left_out or size_bytes > self._left_bytes or not self._left_rows:
            self.left_out += 1
            return
        self._left_bytes -= size_bytes
        self._left_rows -= 1
        try:
            self._log.write(line)
            if is_sent:
                self._capture.write(self._start_ns + fate.sent_ns, datagram, source, target)
        except OSError as error:
            self._fail(error)
            self.left_out += 1

    def end(self) -> None:
        """Close the files, and write the arrivals of each way that had any."""
        for file in (self._log, self._file):
            try:
                file.close()
            except OSError as error:
                self._fail(error)
        try:
            if self.failure:
                _cut_to_whole_lines(self.folder / LOG_FILE)
            self._write_arrivals()
        except OSError as error:
            self._fail(error)

    def _write_arrivals(self) -> None:
        for way in Way:
            log = read_log(self.folder / LOG_FILE)
            media = (fate for fate in log if fate.way is way and fate.kind is DatagramKind.RTP)
            with suppress(ChannelError):  # too few packets to replay
                write_arrivals(self.folder / arrivals_file(way), media)

    def _fail(self, error: OSError) -> None:
        self.failure = self.failure or error.strerror or str(error)


_CAPTURE_HEADER_BYTES = 64
"""At most: of a record, IPv6 and UDP."""
_MOST_LINE_BYTES = 4096


def write_arrivals(path: Path, fates: Iterable[PacketFate]) -> None:
    """Write times of sending and of arrival, of a packet that was duplicated the first arrival.

    A packet that was in the channel when the relay ended counts as lost.

    Raises
    ------
    ChannelError
        There are fewer than two packets.
    """
    columns = array("q"), array("q"), array("q")
    for fate in fates:
        values = fate.number, fate.taken_ns, fate.sent_ns if fate.sent_ns >= 0 else _NEVER_NS
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    number, taken_ns, sent_ns = (np.frombuffer(column, np.int64) for column in columns)
    if len(number) < 2:
        raise ChannelError("a trace of arrivals needs two packets")
    order = np.lexsort((sent_ns, number))
    first = order[np.flatnonzero(np.diff(number[order], prepend=-1))]
    delay_ns = np.where(sent_ns[first] == _NEVER_NS, LOST, sent_ns[first] - taken_ns[first])
    write(path, from_times(taken_ns[first], delay_ns))


def _cut_to_whole_lines(path: Path) -> None:
    """Remove a last line without an end."""
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        begin = file.seek(max(0, size - _MOST_LINE_BYTES))
        file.truncate(begin + file.read().rfind(b"\n") + 1)


def recorded_network(folder: Path) -> LiveNetwork:
    """Return the network of a recording.

    Raises
    ------
    ResultsError
        The folder holds no recording of a live call.
    """
    path = folder / NETWORK_FILE
    try:
        return LiveNetwork.from_data(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultsError(f"{path}: is not the network of a live call: {error}") from None


def _empty_folder(out: Path) -> Path:
    folder = folder_of(out)
    if folder.exists() and not folder.is_dir():
        raise ResultsError(f"{out}: is a file; give a folder for the recording")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ResultsError(f"{out}: is not empty, and nothing in it is replaced; give a new folder")
    return folder
