"""A captured call: the Opus packets of one RTP stream, as a receiver takes them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.adaptive.receiver import TICK_NS
from testbed.channels.recordings.file import read_content
from testbed.channels.recordings.foreign_files import refuse_foreign
from testbed.channels.recordings.kind import kind_by_magic
from testbed.codecs.encoded_frame import read
from testbed.codecs.opus.packet import parse
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.codecs.rtp import red
from testbed.codecs.rtp.packet import (
    CLOCK_HZ,
    IPV4_HEADER_BYTES,
    UDP_HEADER_BYTES,
    RtpPacket,
)
from testbed.codecs.rtp.red import MAX_TIMESTAMP_OFFSET, RedBlock
from testbed.decode.captured_frames import (
    NS_PER_SAMPLE,
    STEP_SAMPLES,
    STEP_TICKS,
    CapturedFrames,
    apart,
    without_gaps,
)
from testbed.decode.captured_packet import CapturedPacket, Copy
from testbed.decode.stopped_time import Timed, with_stopped_time
from testbed.decode.timestamps import Stamped, unwrap
from testbed.errors import ChannelError, CodecError
from testbed.media_frames import TICKS_PER_SAMPLE
from testbed.pauses import Arrival, pauses_between
from testbed.traces import capture, rtpdump
from testbed.traces.capture_clock import without_steps_back
from testbed.traces.contents import Contents
from testbed.traces.datagram import Datagram
from testbed.traces.format import StreamChoice
from testbed.traces.opus_in_rtp import OpusInRtp, opus_in
from testbed.traces.rtp_choice import chosen
from testbed.traces.rtp_packets import streams_of
from testbed.traces.rtp_sequence import parts_of
from testbed.traces.rtp_stream import RtpStream
from testbed.traces.skew import slope_below

LONGEST_S = 2 * 3600
_MOST_COPIES = 32
_DRIFT_MS = 20
"""Drift of the delay that a receiver notices: a step of NetEq's target."""
_REACH = MAX_TIMESTAMP_OFFSET // TICKS_PER_SAMPLE
_READERS: Mapping[str, Callable[[bytes, str, Contents], Iterator[Datagram]]] = {
    "pcap": capture.datagrams,
    "rtpdump": rtpdump.datagrams,
}


@dataclass(frozen=True)
class CapturedCall:
    """The Opus packets of one RTP stream.

    Attributes
    ----------
    stream
        Its SSRC, number of packets, and addresses.
    frames
        Its frames; those of gaps included.
    packets
        In the order of arrival, without duplicates. Times count from the beginning of the first frame, as if
        the fastest packet took less than a tick of the adaptive receiver; its ticks are those of the capture.
    lost
        Number of packets that did not arrive.
    pauses
        Frames that were not sent (DTX).
    omits_pauses
        Whether the stream shows that pauses are not sent.
    notes
        What the reader of its sound must know.
    """

    stream: str
    frames: CapturedFrames
    packets: Sequence[CapturedPacket] = field(repr=False)
    lost: int
    pauses: NDArray[np.int64] = field(repr=False)
    omits_pauses: bool
    notes: Sequence[str]

    @property
    def seconds(self) -> float:
        """Duration of the frames."""
        return self.frames.spans[-1][1] / SAMPLE_RATE_HZ

    def arrivals(self) -> list[tuple[int, bytes]]:
        """Return time of arrival in ns and bytes of each packet; see `CapturedPacket.rtp`."""
        return [(packet.arrived_ns, packet.rtp()) for packet in self.packets]


def read_call(
    path: Path,
    choice: StreamChoice,
    payload_type: int | None = None,
    red_payload_type: int | None = None,
) -> CapturedCall:
    """Read a call from a capture or dump.

    Parameters
    ----------
    path
        A pcap, pcapng or rtpdump file, also with gzip.
    choice
        The RTP stream.
    payload_type, red_payload_type
        See `testbed.traces.opus_in_rtp.opus_in`.

    Raises
    ------
    ChannelError
        The file cannot be read; or has no such stream, or several; or the stream is encrypted, not of Opus,
        cut by the capture, or longer than two hours.
    """
    where, contents = str(path), Contents()
    content = read_content(path)
    kind = kind_by_magic(content) or ""
    if kind not in _READERS:
        refuse_foreign(content, where)
        raise ChannelError(f"{where}: is no capture of RTP: give a pcap, pcapng or rtpdump file")
    found = streams_of(_READERS[kind](content, where, contents), where, contents)
    stream = chosen(found, choice.ssrc, where, choice.way)
    inside = opus_in(stream, payload_type, red_payload_type)
    _check(inside, stream, where, contents)
    call = _call(stream, inside, where)
    unknown = [f"left out: {inside.unknown}"] if inside.unknown else []
    return replace(call, notes=(*contents.lines(), *unknown, *call.notes))


