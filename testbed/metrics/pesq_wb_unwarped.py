"""PESQ-WB of what was heard against the clip as it was sent, so that P.862 itself must undo the stretching.

P.862 aligns utterances, and parts of them, by one delay each. So it hears most of what an adaptive receiver
stretches within an utterance as damage, more than listeners do. Other receivers stretch nothing, and the
score is that of `pesq_wb`.
"""

from dataclasses import replace

from testbed.metrics import pesq_wb

METRIC = replace(
    pesq_wb.METRIC,
    label="PESQ-WB unwarped",
    about="closeness to the clean recording, stretching included (ITU-T P.862.2)",
    reference="unwarped",
)
"""The margin is that of PESQ-WB."""
