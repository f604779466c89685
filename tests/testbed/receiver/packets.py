"""Opus packets that carry what a test asks for; their sound is noise."""

from functools import cache
from typing import Literal

import numpy as np

from testbed.codecs.dred import packet
from testbed.codecs.dred.payload import DredHeader, DredPayload, write
from testbed.codecs.encoded_frame import EncodedFrame, read

SILK_MS = (10, 20, 40, 60)
UNSENT = read(b"\x48")
"""A packet of DTX: one byte of SILK, wideband."""


@cache
def frame(
    number: int,
    *,
    frame_ms: int = 20,
    bandwidth: Literal["narrowband", "wideband"] = "wideband",
    mode: Literal["silk", "celt"] = "silk",
    voice: bool = True,
    lbrr: bool = False,
    dred_ms: int = 0,
) -> EncodedFrame:
    """Return a packet of its own for each `number`, its DRED as long as said from its first sample back."""
    if mode == "celt":
        made = b"\xb8" + f"frame {number}".encode()
    else:
        configuration = SILK_MS.index(frame_ms) + (8 if bandwidth == "wideband" else 0)
        silk_frames = max(1, frame_ms // 20)
        flags = voice << 7 | lbrr << 7 - silk_frames
        made = bytes([configuration << 3, flags]) + f"frame {number}".encode()
    found = read(packet.add(made, _dred(dred_ms)) if dred_ms else made)
    assert (found.mode, found.has_lbrr, found.dred_samples) == (mode, lbrr, 16 * dred_ms)
    return found


def _dred(dred_ms: int) -> bytes:
    chunks = -(-dred_ms // 40)
    header = DredHeader(12, 6, 5, 15, offset=16 - (40 * chunks - dred_ms) * 2 // 5)
    return write(DredPayload(header, np.zeros(50, np.int32), np.ones((chunks, 25), np.int32)))
