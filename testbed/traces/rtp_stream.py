"""RTP packets, as somebody received them, become a recording: what was lost, late, doubled, and how delayed.

Sequence numbers (16 bits) and timestamps (32 bits) are unwrapped; a packet is lost if its number never comes,
however late. A jump of the sequence beyond RFC 3550's limits (appendix A.1) is a long outage if timestamps
and arrivals agree that as much time passed, and else a sender that started anew, or one stray packet.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from testbed.channels.trace_parts import LOST, MAX_PACKETS
from testbed.codecs.rtp import CLOCK_HZ, OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE
from testbed.errors import ChannelError
from testbed.traces.datagram import Datagram
from testbed.traces.format import Choice
from testbed.traces.recording import Recording

MAX_DROPOUT = 3000
MAX_MISORDER = 100
CLOCKS_HZ = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 90_000)
_STATIC_CLOCKS_HZ = {
    **dict.fromkeys((0, 3, 4, 5, 7, 8, 9, 12, 13, 15, 18), 8_000),
    6: 16_000, 10: 44_100, 11: 44_100, 14: 90_000, 16: 11_025, 17: 22_050,
    **dict.fromkeys((25, 26, 28, 31, 32, 33, 34), 90_000),
}  # fmt: skip
_FARTHEST_FROM_A_CLOCK = 0.04
_OUTAGE_SLACK_S = 10.0
_RTCP_TYPES = range(192, 224)
_HEADER = struct.Struct("!BBHII")


@dataclass
class RtpStream:
    """The packets of one SSRC on one way, as one point of capture saw them.

    Attributes
    ----------
    ssrc
        Who sends.
    way, point
        As in `Datagram`.
    times_ns, sequences, timestamps, packets
        In the order of arrival. For each packet its time of arrival, RTP sequence number and timestamp, and
        what was captured of it.
    sizes_bytes
        How many bytes each had on the wire: more than were captured where the capture cut it.
    """

    ssrc: int
    way: str
    point: str = ""
    times_ns: list[int] = field(default_factory=list)
    sequences: list[int] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    packets: list[bytes] = field(default_factory=list)
    sizes_bytes: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        place = f", {self.point}" if self.point else ""
        return f"0x{self.ssrc:08x} ({len(self.packets)} packets, {self.way}{place})"

    def plausible(self) -> bool:
        """Whether the sequence numbers mostly go on where they were: chance does not do that."""
        steps = np.diff(_array(self.sequences)).astype(np.int16)
        return len(steps) > 0 and bool(np.mean(np.abs(steps) <= MAX_MISORDER) >= 0.8)


def choice(ssrc: str | None, clock_hz: int | None, interval_ms: float | None = None) -> Choice:
    """Return what a reader of captures is told, from the words of the command line.

    Raises
    ------
    ChannelError
        The SSRC is no number of 32 bits.
    """
    if ssrc is None:
        return Choice(None, clock_hz, interval_ms)
    try:
        number = int(ssrc, 0)
    except ValueError:
        number = -1
    if not 0 <= number < 2**32:
        raise ChannelError(f"--ssrc {ssrc[:40]}: is no number of 32 bits, such as 0x1234abcd")
    return Choice(number, clock_hz, interval_ms)


def streams(datagrams: Iterable[Datagram]) -> list[RtpStream]:
    """Sort what looks like RTP (and not like RTCP, RFC 5761, section 4) into streams.

    Parameters
    ----------
    datagrams
        In the order of arrival.
    """
    found: dict[tuple[int, str, str], RtpStream] = {}
    for time_ns, way, data, size_bytes, point in datagrams:
        if len(data) < _HEADER.size or data[0] >> 6 != 2 or data[1] in _RTCP_TYPES:
            continue
        _, _, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
        stream = found.setdefault((ssrc, way, point), RtpStream(ssrc, way, point))
        stream.times_ns.append(time_ns)
        stream.sequences.append(sequence)
        stream.timestamps.append(timestamp)
        stream.packets.append(data)
        stream.sizes_bytes.append(size_bytes)
    return list(found.values())


def chosen(found: list[RtpStream], ssrc: int | None, where: str) -> RtpStream:
    """Return the stream of an SSRC, or the only one there is.

    Raises
    ------
    ChannelError
        There is none, or several; the message lists them.
    """
    likely = [stream for stream in found if stream.plausible()]
    wanted = likely if ssrc is None else [stream for stream in found if stream.ssrc == ssrc]
    if not wanted:
        if ssrc is None:
            raise ChannelError(f"{where}: holds no RTP stream: no UDP packets whose RTP sequence goes on")
        there = f"there is {_listed(likely)}" if likely else "there is no stream at all"
        raise ChannelError(f"{where}: holds no RTP of SSRC 0x{ssrc:08x}; {there}")
    if len(wanted) == 1:
        return wanted[0]
    if ssrc is None:
        raise ChannelError(f"{where}: holds {len(wanted)} RTP streams, choose with --ssrc: {_listed(wanted)}")
    return max(wanted, key=lambda stream: len(stream.packets))


def _listed(found: list[RtpStream]) -> str:
    largest = sorted(found, key=lambda stream: -len(stream.packets))
    more = f" and {len(found) - 10} more" if len(found) > 10 else ""
    return ", ".join(map(str, largest[:10])) + more


def clock_of(stream: RtpStream, where: str) -> int:
    """Return the rate of the stream's timestamps in Hz: its payload type's (RFC 3551), or the one they show.

    Where they show none, as in a short capture, the types that WebRTC uses for Opus and RED mean 48 kHz.

    Raises
    ------
    ChannelError
        They run at no usual rate.
    """
    types = {packet[1] & 0x7F for packet in stream.packets}
    static = {_STATIC_CLOCKS_HZ[kind] for kind in types if kind in _STATIC_CLOCKS_HZ}
    if len(static) == 1 and all(kind in _STATIC_CLOCKS_HZ for kind in types):
        return static.pop()
    steps = np.diff(_array(stream.sequences)).astype(np.int16)
    near = np.abs(steps) <= MAX_MISORDER  # late packets too: so the sums are those of whole stretches
    ticks = np.diff(_array(stream.timestamps)).astype(np.int32)[near].sum(dtype=np.float64)
    seconds = np.diff(_array(stream.times_ns))[near].sum(dtype=np.float64) / 1e9
    rate = float(ticks / seconds) if seconds > 0 else 0.0
    nearest = min(CLOCKS_HZ, key=lambda clock: abs(clock - rate))
    if abs(rate / nearest - 1) > _FARTHEST_FROM_A_CLOCK:
        if types <= {OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE}:
            return CLOCK_HZ
        raise ChannelError(
            f"{where}: RTP timestamps advance by {rate:.0f} a second, which is no usual clock: say --clock-hz"
        )
    return nearest


def recording_of(stream: RtpStream, clock_hz: int, where: str) -> Recording:
    """Return what became of each packet of a stream, delays with the smallest at 0 and skew left in.

    Raises
    ------
    ChannelError
        Timestamps run backward, or there are more than 5 million sequence numbers.
    """
    parts, strays = _parts(stream, clock_hz)
    numbers, places = max(parts, key=lambda part: len(part[0]))
    notes = [f"{strays} stray packets left out: their sequence numbers belong nowhere"] if strays else []
    if len(parts) > 1:
        notes.append(
            f"the sender started its sequence numbers anew {len(parts) - 1} times: "
            f"the longest part is taken, {len(numbers)} of {len(stream.packets)} packets"
        )
    sequence = _array(numbers)
    order = np.argsort(sequence, kind="stable")
    unique, first = np.unique(sequence[order], return_index=True)
    kept = _array(places)[order][first]
    count = int(unique[-1] - unique[0]) + 1
    if count > MAX_PACKETS:
        raise ChannelError(f"{where}: has more than {MAX_PACKETS} packets")
    ticks = _array(stream.timestamps)[kept]
    steps = np.diff(ticks).astype(np.int32).astype(np.int64)
    if (steps < 0).any():
        place = int(kept[int(np.argmax(steps < 0)) + 1])
        raise ChannelError(
            f"{where}: RTP timestamps run backward: {stream.timestamps[place]} at sequence number "
            f"{stream.sequences[place]} is before that of the packet sent before it"
        )
    sent = np.concatenate(([0], np.cumsum(steps))) * (10**9 / clock_hz)
    index = unique - unique[0]
    lost = np.ones(count, np.bool_)
    lost[index] = False
    send_ns = np.rint(np.interp(np.arange(count), index, sent)).astype(np.int64)
    delay_ns = np.full(count, LOST, np.int64)
    relative = _array(stream.times_ns)[kept] - send_ns[index]
    delay_ns[index] = relative - relative.min()
    packets = [b""] * count
    for entry, place in zip(index.tolist(), kept.tolist(), strict=True):
        packets[entry] = stream.packets[place]
    duplicates = len(sequence) - len(unique)
    return Recording(lost, send_ns, delay_ns, duplicates, rtp=tuple(packets), notes=tuple(notes))


Part = tuple[list[int], list[int]]


def _parts(stream: RtpStream, clock_hz: int) -> tuple[list[Part], int]:
    """Unwrap sequence numbers: for each part between restarts the numbers and their places in the stream."""
    sequences, times_ns, timestamps = stream.sequences, stream.times_ns, stream.timestamps
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
