"""RTP packets whose timestamps are not times of sending.

All packets of a telephone event have the timestamp of its start (RFC 4733, section 2.5.1), those of a video
frame that of the frame. They get the delay of the packets around them.
"""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from testbed.traces.rtp_clock import COMFORT_NOISE, main_payload_type
from testbed.traces.rtp_received import ReceivedStream

_EVENT_BYTES = 4


def without_time(packets: ReceivedStream) -> tuple[NDArray[np.bool_], list[str]]:
    """Return the packets without a time of their own: telephone events, and repeats of a timestamp."""
    timeless = np.zeros(len(packets.timestamps), np.bool_)
    notes = []
    types = packets.payload_types.tolist()
    main = main_payload_type(types, packets.timestamps.tolist())
    for kind, count in Counter(types).most_common():
        of_kind = packets.payload_types == kind
        shared = np.count_nonzero(np.diff(packets.timestamps[of_kind]) == 0)
        of_size = bool((packets.payload_bytes[of_kind] == _EVENT_BYTES).all())
        if kind not in (main, COMFORT_NOISE) and (of_size or shared >= count / 2):
            timeless |= of_kind
            notes.append(
                f"{count} packets of payload type {kind} are telephone events (RFC 4733) or similar: their "
                "timestamps are not times of sending; their delay is that of the packets around them"
            )
    others = np.flatnonzero(~timeless)
    repeats = others[1:][np.diff(packets.timestamps[others]) == 0]
    timeless[repeats] = True
    if len(repeats):
        notes.append(
            f"{len(repeats)} packets repeat the timestamp of the packet before: their delay is that of the "
            "packets around them"
        )
    return timeless, notes


def filled(
    arrived_ns: NDArray[np.int64], timed: NDArray[np.int64], sent: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return times of sending where packets without one get the delay of those around them."""
    count = len(arrived_ns)
    if len(timed) == count:
        return sent
    delays = (arrived_ns[timed] - arrived_ns[0] - sent).astype(np.float64)
    delay_ns = np.rint(np.interp(np.arange(count), timed, delays)).astype(np.int64)
    given = arrived_ns - arrived_ns[0] - delay_ns
    given[timed] = sent
    after = np.searchsorted(timed, np.arange(count), "right")
    previous = np.where(after > 0, sent[np.maximum(after - 1, 0)], np.iinfo(np.int64).min)
    following = np.where(after < len(timed), sent[np.minimum(after, len(timed) - 1)], np.iinfo(np.int64).max)
    kept = given[timed]
    given = np.clip(given, previous, following)
    given[timed] = kept
    return np.asarray(np.minimum.accumulate(given[::-1])[::-1])
