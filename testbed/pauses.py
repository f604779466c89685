"""Pauses as a receiver sees them: which of the frames that it misses were never sent (DTX, RFC 7587, 3.1.3).

RTP's sequence numbers count packets, its timestamps count time (RFC 3550, 5.1), and the marker bit stands at
the first packet after a pause (RFC 3551, 4.1). So two packets say how many of the frames between them were
sent and lost; where only some were, the marker bit says whether the later packet follows a pause or a loss.
Before the later packet has come, the earlier one gives a hint: libopus begins a pause only after 200 ms
without voice, and SILK's packets say whether there is voice in them.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Arrival(NamedTuple):
    """What RTP says of a packet that arrived.

    Attributes
    ----------
    frame
        The frame that is its primary, by its timestamp.
    sequence
        Its sequence number, 16 bits.
    marker
        Its marker bit: the frame before was not sent.
    """

    frame: int
    sequence: int
    marker: bool


def pauses_between(before: Arrival, after: Arrival, missing: Sequence[int]) -> Sequence[int]:
    """Return which frames between two packets were not sent, as far as the two can tell.

    Parameters
    ----------
    before, after
        Two packets between which no other has arrived.
    missing
        The frames between them that are not at hand, not even as a RED copy, in order.

    Returns
    -------
    Sequence
        The last of `missing` if the later packet is marked, else the first: as many as the sequence numbers
        leave over.
    """
    copies = after.frame - before.frame - 1 - len(missing)
    lost = (after.sequence - before.sequence - 1 & 0xFFFF) - copies
    pauses = max(0, len(missing) - max(0, lost))
    return missing[len(missing) - pauses :] if after.marker else missing[:pauses]
