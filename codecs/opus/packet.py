"""Parses Opus packets: mode, frames, padding (RFC 6716, section 3), and the size of each part."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Literal, cast

from testbed.codecs.opus.extensions import Extension, extensions
from testbed.errors import CodecError

Mode = Literal["silk", "hybrid", "celt"]
PacketBandwidth = Literal["narrowband", "mediumband", "wideband", "superwideband", "fullband"]

DRED_IDENTIFIER = 126
DRED_EXPERIMENTAL_VERSIONS = (10, 12)
"""Those of libopus 1.5 and 1.6."""
OWN_VERSIONS = range(128, 256)
"""Those of networks that are not libopus's; see `testbed.codecs.dred.network_folder`."""
MAX_FRAME_BYTES = 1275
MAX_PACKET_MS = 120

_SILK_MS, _HYBRID_MS, _CELT_MS = (10, 20, 40, 60), (10, 20), (2.5, 5, 10, 20)
_CONFIGURATIONS: tuple[tuple[Mode, PacketBandwidth, float], ...] = (
    *(("silk", width, ms) for width in ("narrowband", "mediumband", "wideband") for ms in _SILK_MS),
    *(("hybrid", width, ms) for width in ("superwideband", "fullband") for ms in _HYBRID_MS),
    *(
        ("celt", width, ms)
        for width in ("narrowband", "wideband", "superwideband", "fullband")
        for ms in _CELT_MS
    ),
)


