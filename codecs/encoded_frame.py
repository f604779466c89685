"""Encoded frames: an Opus packet's own frame, and its redundancy for earlier frames."""

import math
from dataclasses import dataclass
from functools import lru_cache

from testbed.codecs.dred.network_folder import LIBOPUS, DredNetwork
from testbed.codecs.opus.packet import Mode, PacketBandwidth, split
from testbed.codecs.pcm import SAMPLE_RATE_HZ

DRED_LIMIT_SAMPLES = SAMPLE_RATE_HZ * 104 // 100
"""Length of the part of a packet's DRED that libopus reads: 26 latents of 40 ms."""


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One Opus packet and its content.

    Attributes
    ----------
    payload
        The packet's bytes.
    mode, bandwidth, is_dtx, has_voice
        As in `testbed.codecs.opus.packet.OpusPacket`.
    has_lbrr
        Whether it carries an LBRR copy of the frame before it.
    dred_samples
        Distance from its own first sample back to the oldest sample of its DRED, at 16 kHz; 0 if it has none.
    dred_depth_samples
        Length of its DRED at 16 kHz, of which the newest part may lie within its own audio.
    dred_distortion
        Root mean square difference between the features that its DRED decodes to and those encoded, over all
        20 numbers of a vector; NaN if unknown: only the testbed's own DRED writer knows it.
    primary_bytes, lbrr_bytes, dred_bytes
        Sizes of its parts; the three add up to its length.
    """

    payload: bytes
    mode: Mode = "silk"
    bandwidth: PacketBandwidth = "wideband"
    is_dtx: bool = False
    has_voice: bool | None = True
    has_lbrr: bool = False
    dred_samples: int = 0
    dred_depth_samples: int = 0
    dred_distortion: float = math.nan
    primary_bytes: float = 0.0
    lbrr_bytes: float = 0.0
    dred_bytes: float = 0.0

    @property
    def allows_neural_concealment(self) -> bool:
        """True if libopus's networks (neural concealment and DRED) can fill a gap after this packet.

        They work at 16 kHz: in CELT and hybrid mode at any bandwidth, in SILK mode in wideband only. One
        exception is ignored: the last SILK packet before the encoder changes to CELT ends in 5 ms of CELT,
        after which they can.
        """
        return self.mode != "silk" or self.bandwidth == "wideband"


@lru_cache(maxsize=1 << 14)
def read(payload: bytes, network: DredNetwork = LIBOPUS) -> EncodedFrame:
    """Read an Opus packet, with the DRED that a receiver with this network finds.

    Packets read lately are remembered.

    Raises
    ------
    CodecError
        If the packet's framing or its padding is damaged.
    """
    parts = split(payload, network.versions)
    reach_samples = depth_samples = 0
    if parts.dred is not None:
        # Loads compiled kernels.
        from testbed.codecs.dred import payload as dred_payload

        dred = dred_payload.parse(parts.dred.payload, network=network)
        depth_samples = dred.depth_ms * SAMPLE_RATE_HZ // 1000
        end_ms = dred.header.end_ms - parts.dred.frame * parts.dred.frame_ms
        reach_samples = max(0, depth_samples + round(end_ms * SAMPLE_RATE_HZ / 1000))
    return EncodedFrame(
        payload=payload,
        mode=parts.mode,
        bandwidth=parts.bandwidth,
        is_dtx=parts.is_dtx,
        has_voice=parts.has_voice,
        has_lbrr=any(parts.lbrr_frames),
        dred_samples=reach_samples,
        dred_depth_samples=depth_samples,
        primary_bytes=parts.primary_bytes,
        lbrr_bytes=parts.lbrr_bytes,
        dred_bytes=parts.dred_bytes,
    )
