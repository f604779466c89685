"""The vocoder `lpcnet`: LPCNet of 2019, with the weights that FreeDV uses."""

from collections.abc import Sequence

import numpy as np

from testbed.codecs.lpcnet.weights import weights
from testbed.codecs.vocoders.vocoder import Floats, VocoderGap
from testbed.kernels.lpcnet import lpcnet, synthesize


class LpcnetVocoder:
    """LPCNet, which draws sample after sample; see `testbed.kernels.lpcnet`.

    Raises
    ------
    CodecError
        Its weights are not on this machine.
    """

    def __init__(self) -> None:
        self._network = lpcnet(weights())

    def synthesize(self, gaps: Sequence[VocoderGap]) -> list[Floats]:
        """Return the sound of each gap; see `testbed.codecs.vocoders.vocoder.Vocoder`."""
        longest = max(len(gap.features) for gap in gaps)
        features = np.zeros((len(gaps), longest, gaps[0].features.shape[1]), np.float32)
        for row, gap in enumerate(gaps):
            features[row, : len(gap.features)] = gap.features
        made = synthesize(
            self._network,
            np.stack([gap.past for gap in gaps]),
            np.stack([gap.past_features for gap in gaps]),
            features,
            np.array([gap.frames for gap in gaps]),
            np.array([gap.seed for gap in gaps], np.uint64),
        )
        return [sound[: gap.samples] for gap, sound in zip(gaps, made, strict=True)]
