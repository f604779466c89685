"""Encodes clips with libopus: whole clips, or live, frame by frame."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.encoded_frame import EncodedFrame, read
from testbed.codecs.opus.codec import Encoder
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import SAMPLE_RATE_HZ


@dataclass(frozen=True, eq=False)
class Encoding:
    """One clip, encoded; equal to itself alone.

    Attributes
    ----------
    settings
        Settings of the encoder, at the beginning if they changed later.
    frames
        Opus packets, byte for byte opus_demo's except for DRED that was added: as many as decode to the whole
        clip, which begins `lookahead_samples` late.
    lookahead_samples
        The codec's delay: decoded sample ``i + lookahead_samples`` is input sample ``i``.
    seconds
        Processor time of libopus for encoding.
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
    """Encodes a clip frame by frame; its settings may change between frames.

    Parameters
    ----------
    pcm
        Mono samples at 16 kHz; silence follows until the encoder has returned the last of them.
    settings
        Settings of the first frame.

    Attributes
    ----------
    settings
        Settings of the next frame.
    seconds
        Processor time of libopus so far.

    Raises
    ------
    CodecError
        If libopus refuses a setting, or its build has no DRED and the settings request it.
    """

    def __init__(self, pcm: NDArray[np.int16], settings: EncoderSettings) -> None:
        started = time.process_time()
        self._encoder = Encoder(settings)
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

    def tune(self, settings: EncoderSettings) -> None:
        """Change the settings, from the next frame on."""
        if settings != self.settings:
            self._encoder.tune(settings)
            self.settings = settings

    def frame(self, index: int) -> EncodedFrame:
        """Encode the next frame; `index` counts the frames."""
        started = time.process_time()
        payload = self._encoder.encode(self._pcm[index])
        self.seconds += time.process_time() - started
        return read(payload)


def lbrr_sent(frames: Sequence[EncodedFrame]) -> float:
    """Return the share of packets that carry LBRR, DTX packets not counted; 0 if there are none."""
    sounding = [frame for frame in frames if not frame.is_dtx]
    return sum(frame.has_lbrr for frame in sounding) / max(1, len(sounding))


def dred_sent_ms(frames: Sequence[EncodedFrame]) -> float:
    """Return the mean DRED depth of the packets, DTX packets not counted; NaN if there are none."""
    depths = [frame.dred_samples for frame in frames if not frame.is_dtx]
    return sum(depths) * 1000 / SAMPLE_RATE_HZ / len(depths) if depths else math.nan


def dred_distortion(frames: Sequence[EncodedFrame]) -> float:
    """Return the mean DRED distortion of the packets where it is known; NaN if it is for none."""
    known = [frame.dred_distortion for frame in frames if not math.isnan(frame.dred_distortion)]
    return sum(known) / len(known) if known else math.nan


def encode(pcm: NDArray[np.int16], settings: EncoderSettings) -> Encoding:
    """Encode a whole clip; see `LiveEncoder`."""
    with LiveEncoder(pcm, settings) as encoder:
        frames = [encoder.frame(index) for index in range(len(encoder))]
        return Encoding(settings, frames, encoder.lookahead_samples, encoder.seconds)
