"""Speech as packets, and what is in each of them: a clip encoded at one go, or live, frame by frame."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.opus.codec import DredDecoder, Encoder
from testbed.codecs.opus.packet import Mode, PacketBandwidth, split
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import SAMPLE_RATE_HZ

DRED_LIMIT_SAMPLES = SAMPLE_RATE_HZ * 104 // 100
"""How much of a packet's DRED libopus reads: 26 latents of 40 ms."""


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One Opus packet and what is in it.

    Attributes
    ----------
    payload
        The packet's bytes.
    mode, bandwidth, is_dtx, has_voice
        As in `testbed.codecs.opus.packet.OpusPacket`.
    has_lbrr
        Whether it carries an LBRR copy of the frame before it.
    dred_samples
        How far before its own audio its DRED reaches; 0 where it has none.
    dred_depth_samples
        How much sound its DRED holds, the newest of which may lie within its own audio.
    dred_distortion
        Root mean square difference between the features that its DRED decodes to and those encoded, over all
        20 numbers of a vector; NaN where it is not known: we know it of the DRED that we write ourselves.
    primary_bytes, lbrr_bytes, dred_bytes
        What the payload is made of; the three add up to its length.
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
        """Whether libopus's networks, neural concealment and DRED, can fill a gap after it.

        They work at 16 kHz: in CELT and hybrid mode at any bandwidth, in SILK's own only in wideband. What is
        not looked at: just before the encoder changes to CELT a packet in SILK mode ends in 5 ms of CELT,
        after which they can.
        """
        return self.mode != "silk" or self.bandwidth == "wideband"


@dataclass(frozen=True)
class Encoding:
    """What an encoder made of one clip.

    Attributes
    ----------
    settings
        What the encoder was told, at the beginning where it was told more later.
    frames
        Opus packets, byte for byte opus_demo's but for DRED that was added: as many as it takes to hear the
        whole clip, which begins `lookahead_samples` late.
    lookahead_samples
        The codec's delay: decoded sample ``i + lookahead_samples`` is input sample ``i``.
    seconds
        Processor time that libopus took to encode.
    """

    settings: EncoderSettings
    frames: Sequence[EncodedFrame]
    lookahead_samples: int
    seconds: float

    def __len__(self) -> int:
        return len(self.frames)

    def frame(self, index: int) -> EncodedFrame:
        """Return one packet."""
        return self.frames[index]


class LiveEncoder:
    """Encodes a clip frame by frame; between frames it can be told otherwise.

    Parameters
    ----------
    pcm
        Mono samples at 16 kHz; silence follows them until the last of them has come out of the encoder.
    settings
        What the encoder is told to begin with.

    Attributes
    ----------
    settings
        What the encoder is told now.
    seconds
        Processor time that libopus took so far.

    Raises
    ------
    CodecError
        If libopus refuses, or lacks DRED that is asked for.
    """

    def __init__(self, pcm: NDArray[np.int16], settings: EncoderSettings) -> None:
        started = time.process_time()
        self._encoder = Encoder(settings)
        self._dred_decoder: DredDecoder | None = None
        self.settings = settings
        self.lookahead_samples = self._encoder.lookahead_samples
        size = settings.frame_samples
        self._pcm = np.zeros((-(-(len(pcm) + self.lookahead_samples) // size), size), np.int16)
        self._pcm.reshape(-1)[: len(pcm)] = pcm
        self.seconds = time.process_time() - started

    def __len__(self) -> int:
        return len(self._pcm)

    def __enter__(self) -> "LiveEncoder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._encoder.close()
        if self._dred_decoder is not None:
            self._dred_decoder.close()

    def tune(self, settings: EncoderSettings) -> None:
        """Tell the encoder otherwise, from the next frame on."""
        if settings != self.settings:
            self._encoder.tune(settings)
            self.settings = settings

    def frame(self, index: int) -> EncodedFrame:
        """Encode the next frame and measure what is in its packet; `index` counts the frames."""
        started = time.process_time()
        payload = self._encoder.encode(self._pcm[index])
        self.seconds += time.process_time() - started
        part = split(payload)
        dred_samples, dred_depth_samples = self._dred(payload) if part.dred_bytes else (0, 0)
        return EncodedFrame(
            payload=payload,
            mode=part.mode,
            bandwidth=part.bandwidth,
            is_dtx=part.is_dtx,
            has_voice=part.has_voice,
            has_lbrr=any(part.lbrr_frames),
            dred_samples=dred_samples,
            dred_depth_samples=dred_depth_samples,
            primary_bytes=part.primary_bytes,
            lbrr_bytes=part.lbrr_bytes,
            dred_bytes=part.dred_bytes,
        )

    def _dred(self, payload: bytes) -> tuple[int, int]:
        """Return how far before the packet its DRED reaches, and how much sound it holds."""
        # Compiled code is only loaded by who needs it.
        from testbed.codecs.dred import packet
        from testbed.codecs.dred.payload import parse_header

        if self._dred_decoder is None:
            self._dred_decoder = DredDecoder()
        samples = self._dred_decoder.parse(payload, DRED_LIMIT_SAMPLES, defer=True).samples
        carried = packet.find(payload)
        if carried is None:
            return samples, 0
        return samples, samples - round(parse_header(carried.payload).end_ms * SAMPLE_RATE_HZ / 1000)


def lbrr_sent(frames: Sequence[EncodedFrame]) -> float:
    """Return the share of the packets, those of DTX aside, that carry LBRR; 0 where there is none."""
    heard = [frame for frame in frames if not frame.is_dtx]
    return sum(frame.has_lbrr for frame in heard) / max(1, len(heard))


def dred_sent_ms(frames: Sequence[EncodedFrame]) -> float:
    """Return the mean depth of the DRED in a packet, over the packets with sound; NaN if there are none."""
    depths = [frame.dred_samples for frame in frames if not frame.is_dtx]
    return sum(depths) * 1000 / SAMPLE_RATE_HZ / len(depths) if depths else math.nan


def dred_distortion(frames: Sequence[EncodedFrame]) -> float:
    """Return the mean distortion of the DRED in a packet, over those of which it is known; NaN if of none."""
    known = [frame.dred_distortion for frame in frames if not math.isnan(frame.dred_distortion)]
    return sum(known) / len(known) if known else math.nan


def encode(pcm: NDArray[np.int16], settings: EncoderSettings) -> Encoding:
    """Encode a clip at one go and measure what is in its packets; see `LiveEncoder`."""
    with LiveEncoder(pcm, settings) as encoder:
        frames = [encoder.frame(index) for index in range(len(encoder))]
        return Encoding(settings, frames, encoder.lookahead_samples, encoder.seconds)
