"""Encodings in the cache: the packets, and what cannot be read from them."""

import struct
from dataclasses import replace

import numpy as np

from testbed.codecs.dred.network_folder import LIBOPUS, DredNetwork
from testbed.codecs.encoded_frame import read
from testbed.codecs.encoding import Encoding
from testbed.codecs.opus.settings import EncoderSettings
from testbed.errors import CodecError

_HEAD = struct.Struct("<II")


def packed_encoding(encoding: Encoding) -> bytes:
    """Return an encoding as bytes: delay, sizes of the packets, distortions of their DRED, packets."""
    packets = [frame.payload for frame in encoding.frames]
    sizes = np.array([len(packet) for packet in packets], "<u4")
    distortions = np.array([frame.dred_distortion for frame in encoding.frames], "<f8")
    head = _HEAD.pack(encoding.lookahead_samples, len(packets))
    return b"".join((head, sizes.tobytes(), distortions.tobytes(), *packets))


def unpacked_encoding(
    stored: bytes, settings: EncoderSettings, network: DredNetwork = LIBOPUS
) -> Encoding | None:
    """Return an encoding, with DRED of a network, from its bytes; None if they are none."""
    if len(stored) < _HEAD.size:
        return None
    lookahead_samples, number = _HEAD.unpack_from(stored)
    begin = _HEAD.size + 12 * number
    if len(stored) < begin:
        return None
    sizes = np.frombuffer(stored, "<u4", number, _HEAD.size)
    distortions = np.frombuffer(stored, "<f8", number, _HEAD.size + 4 * number)
    ends = begin + np.cumsum(sizes, dtype=np.int64)
    if not number or ends[-1] != len(stored):
        return None
    try:
        frames = [
            read(stored[end - size : end], network)
            for size, end in zip(sizes.tolist(), ends.tolist(), strict=True)
        ]
    except CodecError:
        return None
    described = [
        frame if np.isnan(distortion) else replace(frame, dred_distortion=distortion)
        for frame, distortion in zip(frames, distortions.tolist(), strict=True)
    ]
    return Encoding(settings, described, lookahead_samples, 0.0)
