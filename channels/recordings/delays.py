"""Delay and error profiles of 3GPP TS 26.114, as ITU-T G.191's ``dlyerr_2_errpat`` reads them.

Each line has the delay of one packet in ms, or -1 for a lost one. The packets are evenly spaced, in 3GPP's
profiles by 20 ms.
"""

import re
from array import array

from testbed.channels.recordings.kind import plain
from testbed.channels.recordings.parts import LOST, MAX_PACKETS, ArrivalTrace, line_at, shown
from testbed.errors import ChannelError

PACKET_INTERVAL_MS = 20.0
LARGEST_MS = 1999
"""Largest delay in a profile, by ``dlyerr_2_errpat``."""
_DELAY = re.compile(rb"[0-9]{1,9}(\.[0-9]{1,9})?")


def parse_delays(content: bytes, where: str, interval_ms: float = PACKET_INTERVAL_MS) -> ArrivalTrace:
    """Return the trace of a profile.

    Parameters
    ----------
    content
        The file's bytes.
    where
        The file's name, for errors.
    interval_ms
        Time between two packets.
    """
    content = plain(content)
    delay_ns = array("q")
    for match in re.finditer(rb"[^\n]+", content):
        cell = match[0].strip()
        if not cell:
            continue
        if len(delay_ns) == MAX_PACKETS:
            raise ChannelError(f"{where}: has more than {MAX_PACKETS} packets")
        lost = cell in (b"-1", b"-1.0")
        if not lost and not (_DELAY.fullmatch(cell) and float(cell) <= LARGEST_MS):
            raise ChannelError(
                f"{where}:{line_at(content, match.start())}: {shown(cell)} is not a delay of a profile: "
                f"0 to {LARGEST_MS} ms, or -1 for a lost packet; longer delays need a table with the header "
                "send_ms,arrival_ms"
            )
        delay_ns.append(LOST if lost else round(float(cell) * 1e6))
    if len(delay_ns) < 2:
        raise ChannelError(f"{where}: a profile needs at least two packets")
    interval_ns = round(interval_ms * 1e6)
    return ArrivalTrace(array("q", range(0, len(delay_ns) * interval_ns, interval_ns)), delay_ns)
