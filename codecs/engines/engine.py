"""From packets and a timeline's decisions to sound."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.encoded_frame import DRED_LIMIT_SAMPLES
from testbed.codecs.opus.codec import Decoder, Dred, DredDecoder
from testbed.codecs.pcm import SAMPLE_RATE_HZ, Pcm16, int16_from_24_bit
from testbed.codecs.recovery import Action


@dataclass(frozen=True)
class Job:
    """One call to decode.

    Attributes
    ----------
    sent
        By frame, the Opus packet that was made of it.
    payloads
        The same where the receiver holds it, in the end, else None. What an action needs is always there.
    actions
        By frame, an `Action`.
    sources
        By frame, whose payload the action uses; ignored for `Action.CONCEAL` and `Action.FILL_PAUSE`.
    frame_samples
        Samples of a frame at 16 kHz.
    decoder_complexity
        0 conceals without networks; 5 and more conceals, and decodes DRED, with them.
    """

    sent: tuple[bytes, ...]
    payloads: Sequence[bytes | None]
    actions: NDArray[np.uint8]
    sources: NDArray[np.int32]
    frame_samples: int
    decoder_complexity: int


class Engine(Protocol):
    """Turns jobs into sound, each independently of the others."""

    def dred_reach_samples(self, sent: tuple[bytes, ...]) -> int:
        """Return how deep a DRED payload it reads in calls of these packets."""

    def decode(self, jobs: Iterable[Job]) -> Iterator[Pcm16]:
        """Give each job's samples in turn, ``len(sent) * frame_samples`` of them, codec delay included."""


class LibopusEngine:
    """The reference: one libopus decoder a job, fed in playing order."""

    def dred_reach_samples(self, sent: tuple[bytes, ...]) -> int:
        return DRED_LIMIT_SAMPLES

    def decode(self, jobs: Iterable[Job]) -> Iterator[Pcm16]:
        return map(_decode, jobs)


def _decode(job: Job) -> Pcm16:
    """Decode one job.

    A run of frames that names one packet's DRED parses it once, as deep as the first of them needs: what
    opus_demo does for a gap.
    """
    size = job.frame_samples
    pcm = np.zeros(len(job.payloads) * size, np.int32)
    with ExitStack() as stack:
        decoder = stack.enter_context(Decoder(job.decoder_complexity))
        dred_decoder = stack.enter_context(DredDecoder()) if Action.DECODE_DRED in job.actions else None
        dred: Dred | None = None
        dred_source = -1
        for frame, (action, source) in enumerate(
            zip(job.actions.tolist(), job.sources.tolist(), strict=True)
        ):
            out = pcm[frame * size : (frame + 1) * size]
            payload = None if action in (Action.CONCEAL, Action.FILL_PAUSE) else job.payloads[source]
            if action == Action.FILL_PAUSE:
                decoder.fill_pause(out)
            elif payload is None:
                decoder.conceal(out)
            elif action == Action.DECODE:
                decoder.decode(payload, out)
            elif action == Action.DECODE_LBRR:
                decoder.decode_fec(payload, out)
            elif dred_decoder is not None:
                offset = (source - frame) * size
                if dred is None or source != dred_source:
                    dred = dred_decoder.parse(payload, min(SAMPLE_RATE_HZ, offset))
                    dred_source = source
                if dred.samples > 0:
                    decoder.decode_dred(dred, offset, out)
                else:
                    decoder.conceal(out)
    return int16_from_24_bit(pcm)
