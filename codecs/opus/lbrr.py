"""Measures LBRR, Opus's in-band redundancy: the frames it repeats and its bits (RFC 6716, section 4.2).

A packet's LBRR frames are coarser copies of the SILK frames of the packet before. They precede the
speech in the same range-coded stream, so their size is found by decoding symbols up to their end.

All that the packet would not contain without LBRR counts: the LBRR frames, and the symbol that says which of
several frames have LBRR. The LBRR flag of one bit, which every packet has, counts as speech.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from testbed.errors import CodecError
from testbed.kernels.silk_lbrr import lbrr_extent

SilkBandwidth = Literal["narrowband", "mediumband", "wideband"]

_RATE_KHZ = {"narrowband": 8, "mediumband": 12, "wideband": 16}
_LAYOUT = {10: (1, 2), 20: (1, 4), 40: (2, 4), 60: (3, 4)}  # SILK frames, and subframes of each


@dataclass(frozen=True, slots=True)
class MeasuredLbrr:
    """The LBRR of one Opus frame.

    Attributes
    ----------
    bits
        Its size in bits, in steps of an eighth.
    frames
        For each SILK frame (10 or 20 ms) of the previous Opus frame, whether there is a copy; in stereo, of
        its mid or side channel.
    """

    bits: float
    frames: tuple[bool, ...]


def measure(frame: bytes, bandwidth: SilkBandwidth, frame_ms: int, channels: int = 1) -> MeasuredLbrr:
    """Measure the LBRR of one Opus frame with a SILK layer.

    Parameters
    ----------
    frame
        One Opus frame: a packet without its framing. A frame of 0 or 1 bytes was not sent (DTX); it has none.
    bandwidth
        Bandwidth of the SILK layer; in hybrid mode always ``"wideband"``.
    frame_ms
        Duration of the frame: 10, 20, 40 or 60.
    channels
        1 or 2.

    Returns
    -------
    MeasuredLbrr
        For damaged data, any size up to the frame's.

    Raises
    ------
    CodecError
        No SILK layer has this bandwidth, duration or number of channels.
    """
    if bandwidth not in _RATE_KHZ or frame_ms not in _LAYOUT or channels not in (1, 2):
        raise CodecError(
            f"no SILK layer is {bandwidth}, of {frame_ms} ms and {channels} channels: it is narrowband, "
            "mediumband or wideband, of 10, 20, 40 or 60 ms, mono or stereo"
        )
    frames, subframes = _LAYOUT[frame_ms]
    # The flags of voice activity, then of LBRR, are bits of probability 1/2: plain bits of the first byte.
    if len(frame) <= 1 or (channels == 1 and not frame[0] >> (7 - frames) & 1):
        return MeasuredLbrr(0.0, (False,) * frames)
    data = np.frombuffer(frame, np.uint8)
    begin, end, mid, side = lbrr_extent(data, _RATE_KHZ[bandwidth], frames, subframes, channels)
    # The encoder strips zeros at the end, so symbols may lie beyond the last byte, where they cost nothing.
    available = 64 * len(frame)
    bits = (min(end, available) - min(begin, available)) / 8
    return MeasuredLbrr(bits, tuple(bool((mid | side) >> index & 1) for index in range(frames)))
