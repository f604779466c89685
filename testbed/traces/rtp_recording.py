"""A recording from RTP packets: losses, delays and duplicates."""

from collections import Counter

import numpy as np

from testbed.channels.recordings.parts import LOST, MAX_PACKETS
from testbed.codecs.rtp.packet import RTP_HEADER_BYTES
from testbed.errors import ChannelError
from testbed.traces.capture_clock import without_steps_back
from testbed.traces.recording import Recording
from testbed.traces.rtp_clock import KNOWN_CLOCKS_HZ
from testbed.traces.rtp_received import ReceivedStream
from testbed.traces.rtp_sending import sending_ns
from testbed.traces.rtp_sequence import parts_of
from testbed.traces.rtp_stream import RtpStream

_ENOUGH_PACKETS = 10
_MANY_DUPLICATES = 0.1


def recording_of(stream: RtpStream, clock_hz: int, where: str, is_given: bool = False) -> Recording:
    """Return losses and delays of a stream, the smallest delay as 0, clock skew included.

    Parameters
    ----------
    stream
        The packets.
    clock_hz
        Rate of the timestamps of the main payload type.
    where
        The file's name, for errors.
    is_given
        Whether `clock_hz` applies to all payload types, in place of their known rates.

    Raises
    ------
    ChannelError
        Timestamps run backward, or there are more than 5 million sequence numbers.
    """
    types = [packet[1] & 0x7F for packet in stream.packets]
    captured_ns = np.array(stream.times_ns, np.int64)
    timestamps = np.array(stream.timestamps, np.int64)
    times_ns, notes = without_steps_back(captured_ns, timestamps, clock_hz, stream.sequences)
    parts, strays = parts_of(stream.sequences, stream.timestamps, times_ns.tolist(), clock_hz)
    numbers, places = max(parts, key=lambda part: len(part[0]))
    if strays:
        notes.append(f"{strays} stray packets left out: their sequence numbers fit no part of the stream")
    if len(parts) > 1:
        notes.append(
            f"the sender restarted its sequence numbers {len(parts) - 1} times: "
            f"the longest part is used, {len(numbers)} of {len(stream.packets)} packets"
        )
    sequence = np.array(numbers, np.int64)
    order = np.argsort(sequence, kind="stable")
    unique, first = np.unique(sequence[order], return_index=True)
    kept = np.array(places, np.int64)[order][first]
    count = int(unique[-1] - unique[0]) + 1
    if count > MAX_PACKETS:
        raise ChannelError(f"{where}: has more than {MAX_PACKETS} packets")
    sizes = [
        size - _header_bytes(packet) for size, packet in zip(stream.sizes_bytes, stream.packets, strict=True)
    ]
    received = ReceivedStream(
        sequences=np.array(stream.sequences, np.int64)[kept],
        timestamps=timestamps[kept],
        payload_types=np.array(types, np.int64)[kept],
        marked=np.array([packet[1] >= 0x80 for packet in stream.packets])[kept],
        clock_hz=np.array(_clocks(types, clock_hz, is_given), np.int64)[kept],
        arrived_ns=times_ns[kept],
        payload_bytes=np.array(sizes, np.int64)[kept],
    )
    sent, more = sending_ns(received, where)
    index = unique - unique[0]
    lost = np.ones(count, np.bool_)
    lost[index] = False
    send_ns = np.rint(np.interp(np.arange(count), index, sent)).astype(np.int64)
    delay_ns = np.full(count, LOST, np.int64)
    relative = received.arrived_ns - sent
    delay_ns[index] = relative - relative.min()
    packets = [b""] * count
    for entry, place in zip(index.tolist(), kept.tolist(), strict=True):
        packets[entry] = stream.packets[place]
    duplicates = len(sequence) - len(unique)
    if duplicates > _MANY_DUPLICATES * len(unique):
        more.append(
            f"{duplicates} of {len(unique)} packets are there twice: the network duplicated them, or they "
            "were captured at two points that the file does not distinguish; the first of each counts"
        )
    return Recording(lost, send_ns, delay_ns, duplicates, rtp=tuple(packets), notes=(*notes, *more))


def _clocks(types: list[int], main_hz: int, is_given: bool) -> list[int]:
    """Return the clock rate of each packet: that of its payload type, if it is known and frequent."""
    if is_given:
        return [main_hz] * len(types)
    often = {kind for kind, count in Counter(types).items() if count >= _ENOUGH_PACKETS}
    return [KNOWN_CLOCKS_HZ.get(kind, main_hz) if kind in often else main_hz for kind in types]


def _header_bytes(packet: bytes) -> int:
    """Return the size of a packet's RTP header, contributing sources and extension included."""
    start = RTP_HEADER_BYTES + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10 and len(packet) >= start + 4:
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    return start
