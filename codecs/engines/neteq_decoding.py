"""Decoding with NetEq's concealment: libopus decodes what there is, and NetEq continues it over the gaps.

libopus is not told of the gaps, as in libwebrtc. A receiver of a fixed delay plays each frame at its time, so
Merge joins decoded sound there, and does not look for the place where it fits best.
"""

import numpy as np

from testbed.codecs.engines.engine import Job
from testbed.codecs.neteq.sync_buffer import SyncBuffer
from testbed.codecs.opus.codec import Decoder
from testbed.codecs.pcm import SAMPLE_RATE_HZ, Pcm16, int16_from_24_bit
from testbed.codecs.recovery import Action
from testbed.kernels.expand import OVERLAP_SAMPLES

_TICK_SAMPLES = SAMPLE_RATE_HZ // 100


def decode_with_neteq(job: Job) -> Pcm16:
    """Return the sound of a job whose `concealer` is ``neteq``."""
    played: list[Pcm16] = []
    buffer = SyncBuffer()
    frame_pcm = np.zeros(job.frame_samples, np.int32)
    with Decoder(job.decoder_complexity) as decoder:
        for frame, (action, source) in enumerate(
            zip(job.actions.tolist(), job.sources.tolist(), strict=True)
        ):
            payload = None if action in (Action.CONCEAL, Action.FILL_PAUSE) else job.payloads[source]
            if action == Action.FILL_PAUSE:
                decoder.fill_pause(frame_pcm)
            elif payload is not None and action == Action.DECODE:
                decoder.decode(payload, frame_pcm)
            elif payload is not None and action == Action.DECODE_LBRR:
                decoder.decode_fec(payload, frame_pcm)
            else:
                played += _concealed(buffer, job.frame_samples)
                continue
            decoded = int16_from_24_bit(frame_pcm)
            if buffer.is_expanding:
                buffer.merge(decoded, at=OVERLAP_SAMPLES + frame * job.frame_samples)
            else:
                buffer.normal(decoded)
            played += [buffer.play(samples) for samples in _ticks(job.frame_samples)]
    played.append(buffer.play(OVERLAP_SAMPLES))
    return np.concatenate(played)[OVERLAP_SAMPLES:]


def _concealed(buffer: SyncBuffer, samples: int) -> list[Pcm16]:
    """Return the sound of a gap, in ticks."""
    played = []
    for tick in _ticks(samples):
        buffer.expand(tick)
        played.append(buffer.play(tick))
    return played


def _ticks(samples: int) -> list[int]:
    """Return the parts in which a frame is played; a frame of 2.5 or 5 ms is one."""
    return [_TICK_SAMPLES] * (samples // _TICK_SAMPLES) or [samples]
