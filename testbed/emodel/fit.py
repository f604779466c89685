"""Fit of Ie and Bpl of Opus to the scores of calls with independent losses."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from testbed.emodel.bands import WIDEBAND
from testbed.emodel.impairments import loss_impairment
from testbed.emodel.opus import Equipment

if TYPE_CHECKING:
    import pandas as pd

_BEGIN_AT = (5.0, 15.0)
_MOST_BPL = 1000.0


def fitted(table: "pd.DataFrame") -> Equipment:
    """Return the equipment whose opinions are nearest to the `mos_cq` of calls, by least squares.

    Parameters
    ----------
    table
        Rows of one scheme in independent losses, over a sweep of ``codec.bitrate_kbps``. The delay must cost
        nothing: up to 100 ms with `devices_ms`.
    """
    from scipy.optimize import least_squares

    bitrates, place = np.unique(table["codec.bitrate_kbps"], return_inverse=True)
    lost_percent = (100 * table["frames_plc"] / table["frames"]).to_numpy(float)
    opinions = table["mos_cq"].to_numpy(float)

    def errors(values: NDArray[np.float64]) -> list[float]:
        calls = zip(place, lost_percent, opinions, strict=True)
        return [
            WIDEBAND.mos(WIDEBAND.best - loss_impairment(values[at], values[-1], lost)) - opinion
            for at, lost, opinion in calls
        ]

    begin = [_BEGIN_AT[0]] * len(bitrates) + [_BEGIN_AT[1]]
    most = [WIDEBAND.most] * len(bitrates) + [_MOST_BPL]
    *impairments, robustness = least_squares(errors, begin, bounds=(0, most)).x.tolist()
    speech_kbps = table["primary_kbps"].groupby(table["codec.bitrate_kbps"]).mean().tolist()
    return Equipment(speech_kbps, impairments, robustness)
