"""Unwrapping of RTP's sequence numbers (16 bits); numbers that never arrived are lost packets.

A jump beyond RFC 3550's limits (appendix A.1) is a long outage if timestamps and times of arrival agree on
the time that passed, else a restarted sender or one stray packet.
"""

import numpy as np
from numpy.typing import NDArray

from testbed.traces.rtp_stream import MAX_DROPOUT, MAX_MISORDER

_OUTAGE_SLACK_S = 10.0

Part = tuple[list[int], list[int]]


def parts_of(
    sequences: list[int], timestamps: list[int], times_ns: list[int], clock_hz: int
) -> tuple[list[Part], int]:
    """Unwrap sequence numbers.

    Parameters
    ----------
    sequences, timestamps, times_ns
        Header fields and time of arrival of each packet of a stream, in the order of arrival.
    clock_hz
        Rate of the timestamps.

    Returns
    -------
    tuple
        For each part between restarts the numbers and their places in the stream, and the number of stray
        packets that belong to no part.
    """
    neighbours = np.diff(_array(sequences)).astype(np.int16) == 1
    ticks = np.diff(_array(timestamps)).astype(np.int32)[neighbours]
    interval_s = float(np.median(ticks)) / clock_hz if len(ticks) else 0.0
    parts: list[Part] = [([sequences[0]], [0])]
    highest, last, strays = sequences[0], 0, 0
    suspect = -1
    for place in range(1, len(sequences)):
        step = _signed(sequences[place] - highest, 16)
        if not -MAX_MISORDER <= step <= MAX_DROPOUT:
            media_s = _signed(timestamps[place] - timestamps[last], 32) / clock_hz
            passed_s = (times_ns[place] - times_ns[last]) / 1e9
            too_little = media_s * (1 if step > 0 else -1) < 0.5 * abs(step) * interval_s
            if too_little or abs(media_s - passed_s) > _OUTAGE_SLACK_S:
                follows = suspect >= 0 and _signed(sequences[place] - sequences[suspect], 16) == 1
                if not follows:
                    suspect = place
                    strays += 1
                    continue
                parts.append(([sequences[suspect], sequences[suspect] + 1], [suspect, place]))
                highest, last, suspect = sequences[suspect] + 1, place, -1
                strays -= 1
                continue
        parts[-1][0].append(highest + step)
        parts[-1][1].append(place)
        if step > 0:
            highest, last = highest + step, place
    return parts, strays


def _signed(difference: int, bits: int) -> int:
    half = 1 << bits - 1
    return (difference + half) % (2 * half) - half


def _array(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)
