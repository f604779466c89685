"""libopus's speech features of signals, with the pitch network of its weights."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from testbed.kernels.bark import FEATURES, FRAME, Floats
from testbed.kernels.features import extract_features, feature_state
from testbed.kernels.pitch_network import PitchNetwork, pitch_network
from testbed.kernels.weights import read_blob


@lru_cache(maxsize=2)
def _pitch_network(weights: Path) -> PitchNetwork:
    return pitch_network(read_blob(weights))


def features_of_signals(pcm: Floats, weights: Path) -> Floats:
    """Return the features of signals from their beginning, with silence before it.

    Parameters
    ----------
    pcm
        float32 (batch, samples), 16 kHz, scaled to 16 bits; what is left of the last 10 ms is left out.
    weights
        libopus's weights blob.

    Returns
    -------
    array
        float32 (batch, samples / 160, 20), one vector per 10 ms; see `testbed.kernels.features`.
    """
    batch, frames = pcm.shape[0], pcm.shape[1] // FRAME
    features = np.empty((batch, frames, FEATURES), np.float32)
    whole = np.ascontiguousarray(pcm[:, : FRAME * frames], np.float32)
    extract_features(_pitch_network(weights), feature_state(batch), whole, features)
    return features