@dataclass(frozen=True, slots=True)
class OpusPacket:
    """A parsed Opus packet.

    Attributes
    ----------
    mode
        Opus's mode: ``"silk"``, ``"celt"``, or ``"hybrid"`` of both.
    bandwidth
        Audio bandwidth.
    coded_frame_ms
        Duration of each of its frames: 2.5 to 60.
    channels
        1 or 2.
    frames
        Its frames, 1 to 48, each of 0 to 1275 bytes.
    padding
        The bytes after the frames: extensions, or zeros.
    """

    mode: Mode
    bandwidth: PacketBandwidth
    coded_frame_ms: float
    channels: int
    frames: tuple[bytes, ...]
    padding: bytes

    @property
    def frame_ms(self) -> float:
        """Duration of the packet's audio."""
        return self.coded_frame_ms * len(self.frames)

    @property
    def is_dtx(self) -> bool:
        """True if it holds no sound: frames of 0 or 1 byte, which libopus conceals (section 2.1.9)."""
        return max(map(len, self.frames)) <= 1

    @property
    def has_voice(self) -> bool | None:
        """True if any of SILK's voice activity flags is set; None in CELT mode, which has none."""
        if self.mode == "celt":
            return None
        # The flags of the mid channel have even odds, so they are plain bits of a frame's first byte.
        silk_frames = max(1, int(self.coded_frame_ms) // 20)
        return any(len(frame) > 1 and frame[0] >> (8 - silk_frames) for frame in self.frames)


@dataclass(frozen=True, slots=True)
class CarriedDred:
    """DRED that was found in a packet.

    Attributes
    ----------
    payload
        Its bytes, from the ``D`` on.
    frame
        The Opus frame of the packet that it belongs to, from 0.
    frame_ms
        Duration of the packet's Opus frames.
    dred_bytes
        Size of the extension with its header, and of the framing bytes that are there only because of it.
    """

    payload: bytes
    frame: int
    frame_ms: float
    dred_bytes: int


@dataclass(frozen=True, slots=True)
class Split:
    """Parts of a packet and their sizes; primary, LBRR and DRED sum exactly to the packet's size.

    Attributes
    ----------
    primary_bytes
        The speech itself with the packet's own framing, and padding that carries nothing.
    lbrr_bytes
        LBRR frames, in 64ths of a byte; see `testbed.codecs.opus.lbrr`.
    dred
        The DRED, or None.
    lbrr_frames
        Whether there is LBRR for each SILK frame of the packet before; empty without a SILK layer.
    mode, bandwidth, is_dtx, has_voice
        As in `OpusPacket`.
    frame_ms
        Duration of the packet's audio.
    """

    primary_bytes: float
    lbrr_bytes: float
    dred: CarriedDred | None
    lbrr_frames: tuple[bool, ...]
    mode: Mode
    bandwidth: PacketBandwidth
    is_dtx: bool
    has_voice: bool | None
    frame_ms: float

    @property
    def dred_bytes(self) -> int:
        """Size of the DRED with its framing; 0 if there is none."""
        return 0 if self.dred is None else self.dred.dred_bytes


def announced_ms(head: bytes) -> float:
    """Return the duration of a packet's audio from its first two bytes; the rest may be cut off.

    Raises
    ------
    CodecError
        If the duration in them is none, or too long.
    """
    if not head or (head[0] & 3 == 3 and len(head) < 2):
        raise CodecError(f"Opus packet of {len(head)} bytes: its duration is not there")
    coded_frame_ms = _CONFIGURATIONS[head[0] >> 3][2]
    code = head[0] & 3
    return coded_frame_ms * (_frame_count(head, coded_frame_ms) if code == 3 else min(code, 1) + 1)


def parse(payload: bytes) -> OpusPacket:
    """Parse an Opus packet.

    Parameters
    ----------
    payload
        The packet, at least its TOC byte.

    Raises
    ------
    CodecError
        If the packet breaks a rule of RFC 6716, section 3.4.
    """
    if not payload:
        raise CodecError("Opus packet of 0 bytes: it has at least its TOC byte")
    mode, bandwidth, coded_frame_ms = _CONFIGURATIONS[payload[0] >> 3]
    channels = 2 if payload[0] & 4 else 1
    code = payload[0] & 3
    padding_bytes, position = 0, 1
    if code == 0:
        lengths = [len(payload) - 1]
    elif code == 1:
        lengths = _equal_lengths(len(payload) - 1, 2)
    elif code == 2:
        lengths, position = _coded_lengths(payload, position, len(payload), 2)
    else:
        lengths, position, padding_bytes = _counted_lengths(payload, coded_frame_ms)
    if max(lengths) > MAX_FRAME_BYTES:
        raise CodecError(f"Opus frame of {max(lengths)} bytes: at most {MAX_FRAME_BYTES}")
    frames = []
    for length in lengths:
        frames.append(payload[position : position + length])
        position += length
    padding = payload[len(payload) - padding_bytes :]
    return OpusPacket(mode, bandwidth, coded_frame_ms, channels, tuple(frames), padding)


def find_dred(packet: OpusPacket, versions: Container[int] = DRED_EXPERIMENTAL_VERSIONS) -> Extension | None:
    """Return the packet's extension with DRED of some experimental versions, if there is one.

    Raises
    ------
    CodecError
        If the padding before it is not a sequence of extensions.
    """
    for extension in extensions(packet.padding, len(packet.frames)):
        if extension.identifier == DRED_IDENTIFIER and extension.end - extension.payload_start > 2:
            letter, version = packet.padding[extension.payload_start : extension.payload_start + 2]
            if letter == ord("D") and version in versions:
                return extension
    return None


def dred_bytes_of(packet: OpusPacket, dred: Extension) -> int:
    """Return how many bytes shorter the packet would be without DRED's extension and its framing."""
    size = dred.end - dred.start
    left = len(packet.padding) - size
    length_bytes = _padding_length_bytes(len(packet.padding))
    if left:
        return size + length_bytes - _padding_length_bytes(left)
    # One or two frames without padding need no byte for their number.
    return size + length_bytes + (1 if len(packet.frames) <= 2 else 0)


def carried_dred(
    packet: OpusPacket, versions: Container[int] = DRED_EXPERIMENTAL_VERSIONS
) -> CarriedDred | None:
    """Return the DRED of a packet, if there is any of these experimental versions.

    Raises
    ------
    CodecError
        If the packet's padding is damaged.
    """
    found = find_dred(packet, versions)
    if found is None:
        return None
    payload = packet.padding[found.payload_start : found.end]
    return CarriedDred(payload, found.frame, packet.coded_frame_ms, dred_bytes_of(packet, found))


def split(payload: bytes, versions: Container[int] = DRED_EXPERIMENTAL_VERSIONS) -> Split:
    """Find the parts of an Opus packet and their sizes; only DRED of these experimental versions counts.

    Raises
    ------
    CodecError
        If the packet's framing or its padding is damaged.
    """
    packet = parse(payload)
    dred = carried_dred(packet, versions)
    dred_bytes = 0 if dred is None else dred.dred_bytes
    lbrr_bits, lbrr_frames = (0.0, ()) if packet.mode == "celt" else _lbrr(packet)
    lbrr_bytes = lbrr_bits / 8
    return Split(
        primary_bytes=len(payload) - dred_bytes - lbrr_bytes,
        lbrr_bytes=lbrr_bytes,
        dred=dred,
        lbrr_frames=lbrr_frames,
        mode=packet.mode,
        bandwidth=packet.bandwidth,
        is_dtx=packet.is_dtx,
        has_voice=packet.has_voice,
        frame_ms=packet.frame_ms,
    )


def _lbrr(packet: OpusPacket) -> tuple[float, tuple[bool, ...]]:
    # Loads compiled kernels.
    from testbed.codecs.opus import lbrr

    bandwidth = cast(lbrr.SilkBandwidth, "wideband" if packet.mode == "hybrid" else packet.bandwidth)
    bits = 0.0
    present: tuple[bool, ...] = ()
    for frame in packet.frames:
        found = lbrr.measure(frame, bandwidth, int(packet.coded_frame_ms), packet.channels)
        bits += found.bits
        present += found.frames
    return bits, present


def _padding_length_bytes(padding_bytes: int) -> int:
    """Return the number of bytes that the length of the padding takes: one for each 254 bytes of it."""
    return 1 + max(0, padding_bytes - 1) // 254


def _equal_lengths(available: int, count: int) -> list[int]:
    if available % count:
        raise CodecError(f"Opus packet of {count} equal frames has {available} bytes for them")
    return [available // count] * count


def _coded_lengths(payload: bytes, position: int, end: int, count: int) -> tuple[list[int], int]:
    """Read the lengths of all frames but the last, which takes the rest until `end` (section 3.2.1)."""
    lengths: list[int] = []
    for _ in range(count - 1):
        size = 2 if position < end and payload[position] >= 252 else 1
        if position + size > end:
            raise CodecError(
                f"Opus packet of {len(payload)} bytes ends in the length of frame {len(lengths)}"
            )
        length = payload[position] + (4 * payload[position + 1] if size == 2 else 0)
        position += size
        lengths.append(length)
    last = end - position - sum(lengths)
    if last < 0:
        raise CodecError(f"Opus packet of {len(payload)} bytes announces frames of {lengths} bytes")
    return [*lengths, last], position


def _frame_count(payload: bytes, coded_frame_ms: float) -> int:
    count = payload[1] & 0x3F
    if count == 0 or count * coded_frame_ms > MAX_PACKET_MS:
        raise CodecError(
            f"Opus packet of {count} frames of {coded_frame_ms:g} ms: 1 frame at least, {MAX_PACKET_MS} ms "
            "at most"
        )
    return count


def _counted_lengths(payload: bytes, coded_frame_ms: float) -> tuple[list[int], int, int]:
    """Read the framing of code 3 (section 3.2.5): lengths, start of the first frame, size of the padding."""
    if len(payload) < 2:
        raise CodecError("Opus packet of 1 byte has no frame count")
    count = _frame_count(payload, coded_frame_ms)
    position, padding_bytes = 2, 0
    if payload[1] & 0x40:
        more = True
        while more:
            if position >= len(payload):
                raise CodecError(f"Opus packet of {len(payload)} bytes ends inside the length of its padding")
            more = payload[position] == 255
            padding_bytes += 254 if more else payload[position]
            position += 1
    end = len(payload) - padding_bytes
    if end < position:
        raise CodecError(f"Opus packet of {len(payload)} bytes announces {padding_bytes} bytes of padding")
    if payload[1] & 0x80:
        lengths, position = _coded_lengths(payload, position, end, count)
    else:
        lengths = _equal_lengths(end - position, count)
    return lengths, position, padding_bytes
