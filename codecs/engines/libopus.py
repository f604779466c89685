"""The engine `libopus`, the reference: one libopus decoder per call."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Self

import numpy as np

from testbed.codecs.concealers import PlacedConcealer
from testbed.codecs.dred.network_folder import LIBOPUS
from testbed.codecs.encoded_frame import DRED_LIMIT_SAMPLES
from testbed.codecs.engines.engine import Job, Key
from testbed.codecs.engines.neteq_decoding import decode_with_neteq
from testbed.codecs.opus.codec import Decoder, DredDecoder, ParsedDred
from testbed.codecs.pcm import SAMPLE_RATE_HZ, Pcm16, Pcm24, int16_from_24_bit
from testbed.codecs.recovery import Action
from testbed.errors import CodecError


class LibopusEngine:
    """Decodes call by call, each frame in playing order."""

    def dred_reach_samples(self, sent: tuple[bytes, ...]) -> int:
        """Return libopus's limit."""
        return DRED_LIMIT_SAMPLES

    def decode(self, jobs: Iterable[tuple[Key, Job]]) -> Iterator[tuple[Key, Pcm16]]:
        """Yield the sound of each job; see `testbed.codecs.engines.engine.Engine`."""
        for key, job in jobs:
            if job.network != LIBOPUS:
                raise CodecError(
                    f"libopus decodes this call, and has no network {job.network.title!r}: the engine numba "
                    "leaves to it pauses, packets other than SILK's in wideband, and LBRR for a part of one"
                )
            if isinstance(job.concealer, PlacedConcealer):
                raise CodecError(f"{job.concealer} needs engine: numba")
            yield key, _decode(job) if job.concealer == "codec" else decode_with_neteq(job)


def _decode(job: Job) -> Pcm16:
    size = job.frame_samples
    pcm = np.zeros(len(job.payloads) * size, np.int32)
    with FrameDecoder(job.decoder_complexity) as decoder:
        for frame, (action, source) in enumerate(
            zip(job.actions.tolist(), job.sources.tolist(), strict=True)
        ):
            payload = None if action in (Action.CONCEAL, Action.FILL_PAUSE) else job.payloads[source]
            out = pcm[frame * size : (frame + 1) * size]
            decoder.play(action, payload, (source - frame) * size, out)
    return int16_from_24_bit(pcm)


class FrameDecoder:
    """A libopus decoder that plays frame after frame as a receiver decides.

    The DRED of a packet is parsed once per gap, as deep as the first frame of the gap needs, as in opus_demo.

    Parameters
    ----------
    complexity
        Of `testbed.codecs.opus.codec.Decoder`.
    """

    def __init__(self, complexity: int) -> None:
        self._stack = ExitStack()
        self._decoder = self._stack.enter_context(Decoder(complexity))
        self._dred_decoder: DredDecoder | None = None
        self._dred: ParsedDred | None = None
        self._dred_payload = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def play(self, action: int, payload: bytes | None, offset_samples: int, out: Pcm24) -> bool:
        """Fill `out` with the sound of a frame; return whether it had to be concealed.

        Parameters
        ----------
        action
            The decoder's `Action`.
        payload
            The packet that it uses; None to conceal.
        offset_samples
            Distance of that packet's first sample after the frame's.
        """
        if action == Action.FILL_PAUSE:
            self._decoder.fill_pause(out)
        elif payload is None:
            self._decoder.conceal(out)
            return True
        elif action == Action.DECODE:
            self._decoder.decode(payload, out)
        elif action == Action.DECODE_LBRR:
            self._decoder.decode_fec(payload, out)
        else:
            return self._play_dred(payload, offset_samples, out)
        return False

    def _play_dred(self, payload: bytes, offset_samples: int, out: Pcm24) -> bool:
        if self._dred_decoder is None:
            self._dred_decoder = self._stack.enter_context(DredDecoder())
        if self._dred is None or payload != self._dred_payload:
            self._dred = self._dred_decoder.parse(payload, min(SAMPLE_RATE_HZ, offset_samples))
            self._dred_payload = payload
        if self._dred.samples <= 0:
            self._decoder.conceal(out)
            return True
        self._decoder.decode_dred(self._dred, offset_samples, out)
        return False
