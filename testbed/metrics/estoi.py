"""ESTOI: extended short-time objective intelligibility, about 0 to 1.

Jensen, Taal: "An algorithm for predicting the intelligibility of speech masked by modulated noise maskers",
IEEE/ACM Transactions on Audio, Speech and Language Processing 24(11), 2016; by the package `pystoi`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.metrics.metric import CannotScoreError, Measure, Metric, Signal


def create() -> Measure:
    """Load pystoi."""
    from pystoi import stoi

    def measure(reference: Signal, degraded: Signal) -> float:
        with _same_randomness():
            value = float(stoi(reference, degraded, SAMPLE_RATE_HZ, extended=True))
        if value == 1e-5:  # pystoi's result, with a warning, if the measure is not defined
            raise CannotScoreError("ESTOI: less than 0.4 s of the reference is speech")
        return value

    return measure


@contextmanager
def _same_randomness() -> Iterator[None]:
    """Fix the global random state for pystoi, which adds noise of one rounding error to avoid 0/0."""
    state = np.random.get_state()  # noqa: NPY002 - pystoi uses it
    np.random.seed(0)  # noqa: NPY002 - pystoi uses it
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002 - pystoi uses it


METRIC = Metric(
    label="ESTOI",
    about="intelligibility against the clean recording",
    create=create,
    bounds=(0.0, 1.0),
    decimals=3,
    packages=("pystoi",),
    margin=0.02,
)
"""The margin of 0.02 is the same share of the scale as 0.1 of PLCMOS, and less than the change in the
intelligibility of speech in noise with 1 dB, while listeners notice 3 dB (McShefferty et al., 2015).
"""
