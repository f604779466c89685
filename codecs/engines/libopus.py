"""The engine `libopus`, the reference: one libopus decoder per call."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack

import numpy as np

from testbed.codecs.encoded_frame import DRED_LIMIT_SAMPLES
from testbed.codecs.engines.engine import Job, Key
from testbed.codecs.engines.neteq_decoding import decode_with_neteq
from testbed.codecs.opus.codec import Decoder, DredDecoder, ParsedDred
from testbed.codecs.pcm import SAMPLE_RATE_HZ, Pcm16, int16_from_24_bit
from testbed.codecs.recovery import Action


class LibopusEngine:
    """Decodes call by call, each frame in playing order."""

    def dred_reach_samples(self, sent: tuple[bytes, ...]) -> int:
        """Return libopus's limit."""
        return DRED_LIMIT_SAMPLES

    def decode(self, jobs: Iterable[tuple[Key, Job]]) -> Iterator[tuple[Key, Pcm16]]:
        """Yield the sound of each job; see `testbed.codecs.engines.engine.Engine`."""
        for key, job in jobs:
            yield key, _decode(job) if job.concealer == "codec" else decode_with_neteq(job)


def _decode(job: Job) -> Pcm16:
    """Decode one job.

    The DRED of a packet is parsed once per gap, as deep as the first frame of the gap needs, as in opus_demo.
    """
    size = job.frame_samples
    pcm = np.zeros(len(job.payloads) * size, np.int32)
    with ExitStack() as stack:
        decoder = stack.enter_context(Decoder(job.decoder_complexity))
        dred_decoder = stack.enter_context(DredDecoder()) if Action.DECODE_DRED in job.actions else None
        dred: ParsedDred | None = None
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
                offset_samples = (source - frame) * size
                if dred is None or source != dred_source:
                    dred = dred_decoder.parse(payload, min(SAMPLE_RATE_HZ, offset_samples))
                    dred_source = source
                if dred.samples > 0:
                    decoder.decode_dred(dred, offset_samples, out)
                else:
                    decoder.conceal(out)
    return int16_from_24_bit(pcm)
