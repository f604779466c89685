"""MOS-CQ: conversational quality, 1 to 4.5, from listening quality and delay by the wideband E-model.

A score of listening quality becomes a rating of ITU-T G.107.1, as P.834.1 derives ratings from instruments;
the impairment by the delay from mouth to ear is subtracted; the rest becomes an opinion again:

    on the scale = 1 + 3.5 (score - 1) / (score of the clean clip - 1), at most 4.5
    R = 1.29 f⁻¹(on the scale) - 1.29 Idd(mouth_to_ear_ms + devices_ms)
    MOS-CQ = f(R / 1.29)

f is the map from R to MOS of G.107, Annex B, and Idd its impairment by delay: nothing up to 100 ms, 3 at 200
ms, 15 at 300 ms. The clean clip is R = 129, undamaged wideband speech, so damage by the codec counts, and
what a metric dislikes about a voice does not. The key `conversation` of a scenario has the metric (default:
PLCMOS, which must be in `metrics`, too) and the delay of the sound devices.

The ceiling, which has no receiver, counts as without delay. NaN for a receiver that waits without limit.
"""

from testbed.metrics.metric import Metric

METRIC = Metric(
    label="MOS-CQ",
    about="quality of the conversation: listening quality, and the delay from mouth to ear (E-model)",
    create=None,
    bounds=(1.0, 4.5),
    margin=0.1,
)
"""The margin is that of the metrics of listening quality."""