def _check(inside: OpusInRtp, stream: RtpStream, where: str, contents: Contents) -> None:
    """Refuse a stream without Opus that can be decoded."""
    here = f"{where}: {stream}"
    if inside.is_implausible or (not inside.packets and inside.unknown):
        keyed = contents.keys_between(stream.way)
        keys = f"; keys for encryption were agreed on between these ports ({keyed})" if keyed else ""
        raise ChannelError(f"{here}: cannot be decoded: {inside.unknown}{keys}")
    if not inside.packets:
        types = ", ".join(map(str, sorted(inside.types)))
        raise ChannelError(f"{here}: holds no Opus; its payload types are {types}")
    if 2 * sum(each.is_cut for each in inside.packets) > len(inside.packets):
        raise ChannelError(f"{here}: cannot be decoded: the capture cut its packets; capture them whole")


class _Read(NamedTuple):
    """A packet as it was captured: its place in the stream, and its contents."""

    place: int
    number: int
    packet: RtpPacket
    data: bytes
    copies: Sequence[RedBlock]


def _call(stream: RtpStream, inside: OpusInRtp, where: str) -> CapturedCall:
    timestamps = np.array(stream.timestamps, np.int64)
    times, notes = without_steps_back(
        np.array(stream.times_ns, np.int64), timestamps, CLOCK_HZ, stream.sequences
    )
    parts, strays = parts_of(stream.sequences, stream.timestamps, times.tolist(), CLOCK_HZ)
    numbers, places = max(parts, key=lambda part: len(part[0]))
    if len(parts) > 1:
        notes.append(f"the sender restarted {len(parts) - 1} times: the longest part is decoded")
    found, left_out = _contents(stream, dict(zip(numbers[::-1], places[::-1], strict=True)), inside)
    clock = unwrap(Stamped(each.place, each.packet.timestamp, int(times[each.place])) for each in found)
    if clock.resets:
        notes.append(f"the sender set its timestamps anew {clock.resets} times")
    left_out["have numbers or timestamps that fit no others"] = strays + clock.strays
    ticks = clock.ticks
    if len(ticks) > 1 and not clock.resets:
        ticks, stops = with_stopped_time(ticks, _timed(found, ticks, times))
        notes += stops
    packets = _placed(found, ticks, stream, times)
    left_out["overlap others in time"] = len(ticks) - len(packets)
    if not packets or len(packets) < len(found) / 2:
        raise ChannelError(
            f"{where}: {stream}: cannot be decoded: timestamps do not advance by the durations of its packets"
        )
    spans = {copy.span for each in packets for copy in (each.primary, *each.copies)}
    if (seconds := max(spans)[1] / SAMPLE_RATE_HZ) > LONGEST_S:
        raise ChannelError(f"{where}: {stream}: lasts {seconds:.0f} s; at most {LONGEST_S} are decoded")
    call = CapturedCall(
        str(stream), CapturedFrames(without_gaps(spans)), packets, 0, np.empty(0, np.int64), False, ()
    )
    fastest_ns = min(each.arrived_ns - each.primary.span[1] * NS_PER_SAMPLE for each in packets)
    begin_ns = fastest_ns // TICK_NS * TICK_NS
    arrivals = [replace(each, arrived_ns=each.arrived_ns - begin_ns) for each in packets]
    notes += _drift(arrivals)
    said = (f"{count} packets {what}, and are left out" for what, count in left_out.items() if count)
    return replace(
        _with_pauses(call),
        packets=sorted(arrivals, key=lambda each: each.arrived_ns),
        notes=(*notes, *said),
    )


def _drift(packets: Sequence[CapturedPacket]) -> list[str]:
    """Return that the smallest delays drift, if they do so far enough to be taken for delay."""
    ends_s = np.array([each.primary.span[1] for each in packets]) / SAMPLE_RATE_HZ
    order = np.argsort(ends_s, kind="stable")
    delays_s = np.array([each.arrived_ns for each in packets]) / 1e9 - ends_s
    slope = slope_below(ends_s[order], delays_s[order])
    drift_ms = 1e3 * slope * (ends_s[order[-1]] - ends_s[order[0]])
    if abs(drift_ms) < _DRIFT_MS:
        return []
    return [
        f"the smallest delays drift by {1e6 * slope:+.0f} ppm, {drift_ms:+.0f} ms in all, which counts as "
        "delay: clocks of sender and capture that differ, or a queue that grows or drains"
    ]


