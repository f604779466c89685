"""Quality of a conversation: a score of listening quality, and the delay from mouth to ear."""

from typing import Annotated

from pydantic import Field

from testbed.emodel.bands import WIDEBAND
from testbed.emodel.impairments import delay_impairment
from testbed.emodel.scale import BEST_MOS
from testbed.metrics import METRICS
from testbed.named_parameters import NameIn
from testbed.parameters import Parameters


class Conversation(Parameters):
    """Inputs of the metric ``mos_cq``.

    Attributes
    ----------
    metric
        Metric of listening quality, on the scale of a mean opinion score; one of `metrics`.
    devices_ms
        Delay of both sound devices, which `mouth_to_ear_ms` does not include. The default is what Android's
        Compatibility Definition (section 5.6) recommends at most: 30 ms for the microphone, 45 ms for the
        loudspeaker.
    """

    metric: Annotated[str, NameIn(METRICS)] = "plcmos"
    devices_ms: float = Field(75.0, ge=0, le=1000)


def conversational_mos(score: float, undamaged: float, delay_ms: float) -> float:
    """Return the mean opinion on a conversation, 1 to 4.5; see `testbed.metrics.mos_cq`.

    Parameters
    ----------
    score, undamaged
        Scores of listening quality of what was heard, and of the clean clip, which is above 1.
    delay_ms
        From mouth to ear, with the devices; 0: delay does not count.
    """
    on_scale = 1 + (score - 1) * (BEST_MOS - 1) / (undamaged - 1)
    by_delay = WIDEBAND.stretch * delay_impairment(delay_ms)
    return WIDEBAND.mos(WIDEBAND.rating_of(on_scale) - by_delay)
