"""ViSQOL v3, speech mode: similarity of spectrograms to the clean recording as an opinion, 1 to 5.

Chinen, Lim, Skoglund, Gureev, O'Gorman, Hines: "ViSQOL v3: an open source production ready objective speech
and audio metric", QoMEX 2020; by the package `visqol-python`, a port of Google's program, with the same
network (a deep lattice). The extra `visqol` installs it: `pip install 'speech-testbed[visqol]'` (60 MB).

ViSQOL aligns the signals again, the whole and each patch of 0.4 s, so it forgives speech that comes later. A
recording compared with itself scores 4.5 to 4.7. A call costs 0.35 s of processor time for 10 s of speech,
three times PESQ-WB.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.metrics.metric import CannotScoreError, Measure, Metric, Signal


def create() -> Measure:
    """Load the network; the first call ever compiles the package's kernels, some seconds."""
    import numba
    from visqol import VisqolApi

    logging.getLogger("visqol").setLevel(logging.ERROR)  # it warns of patches without a counterpart
    visqol = VisqolApi()
    with _quiet():
        visqol.create("speech", use_lattice_model=True)

    def measure(reference: Signal, degraded: Signal) -> float:
        numba.set_num_threads(1)  # a sweep uses the other cores for other calls
        try:
            found = visqol.measure_from_arrays(
                reference.astype(np.float64), degraded.astype(np.float64), SAMPLE_RATE_HZ
            )
        except ValueError as error:
            raise CannotScoreError(f"ViSQOL: {error}") from None
        return float(found.moslqo)

    return measure


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the network's library from writing its own log line to the terminal."""
    with Path(os.devnull).open("wb") as nothing:
        kept = os.dup(2)
        try:
            os.dup2(nothing.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


METRIC = Metric(
    label="ViSQOL",
    about="similarity to the clean recording as an opinion (ViSQOL v3, speech mode)",
    create=create,
    bounds=(1.0, 5.0),
    packages=("visqol", "ai_edge_litert"),
    extra="visqol",
    margin=0.1,
)
"""The 95 % interval of a mean opinion score from 24 to 32 listeners is about 0.1 to 0.2 (ITU-T P.800), so a
panel would not find the margin of 0.1.
"""
