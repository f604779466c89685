"""The recording of a live call: the relay's log, a capture, and the arrivals that `trace:` replays."""

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from testbed.channels.recordings.parts import LOST
from testbed.errors import ChannelError, ResultsError
from testbed.live.kind import DatagramKind
from testbed.live.log import COLUMNS, PacketFate, read_log, row
from testbed.live.network import LiveNetwork, Way
from testbed.marker import folder_of
from testbed.pcap import Capturing, UdpEnd
from testbed.traces.arrivals import write
from testbed.traces.recording import from_times

LOG_FILE, CAPTURE_FILE, NETWORK_FILE = "relay.csv", "call.pcap", "network.json"
MOST_MB = 1000
"""Default limit of the size of a recording."""


def arrivals_file(way: Way) -> str:
    """Return the name of the table of arrivals of a way."""
    return f"arrivals-{way.value}.csv"


class LiveRecording:
    """Files in a folder of their own, which must be new or empty.

    The log and the capture grow with the call. When they reach their limit, nothing more is recorded.

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
    is_full
        True if the limit was reached.
    """

    def __init__(self, folder: Path, network: LiveNetwork, most_mb: int = MOST_MB) -> None:
        self.is_full = False
        self.folder = _empty_folder(folder)
        self._left_bytes = most_mb * 10**6
        self._start_ns = 0
        with (self.folder / NETWORK_FILE).open("x", encoding="utf-8") as stream:
            json.dump(network.as_data(), stream, indent=1)
        self._log = (self.folder / LOG_FILE).open("x", encoding="ascii", newline="")
        self._log.write(",".join(COLUMNS) + "\n")
        self._file: BinaryIO = (self.folder / CAPTURE_FILE).open("xb")
        self._capture = Capturing(self._file)

    def begin(self) -> None:
        """Take the present time of day for the time 0 of the log."""
        self._start_ns = time.time_ns()

    def add(self, fate: PacketFate, datagram: bytes, source: UdpEnd, target: UdpEnd) -> None:
        """Add a decision to the log, and to the capture if the datagram was sent."""
        if self.is_full:
            return
        line = row(fate)
        is_sent = fate.sent_ns >= 0
        self._left_bytes -= len(line) + (is_sent and len(datagram) + _CAPTURE_HEADER_BYTES)
        if self._left_bytes < 0:
            self.is_full = True
            return
        self._log.write(line)
        if is_sent:
            self._capture.write(self._start_ns + fate.sent_ns, datagram, source, target)

    def end(self) -> None:
        """Close the files, and write the arrivals of each way that had any."""
        self._log.close()
        self._file.close()
        fates = list(read_log(self.folder / LOG_FILE))
        for way in Way:
            media = [fate for fate in fates if fate.way is way and fate.kind is DatagramKind.RTP]
            with suppress(ChannelError):  # too few packets to replay
                write_arrivals(self.folder / arrivals_file(way), media)


_CAPTURE_HEADER_BYTES = 64
"""At most: of a record, IPv6 and UDP."""


def write_arrivals(path: Path, fates: Iterable[PacketFate]) -> None:
    """Write times of sending and of arrival, of a packet that was duplicated the first arrival.

    A packet that was in the channel when the relay ended counts as lost.

    Raises
    ------
    ChannelError
        There are fewer than two packets.
    """
    taken_ns: dict[int, int] = {}
    sent_ns: dict[int, int] = {}
    for fate in fates:
        taken_ns[fate.number] = fate.taken_ns
        if fate.sent_ns >= 0:
            sent_ns[fate.number] = min(fate.sent_ns, sent_ns.get(fate.number, fate.sent_ns))
    if len(taken_ns) < 2:
        raise ChannelError("a trace of arrivals needs two packets")
    numbers = sorted(taken_ns)
    delay_ns = [sent_ns[number] - taken_ns[number] if number in sent_ns else LOST for number in numbers]
    send_ns = np.array([taken_ns[number] for number in numbers], np.int64)
    write(path, from_times(send_ns, np.array(delay_ns, np.int64)))


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
