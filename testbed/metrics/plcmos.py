"""PLCMOS v2: predicted opinion of listeners on concealment, 1 to 5, without the reference.

Diener, Purin, Sootla, Saabas, Aichner, Cutler: "PLCMOS - a data-driven non-intrusive metric for the
evaluation of packet loss concealment algorithms", Interspeech 2023; the network is the one of the package
`speechmos`.

The network has a second input, 64 numbers that represent a rater. `speechmos` draws 15 raters anew from the
global random state at each call, so its score of one signal scatters (by 0.01 to 0.03). Here the raters are
drawn once from a fixed seed, so the score is a function of the audio.
"""

import numpy as np
from numpy.typing import NDArray

from testbed.metrics.metric import Metric, Signal
from testbed.metrics.plcmos_network import PlcmosNetwork
from testbed.metrics.plcmos_rows import RememberedRows
from testbed.randomness import generator

RATERS = 400


class Plcmos:
    """The network, loaded.

    Parameters
    ----------
    raters
        Rater embeddings (r, 64); by default 400 standard normal ones from a fixed seed.
    """

    def __init__(self, raters: NDArray[np.floating] | None = None) -> None:
        if raters is None:
            raters = generator(0, "plcmos", "raters").normal(size=(RATERS, 64))
        self._network = PlcmosNetwork(np.asarray(raters, dtype=np.float32))
        self._rows = RememberedRows(self._network)

    def __call__(self, reference: Signal, degraded: Signal) -> float:
        """Return the mean opinion of all raters on `degraded`; `reference` is not used."""
        opinions = self._network.opinions(self._rows.convolved(degraded))
        return float(np.mean(opinions, dtype=np.float64))


METRIC = Metric(
    label="PLCMOS",
    about="naturalness as a listener would rate it, without a reference (PLCMOS v2)",
    create=Plcmos,
    bounds=(1.0, 5.0),
    packages=("onnxruntime", "speechmos"),
    uses_kernels=True,
    margin=0.1,
    undamaged=4.0,
    reference="none",
)
"""The 95 % interval of a mean opinion score from 24 to 32 listeners is about 0.1 to 0.2 (ITU-T P.800), so a
panel would not find the margin of 0.1.
"""
