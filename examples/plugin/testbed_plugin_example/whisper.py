"""The vocoder `whisper`: speech without a voice."""

from collections.abc import Iterator, Sequence

import numpy as np

from testbed.codecs.vocoders.vocoder import Floats, VocoderGap, VocoderKind
from testbed.kernels.lpc_vocoder import vocode

_NOT_PERIODIC = -1
"""A frame correlation."""


class Whisper:
    """Synthesizes gaps one by one, from noise alone."""

    def synthesize(self, gaps: Sequence[VocoderGap]) -> Iterator[Floats]:
        """Yield the sound of each gap."""
        for gap in gaps:
            features = gap.features[None, 1:-1].copy()
            features[..., -1] = _NOT_PERIODIC
            sound = np.empty((1, gap.samples), np.float32)
            vocode(features, gap.past[None], np.array([gap.seed], np.uint64), sound)
            yield sound[0]


WHISPER = VocoderKind("whisper", Whisper)
