"""A clip encoded once: its packets, and what is in each of them."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.opus import DredDecoder, Encoder, packet_has_lbrr
from testbed.codecs.opus_packet import split
from testbed.codecs.settings import SAMPLE_RATE_HZ, EncoderSettings

DRED_LIMIT_SAMPLES = SAMPLE_RATE_HZ * 104 // 100
"""The farthest back that libopus's DRED reaches: 26 latents of 40 ms."""


@dataclass(frozen=True)
class Encoding:
    """What an encoder made of one clip; every array has one entry a packet.

    Attributes
    ----------
    payloads
        Opus packets, byte for byte opus_demo's: as many as it takes to hear the whole clip, which begins
        `lookahead_samples` late.
    has_lbrr
        Whether the packet carries an LBRR copy of the frame before it.
    dred_samples
        How far before the packet's own audio its DRED reaches; 0 where it has none.
    primary_bytes, lbrr_bytes, dred_bytes
        What each payload is made of; the three add up to its length.
    lookahead_samples
        The codec's delay: decoded sample ``i + lookahead_samples`` is input sample ``i``.
    seconds
        Processor time that libopus took to encode.
    """

    settings: EncoderSettings
    payloads: tuple[bytes, ...]
    has_lbrr: NDArray[np.bool_]
    dred_samples: NDArray[np.int32]
    primary_bytes: NDArray[np.float64]
    lbrr_bytes: NDArray[np.float64]
    dred_bytes: NDArray[np.float64]
    lookahead_samples: int
    seconds: float

    def __len__(self) -> int:
        return len(self.payloads)

    @property
    def dred_sent_ms(self) -> float:
        """Mean depth of the DRED in a packet, over all packets."""
        return float(self.dred_samples.mean()) * 1000 / SAMPLE_RATE_HZ


def encode(pcm: NDArray[np.int16], settings: EncoderSettings) -> Encoding:
    """Encode a clip and measure what is in its packets.

    Parameters
    ----------
    pcm
        Mono samples at 16 kHz; silence follows them until the last of them has come out of the encoder.

    Raises
    ------
    CodecError
        If libopus refuses, or lacks DRED that is asked for.
    """
    size = settings.frame_samples
    started = time.process_time()
    with Encoder(settings) as encoder:
        lookahead_samples = encoder.lookahead_samples
        count = -(-(len(pcm) + lookahead_samples) // size)
        padded = np.zeros(count * size, np.int16)
        padded[: len(pcm)] = pcm
        payloads = tuple(encoder.encode(frame) for frame in padded.reshape(count, size))
    seconds = time.process_time() - started
    parts = [split(payload) for payload in payloads]
    return Encoding(
        settings=settings,
        payloads=payloads,
        has_lbrr=np.array([packet_has_lbrr(payload) for payload in payloads], np.bool_),
        dred_samples=_dred_samples(payloads, settings),
        primary_bytes=np.array([part.primary_bytes for part in parts], np.float64),
        lbrr_bytes=np.array([part.lbrr_bytes for part in parts], np.float64),
        dred_bytes=np.array([part.dred_bytes for part in parts], np.float64),
        lookahead_samples=lookahead_samples,
        seconds=seconds,
    )


def _dred_samples(payloads: tuple[bytes, ...], settings: EncoderSettings) -> NDArray[np.int32]:
    if not settings.dred_depth_ms:
        return np.zeros(len(payloads), np.int32)
    with DredDecoder() as decoder:
        depths = [decoder.parse(payload, DRED_LIMIT_SAMPLES, defer=True).samples for payload in payloads]
    return np.array(depths, np.int32)
