"""DNSMOS P.835: predicted opinion of listeners on the whole sound (OVRL), 1 to 5, without the reference.

Reddy, Gopal, Cutler: "DNSMOS P.835: a non-intrusive perceptual objective speech quality metric to evaluate
noise suppressors", ICASSP 2022; the network and its calibration are those of the package `speechmos`, whose
own function also loads librosa, for another network.

The network rates 9.01 s of sound on the scales of ITU-T P.835: the speech signal (SIG), the background (BAK)
and the whole (OVRL). A score is the mean over windows of 9.01 s, each one second after the last; a shorter
clip is repeated until it fills one, so a clip of 8 to 9 s costs 7 to 9 windows and one of 9.01 to 11 s a
single one (0.2 s of processor time each). BAK is no metric here: packet loss adds no noise.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.metrics.metric import Measure, Metric, Signal
from testbed.metrics.onnx_network import open_network

_WINDOW_S = 9.01
_WINDOW = int(_WINDOW_S * SAMPLE_RATE_HZ)
_SIG = np.poly1d([-0.08397278, 1.22083953, 0.0052439])
_OVRL = np.poly1d([-0.06766283, 1.11546468, 0.04602535])


class Ratings(NamedTuple):
    """Predicted opinions on the speech signal and on the whole sound."""

    sig: float
    ovrl: float


@cache
def load() -> Callable[[Signal], Ratings]:
    """Load the network, once per process; the function keeps its last result, for the other scale."""
    model = files("speechmos").joinpath("dnsmos_models", "sig_bak_ovr.onnx").read_bytes()
    network = open_network(model)

    @lru_cache(maxsize=1)
    def rated(samples: bytes) -> Ratings:
        signal = np.frombuffer(samples, np.float32)
        while len(signal) < _WINDOW:
            signal = np.append(signal, signal)
        windows = int(len(signal) // SAMPLE_RATE_HZ - _WINDOW_S) + 1
        starts = range(0, windows * SAMPLE_RATE_HZ, SAMPLE_RATE_HZ)
        raw = [network.run(None, {"input_1": signal[None, at : at + _WINDOW]})[0][0] for at in starts]
        sig, _, ovrl = np.array(raw, np.float64).T
        return Ratings(float(_SIG(sig).mean()), float(_OVRL(ovrl).mean()))

    return lambda signal: rated(signal.astype(np.float32, copy=False).tobytes())


def create() -> Measure:
    """Load the network."""
    rated = load()
    return lambda reference, degraded: rated(degraded).ovrl


METRIC = Metric(
    label="DNSMOS",
    about="overall quality as a listener would rate it, without a reference (DNSMOS P.835 OVRL)",
    create=create,
    bounds=(0.0, 5.0),
    packages=("onnxruntime", "speechmos"),
    margin=0.1,
    undamaged=3.0,
    reference="none",
)
"""The 95 % interval of a mean opinion score from 24 to 32 listeners is about 0.1 to 0.2 (ITU-T P.800), so a
panel would not find the margin of 0.1. The clean clips of the corpus `asterisk` score 3.26 to 3.56.
"""
