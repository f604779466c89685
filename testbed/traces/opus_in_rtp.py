"""Opus in an RTP stream: the payload types that are Opus or RED around it, and those that stay unknown.

SDP defines payload types, and a capture of RTP has none. Types that are not given are identified where the
packets' structure proves them: a RED payload (RFC 2198) names the type of each block, and the duration of an
Opus packet (RFC 6716, section 3.1) is the step of the timestamps.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from testbed.codecs.opus import packet as opus_packet
from testbed.codecs.rtp import red
from testbed.codecs.rtp.packet import CLOCK_HZ, OPUS_PAYLOAD_TYPE, RtpPacket
from testbed.errors import CodecError
from testbed.traces.rtp_stream import RtpStream

_FIRST_DYNAMIC = 35
"""First payload type that SDP defines; the static ones before it are never Opus (RFC 3551)."""
_SMALLEST_WITH_DRED_BYTES = 8
_ENOUGH_FOR_PROOF = 8
_ENOUGH_FOR_CHANCE, _CHANCE = 60, 0.5
_PROVEN, _STEADY, _MANY = 0.9, 0.5, 0.1
_HAS_RTP_PADDING = 0x20
_CODE, _COUNTED, _HAS_PADDING = 3, 3, 0x40


@dataclass(frozen=True, slots=True)
class Payload:
    """The payload of one RTP packet.

    Attributes
    ----------
    kind
        Payload type.
    sequence, timestamp
        As in its header.
    data
        The bytes captured.
    is_cut
        Whether the capture cut it.
    """

    kind: int
    sequence: int
    timestamp: int
    data: bytes
    is_cut: bool

    @property
    def can_have_padding(self) -> bool:
        """True if this can be an Opus packet with padding, which holds DRED, or the beginning of one."""
        if len(self.data) < 2:
            return self.is_cut and (not self.data or self.data[0] & _CODE == _COUNTED)
        return self.data[0] & _CODE == _COUNTED and bool(self.data[1] & _HAS_PADDING)

    def announced_ms(self) -> float | None:
        """Return the duration of an Opus packet; None if this is not one."""
        try:
            if not self.is_cut:
                return opus_packet.parse(self.data).frame_ms
            return opus_packet.announced_ms(self.data)
        except CodecError:
            return None

    def coded_bytes(self) -> bytes:
        """Return the first frame of an Opus packet; empty in a pause, or where the packet was cut."""
        try:
            frame = b"" if self.is_cut else opus_packet.parse(self.data).frames[0]
        except CodecError:
            return b""
        return frame if len(frame) > 2 else b""


@dataclass
class OpusInRtp:
    """The Opus packets of a stream.

    Attributes
    ----------
    packets
        In the order of arrival, without duplicates; of RED, the newest block.
    opus_types, red_types
        Payload types of Opus, and of RED.
    types
        Number of packets of each payload type.
    duplicates, damaged
        Number of repeated packets, and of packets whose RTP or RED is damaged; both are left out.
    is_implausible
        Whether the packets do not look like Opus, as if encrypted.
    unknown
        Reason why the stream's content is unknown; "" if it is known.
    """

    packets: list[Payload] = field(default_factory=list)
    opus_types: set[int] = field(default_factory=set)
    red_types: set[int] = field(default_factory=set)
    types: Counter[int] = field(default_factory=Counter)
    duplicates: int = 0
    damaged: int = 0
    is_implausible: bool = False
    unknown: str = ""


def opus_in(stream: RtpStream, payload_type: int | None, red_payload_type: int | None) -> OpusInRtp:
    """Find the Opus packets of a stream.

    Parameters
    ----------
    stream
        The captured packets.
    payload_type
        Opus's payload type; None for 111 and those that the packets prove.
    red_payload_type
        RED's payload type; None for those that the packets prove.
    """
    found = OpusInRtp()
    by_type: dict[int, list[Payload]] = {}
    payloads = list(_payloads(stream, found))
    for each in payloads:
        by_type.setdefault(each.kind, []).append(each)
    found.types = Counter({kind: len(of_type) for kind, of_type in by_type.items()})
    found.opus_types = {OPUS_PAYLOAD_TYPE if payload_type is None else payload_type}
    for kind, of_type in by_type.items():
        if kind == payload_type:
            continue
        is_opus = not implausible(of_type) if kind == OPUS_PAYLOAD_TYPE else _is_opus(of_type)
        inside = None
        if kind == red_payload_type:
            inside = _most_common_newest(of_type) if payload_type is None else payload_type
        elif red_payload_type is None and (not is_opus or _repeats(of_type)):
            inside = _type_inside_red(of_type, payload_type)
        if kind == red_payload_type or inside is not None:
            found.red_types.add(kind)
            found.opus_types |= {inside} if inside is not None else set()
        elif payload_type is None and is_opus:
            found.opus_types.add(kind)
    found.opus_types -= found.red_types
    for each in payloads:
        if each.kind in found.red_types:
            newest = _newest(each)
            if newest is None:
                found.damaged += 1
            elif newest.kind in found.opus_types or newest.is_cut:
                found.packets.append(newest)
        elif each.kind in found.opus_types:
            found.packets.append(each)
    found.unknown = _unknown(found, by_type)
    return found


def _payloads(stream: RtpStream, found: OpusInRtp) -> Iterator[Payload]:
    seen: set[tuple[int, int]] = set()
    for data, size_bytes in zip(stream.packets, stream.sizes_bytes, strict=True):
        is_cut = size_bytes > len(data)
        # The last byte gives the size of RTP's padding; a cut packet does not have it.
        whole = bytes([data[0] & ~_HAS_RTP_PADDING]) + data[1:] if is_cut else data
        try:
            packet = RtpPacket.parse(whole)
        except CodecError:
            found.damaged += 1
            continue
        if (packet.sequence, packet.timestamp) in seen:
            found.duplicates += 1
            continue
        seen.add((packet.sequence, packet.timestamp))
        yield Payload(packet.payload_type, packet.sequence, packet.timestamp, packet.payload, is_cut)


def _newest(payload: Payload) -> Payload | None:
    """Return the newest block of RED, empty if the payload was cut; None if this is not RED."""
    if payload.is_cut:
        return Payload(payload.kind, payload.sequence, payload.timestamp, b"", True)
    try:
        _, kind, data = red.parse(payload.data)
    except CodecError:
        return None
    return Payload(kind, payload.sequence, payload.timestamp, data, False)


def _most_common_newest(payloads: Sequence[Payload]) -> int | None:
    """Return the type that most newest blocks of RED have; None where there is no RED."""
    kinds = Counter(
        block.kind for each in payloads if not each.is_cut and (block := _newest(each)) is not None
    )
    return kinds.most_common(1)[0][0] if kinds else None


def _type_inside_red(payloads: Sequence[Payload], payload_type: int | None) -> int | None:
    """Return the type of nearly all newest blocks, if the payloads are RED with Opus inside."""
    whole = [each for each in payloads if not each.is_cut]
    kind = _most_common_newest(whole)
    newest = [block for each in whole if (block := _newest(each)) is not None and block.kind == kind]
    if kind is None or kind == payloads[0].kind or len(newest) < _PROVEN * len(whole):
        return None
    if kind == (OPUS_PAYLOAD_TYPE if payload_type is None else payload_type):
        return None if implausible(newest) else kind
    return kind if payload_type is None and _is_opus(newest) else None


def _repeats(payloads: Sequence[Payload]) -> bool:
    """Return True if most payloads parse as RED with an older block of the newest one's type.

    Opus packets rarely do.
    """
    count = 0
    for each in payloads:
        try:
            older, kind, _ = red.parse(each.data)
        except CodecError:
            continue
        count += any(block.payload_type == kind and block.timestamp_offset for block in older)
    return count > len(payloads) / 2


def implausible(payloads: Sequence[Payload]) -> str:
    """Return the reason why payloads are unlikely to be Opus (e.g. encrypted); "" if they can be Opus."""
    durations = [each.announced_ms() for each in payloads]
    agreeing = sum(one == other is not None for one, other in pairwise(durations))
    if durations[0] is None if len(durations) == 1 else agreeing < _STEADY * (len(durations) - 1):
        return "read as Opus, few neighbouring packets have the same duration"
    return "the first bytes of their frames look random" if _are_chance(payloads) else ""


def _are_chance(payloads: Sequence[Payload]) -> bool:
    """Return True if the first bytes of coded frames look random.

    The first byte of a frame codes the most probable symbols. Over 16 equal parts of its range its
    distribution has a chi-squared of 1.3 and more per packet (measured on speech, noise and tones at 12 to
    128 kb/s); random bytes have 15 in all. Frames of repeated bytes, as in made-up packets, do not count as
    random.
    """
    frames = [frame for each in payloads if (frame := each.coded_bytes())]
    if len(frames) < _ENOUGH_FOR_CHANCE or sum(frame[1] == frame[2] for frame in frames) > _MANY * len(
        frames
    ):
        return False
    counts = np.bincount([frame[0] >> 4 for frame in frames], minlength=16)
    expected = len(frames) / 16
    return bool(((counts - expected) ** 2).sum() / expected < _CHANCE * len(frames))


def _is_opus(payloads: Sequence[Payload]) -> bool:
    """Return True if timestamps advance by the durations of Opus packets, in enough packets to be proof."""
    steps = fitting = 0
    for one, other in pairwise(payloads):
        if (other.sequence - one.sequence) % 2**16 == 1:
            steps += 1
            announced_ms = one.announced_ms()
            ticks = (other.timestamp - one.timestamp) % 2**32
            fitting += announced_ms is not None and ticks == announced_ms * CLOCK_HZ / 1000
    return steps >= _ENOUGH_FOR_PROOF and fitting >= _PROVEN * steps and not implausible(payloads)


def _unknown(found: OpusInRtp, by_type: dict[int, list[Payload]]) -> str:
    reasons = []
    readable = [each for each in found.packets if len(each.data) >= 2 or not each.is_cut]
    hidden = implausible(readable) if readable else ""
    found.is_implausible = hidden != ""
    if hidden:
        types = " and ".join(map(str, sorted(found.opus_types & found.types.keys() or found.red_types)))
        reasons.append(f"the payloads of type {types} look encrypted (SRTP), or are not Opus: {hidden}")
    for kind, payloads in sorted(by_type.items()):
        if kind in found.opus_types | found.red_types or not _can_be_opus(kind, payloads):
            continue
        cut = " because the capture cut them" if all(each.is_cut for each in payloads) else ""
        reasons.append(
            f"{len(payloads)} packets of payload type {kind} cannot be identified{cut}: encrypted, or "
            f"another codec; give --payload-type {kind} if it is Opus, --red-payload-type {kind} if it is RED"
        )
    return "; ".join(reasons)


def _can_be_opus(kind: int, payloads: Sequence[Payload]) -> bool:
    """Return True if packets can be Opus with DRED: a dynamic type, different timestamps, not all tiny."""
    if kind < _FIRST_DYNAMIC:
        return False
    if all(len(each.data) < _SMALLEST_WITH_DRED_BYTES and not each.is_cut for each in payloads):
        return False
    together = sum(one.timestamp == other.timestamp for one, other in pairwise(payloads))
    return together <= _MANY * len(payloads)