def _contents(
    stream: RtpStream, places: Mapping[int, int], inside: OpusInRtp
) -> tuple[list[_Read], dict[str, int]]:
    """Return the packets with Opus in the order of their numbers, and how many are left out, by reason.

    Parameters
    ----------
    places
        Place in the stream of each sequence number without wraps.
    """
    found: list[_Read] = []
    left_out = {"were cut by the capture": 0, "cannot be read": 0}
    others = 0
    for number, place in sorted(places.items()):
        if stream.sizes_bytes[place] > len(stream.packets[place]):
            left_out["were cut by the capture"] += 1
            continue
        try:
            packet = RtpPacket.parse(stream.packets[place])
            copies, kind, data = _blocks(packet, inside)
            if kind not in inside.opus_types:
                others += 1
                continue
            read(data)
        except CodecError:
            left_out["cannot be read"] += 1
            continue
        kept = [
            copy
            for copy in copies[-_MOST_COPIES:]
            if copy.payload_type in inside.opus_types and _is_readable(copy.data)
        ]
        found.append(_Read(place, number - others, packet, data, kept))
    return found, left_out


def _blocks(packet: RtpPacket, inside: OpusInRtp) -> tuple[Sequence[RedBlock], int, bytes]:
    """Return the RED copies of a packet, the payload type of its primary, and the primary."""
    if packet.payload_type in inside.red_types:
        return red.parse(packet.payload)
    return (), packet.payload_type, packet.payload


def _is_readable(data: bytes) -> bool:
    try:
        read(data)
    except CodecError:
        return False
    return True


def _placed(
    found: Sequence[_Read], ticks: Mapping[int, int], stream: RtpStream, times: NDArray[np.int64]
) -> list[CapturedPacket]:
    """Return the packets at their places on the media clock, without those that overlap others."""
    placed = [
        CapturedPacket(
            number=each.number,
            arrived_ns=int(times[each.place]),
            marker=each.packet.marker,
            wire_bytes=stream.sizes_bytes[each.place] + UDP_HEADER_BYTES + IPV4_HEADER_BYTES,
            primary=_copy(ticks[each.place], each.data),
            copies=[_copy(ticks[each.place] - copy.timestamp_offset, copy.data) for copy in each.copies],
        )
        for each in found
        if each.place in ticks
    ]
    own, repeated = apart(
        {each.primary.span for each in placed}, {copy.span for each in placed for copy in each.copies}
    )
    origin = min((start for start, _ in own | repeated), default=0)
    kept = []
    for packet in placed:
        if packet.primary.span not in own:
            continue
        own.remove(packet.primary.span)  # a later packet with the same frame overlaps it
        begin = packet.primary.span[0]
        copies = [
            copy.later(-origin)
            for copy in packet.copies
            if copy.span in repeated and 0 < begin - copy.span[0] <= _REACH
        ]
        kept.append(replace(packet, primary=packet.primary.later(-origin), copies=copies))
    return kept


def _timed(found: Sequence[_Read], ticks: Mapping[int, int], times: NDArray[np.int64]) -> list[Timed]:
    return [
        Timed(each.place, each.packet, _samples(each.data) * TICKS_PER_SAMPLE, int(times[each.place]))
        for each in found
        if each.place in ticks
    ]


def _copy(ticks: int, data: bytes) -> Copy:
    start = round(ticks / STEP_TICKS) * STEP_SAMPLES
    return Copy((start, start + _samples(data)), data)


def _samples(data: bytes) -> int:
    return round(parse(data).frame_ms * SAMPLE_RATE_HZ / 1000)


def _with_pauses(call: CapturedCall) -> CapturedCall:
    """Return a call with its pauses and the number of its lost packets, from its sequence numbers."""
    frame_at = call.frames.frame_at
    there = {frame_at(copy.span[0]) for each in call.packets for copy in (each.primary, *each.copies)}
    pauses: list[int] = []
    omits_pauses = False
    for one, other in pairwise(call.packets):
        first, last = (frame_at(each.primary.span[0]) for each in (one, other))
        missing = [frame for frame in range(first + 1, last) if frame not in there]
        if missing:
            # A lost packet may have been as long as that before it, which is several frames of the gap.
            frames_of_packet = -(-max(one.samples, other.samples) // other.samples)
            lost_frames = (other.number - one.number - 1) * frames_of_packet
            before = Arrival(first, 0, one.marker)
            after = Arrival(last, lost_frames + 1 & 0xFFFF, other.marker)
            pauses += pauses_between(before, after, missing)
            omits_pauses |= other.number == one.number + 1
    lost = call.packets[-1].number - call.packets[0].number + 1 - len(call.packets)
    return replace(call, lost=lost, pauses=np.array(pauses, np.int64), omits_pauses=omits_pauses)
