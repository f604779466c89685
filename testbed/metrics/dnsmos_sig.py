"""DNSMOS P.835: predicted opinion of listeners on the speech signal (SIG), 1 to 5, without the reference.

The scale on which ITU-T P.835 has listeners rate the distortion of the voice and leave the background aside.
One pass of the network gives this and OVRL, so a scenario with both pays once.
"""

from testbed.metrics import dnsmos
from testbed.metrics.metric import Measure, Metric


def create() -> Measure:
    """Load the network."""
    rated = dnsmos.load()
    return lambda reference, degraded: rated(degraded).sig


METRIC = Metric(
    label="DNSMOS SIG",
    about="quality of the voice as a listener would rate it, without a reference (DNSMOS P.835 SIG)",
    create=create,
    bounds=(0.0, 5.0),
    packages=("onnxruntime", "speechmos"),
    margin=0.1,
    undamaged=3.3,
    reference="none",
)
"""The margin is that of DNSMOS. The clean clips of the corpus `asterisk` score 3.52 to 3.78."""
