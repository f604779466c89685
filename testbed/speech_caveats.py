"""Warnings about the speech: a narrow band, damage in the recordings, and mixtures."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.codecs.schemes import NO_LOSS
from testbed.metrics import METRICS
from testbed.metrics.metric import Metric
from testbed.speech import Clip
from testbed.words import shortened

if TYPE_CHECKING:
    import pandas as pd

    from testbed.plan import Plan

_LISTED = 5


def speech_caveats(clips: Sequence[Clip], table: "pd.DataFrame") -> Iterator[str]:
    """Yield warnings about speech whose scores are low before any packet is lost.

    Parameters
    ----------
    clips
        The speech.
    table
        One row per call.
    """
    narrow = [f"{clip.name} ({clip.rate_hz / 1000:g} kHz)" for clip in clips if clip.rate_hz < SAMPLE_RATE_HZ]
    if narrow:
        yield (
            f"recorded at less than {SAMPLE_RATE_HZ // 1000} kHz: {shortened(narrow, _LISTED)}; the metrics "
            "expect wideband speech and score a narrow band lower by itself"
        )
    without_loss = table[table["scheme"] == NO_LOSS]
    by_name = {clip.name: clip for clip in clips}
    for name in (name for name in METRICS if name in table):
        metric = METRICS[name]
        if metric.undamaged is None:
            continue
        best = metric.sign * (metric.sign * without_loss[name]).groupby(without_loss["clip"]).max()
        damaged = best[metric.sign * (best - metric.undamaged) < 0]
        if len(damaged):
            beyond = "below" if metric.better == "higher" else "above"
            worst = (metric.sign * damaged).sort_values(kind="stable").index
            shown = [_named(by_name[clip], damaged[clip], metric) for clip in worst if clip in by_name]
            yield (
                f"{metric.label} {beyond} {metric.undamaged:g} without any loss: "
                f"{shortened(shown, _LISTED)}; noise, gaps or a codec in the recording, or a low bitrate, "
                "hide what loss does"
            )


def mixing_caveats(plan: "Plan") -> Iterator[str]:
    """Yield warnings about scores of speech into which noise or talkers are mixed."""
    if all(point.scenario.speech.mixture.is_plain for point in plan.points):
        return
    heard = [METRICS[name] for name in plan.scenario.metric_names if METRICS[name].hears]
    alone = [metric.label for metric in heard if metric.reference == "none"]
    compared = [metric.label for metric in heard if metric.reference != "none"]
    said = []
    if alone:
        rate = "rates" if len(alone) == 1 else "rate"
        said.append(
            f"{', '.join(alone)} {rate} the mixture as if it were speech, so noise alone lowers it: "
            "compare schemes, not mixtures"
        )
    if compared:
        compare = "compares" if len(compared) == 1 else "compare"
        said.append(
            f"{', '.join(compared)} {compare} with the mixture that was sent, so noise and other talkers "
            "count as much as the clip's talker"
        )
    if said:
        yield f"noise or talkers are mixed into the speech: {'; '.join(said)}"


def _named(clip: Clip, score: float, metric: Metric) -> str:
    """Return a clip's name, its score and the codec of the recording."""
    codec = f", {clip.codec}" if clip.codec else ""
    return f"{clip.name} ({score:.{metric.decimals}f}{codec})"
