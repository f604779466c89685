"""Pauses at the receiver: missing frames that were never sent (DTX, RFC 7587, 3.1.3).

RTP sequence numbers count packets, timestamps count time (RFC 3550, 5.1), and the marker bit is set in the
first packet after a pause (RFC 3551, 4.1). So two packets show how many of the frames between them were sent
and lost. If only some were, the marker bit shows whether the later packet follows a pause or a loss.
Before the later packet arrives, the earlier one gives a hint: libopus begins a pause only after 200 ms
without voice, and SILK packets have a voice activity flag.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Arrival(NamedTuple):
    """RTP header fields of a packet that arrived.

    Attributes
    ----------
    frame
        Its primary frame, by its timestamp.
    sequence
        Its sequence number, 16 bits.
    marker
        Its marker bit: the frame before was not sent.
    """

    frame: int
    sequence: int
    marker: bool


def pauses_between(before: Arrival, after: Arrival, missing: Sequence[int]) -> Sequence[int]:
    """Return the frames between two packets that were not sent, as far as their headers say.

    Parameters
    ----------
    before, after
        Two packets between which no other has arrived.
    missing
        The frames between them that were not received, RED copies included, in order.

    Returns
    -------
    Sequence
        The last of `missing` if the later packet is marked, else the first: as many as the sequence numbers
        do not account for.
    """
    copies = after.frame - before.frame - 1 - len(missing)
    lost = (after.sequence - before.sequence - 1 & 0xFFFF) - copies
    pauses = max(0, len(missing) - max(0, lost))
    return missing[len(missing) - pauses :] if after.marker else missing[:pauses]
