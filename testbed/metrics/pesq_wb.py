"""PESQ-WB: ITU-T P.862.2, perceptual evaluation of wideband speech quality, MOS-LQO of 1.04 to 4.64.

By the package `pesq`, which wraps the ITU's own C code. P.862 aligns the signals again. Ours are aligned to
the sample, so it can only find a delay that concealment introduced, which is its purpose.

With an adaptive receiver, which stretches the sound, the clean recording is stretched in the same way. The
variant `pesq_wb_unwarped` leaves all alignment to P.862.
"""

from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.metrics.metric import CannotScoreError, Measure, Metric, Signal

# The C code has room for 50 utterances and writes beyond it unchecked. An utterance lasts at least 50 frames
# of 4 ms and so does the gap after it, so 20 s hold at most 49; P.862 itself is made for 8 to 12 s.
LONGEST_S = 20.0


def create() -> Measure:
    """Load the ITU's code."""
    from pesq import PesqError, pesq

    def measure(reference: Signal, degraded: Signal) -> float:
        if len(reference) > LONGEST_S * SAMPLE_RATE_HZ:
            raise CannotScoreError(
                f"longer than {LONGEST_S:g} s, which is more than the PESQ code has room for"
            )
        try:
            return float(pesq(SAMPLE_RATE_HZ, reference, degraded, "wb"))
        except PesqError as error:
            text = error.args[0] if error.args else error
            reason = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
            raise CannotScoreError(f"PESQ: {reason or type(error).__name__}") from None

    return measure


METRIC = Metric(
    label="PESQ-WB",
    about="closeness to the clean recording (ITU-T P.862.2)",
    create=create,
    bounds=(1.0, 4.65),
    packages=("pesq",),
    margin=0.1,
)
"""The 95 % interval of a mean opinion score from 24 to 32 listeners is about 0.1 to 0.2 (ITU-T P.800), so a
panel would not find the margin of 0.1.
"""
