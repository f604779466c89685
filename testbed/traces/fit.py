"""The loss models that are fitted to recorded losses; a new one is one file and one line here."""

import numpy as np
from numpy.typing import NDArray

from testbed.errors import ChannelError
from testbed.traces.fit_gilbert_elliott import fit_gilbert_elliott
from testbed.traces.fitted import Fitted, fit_bernoulli, fit_gilbert
from testbed.traces.recording import runs

LEAST_BURSTS = 10
"""Smallest number of bursts for a fit of the four parameters of Gilbert-Elliott."""


def fit_losses(lost: NDArray[np.bool_]) -> list[Fitted]:
    """Fit every model that the losses determine, simplest first.

    Parameters
    ----------
    lost
        True for each lost packet, (n,).

    Raises
    ------
    ChannelError
        No packet was lost, or all were.
    """
    count = int(lost.sum())
    if count in (0, len(lost)):
        what = "no packet was lost" if count == 0 else "every packet was lost"
        raise ChannelError(f"{what} of {len(lost)}: there is no loss model to fit")
    models = [fit_bernoulli(lost), fit_gilbert(lost)]
    fates, _ = runs(lost)
    if fates.sum() >= LEAST_BURSTS:
        models.append(fit_gilbert_elliott(lost))
    return models
