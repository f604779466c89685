"""The vocoder `lpc`, which has no weights: a classic of 1971, and the least that a network must surpass."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from testbed.codecs.vocoders.vocoder import Floats, VocoderGap
from testbed.kernels.lpc_vocoder import vocode


class LpcVocoder:
    """Pulses and noise through an all-pole filter; see `testbed.kernels.lpc_vocoder`."""

    def synthesize(self, gaps: Sequence[VocoderGap]) -> list[Floats]:
        """Return the sound of each gap; see `testbed.codecs.vocoders.vocoder.Vocoder`."""
        made: list[Floats] = []
        for samples, group in groupby(gaps, key=lambda gap: gap.samples):
            equal = list(group)
            out = np.empty((len(equal), samples), np.float32)
            vocode(
                np.stack([gap.features[1:-1] for gap in equal]),
                np.stack([gap.past for gap in equal]),
                np.array([gap.seed for gap in equal], np.uint64),
                out,
            )
            made.extend(out)
        return made
