"""Clock rate of RTP timestamps: by the payload type, or estimated from times of arrival."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.rtp.packet import CLOCK_HZ, OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE
from testbed.errors import ChannelError
from testbed.traces.rtp_stream import MAX_MISORDER, RtpStream

CLOCKS_HZ = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 90_000)
COMFORT_NOISE = 13
KNOWN_CLOCKS_HZ = {
    **dict.fromkeys((0, 3, 4, 5, 7, 8, 9, 12, 15, 18), 8_000),
    6: 16_000, 10: 44_100, 11: 44_100, 14: 90_000, 16: 11_025, 17: 22_050,
    **dict.fromkeys((25, 26, 28, 31, 32, 33, 34), 90_000),
    OPUS_PAYLOAD_TYPE: CLOCK_HZ,
    RED_PAYLOAD_TYPE: CLOCK_HZ,
}  # fmt: skip
"""Clock rates of static payload types (RFC 3551), and of those that WebRTC uses for Opus (RFC 7587) and RED.

Comfort noise, 13, has the clock rate of the speech that it replaces.
"""
_FARTHEST_FROM_A_CLOCK = 0.04
_ALIKE = 1.2
_WINDOWS_PACKETS = (32, 8)


def main_payload_type(types: Iterable[int], timestamps: Iterable[int]) -> int:
    """Return the payload type with the most timestamps: telephone events have more packets than those."""
    return Counter(kind for kind, _ in set(zip(types, timestamps, strict=True))).most_common(1)[0][0]


def clock_of(stream: RtpStream, where: str) -> int:
    """Return the rate in Hz of the timestamps of a stream's main payload type.

    A known rate is not estimated. Others are estimated over short windows of packets: where timestamps pause,
    the mean over the call differs from the rate of the sender's clock.

    Raises
    ------
    ChannelError
        They advance at no usual rate, or at different ones.
    """
    types = [packet[1] & 0x7F for packet in stream.packets]
    main = main_payload_type(types, stream.timestamps)
    if main in KNOWN_CLOCKS_HZ:
        return KNOWN_CLOCKS_HZ[main]
    if main == COMFORT_NOISE:
        return 8_000
    of_main = np.array(types) == main
    ticks = np.diff(np.array(stream.timestamps, np.int64)).astype(np.int32).astype(np.float64)
    seconds = np.diff(np.array(stream.times_ns, np.int64)) / 1e9
    steps = np.diff(np.array(stream.sequences, np.int64)).astype(np.int16)
    near = (np.abs(steps) <= MAX_MISORDER) & of_main[1:] & of_main[:-1]
    ticks, seconds = ticks[near], seconds[near]
    shown = [_rate(ticks, seconds, window) for window in _WINDOWS_PACKETS if len(ticks) >= 2 * window]
    usual = list(dict.fromkeys(clock for clock in map(_usual, shown) if clock is not None))
    if len(usual) > 1 and not 1 / _ALIKE < usual[1] / usual[0] < _ALIKE:
        raise ChannelError(
            f"{where}: RTP timestamps of payload type {main} advance by {usual[0]} per second in some "
            f"stretches and by {usual[1]} in others: give --clock-hz"
        )
    whole = _rate(ticks, seconds, len(ticks))
    clock = usual[0] if usual else _usual(whole)
    if clock is None:
        raise ChannelError(
            f"{where}: RTP timestamps advance by {whole:.0f} per second, which is not a usual clock rate: "
            "give --clock-hz"
        )
    return clock


def _usual(rate: float) -> int | None:
    nearest = min(CLOCKS_HZ, key=lambda clock: abs(clock - rate))
    return nearest if abs(rate / nearest - 1) <= _FARTHEST_FROM_A_CLOCK else None


def _rate(ticks: NDArray[np.float64], seconds: NDArray[np.float64], window: int) -> float:
    """Return the median over windows of the ticks per second."""
    if window == 0:
        return 0.0
    count = len(ticks) // window * window
    advance, passed = ticks[:count].reshape(-1, window).sum(1), seconds[:count].reshape(-1, window).sum(1)
    rates = advance[passed > 0] / passed[passed > 0]
    return float(np.median(rates)) if len(rates) else 0.0
