"""Speech at 0.8 and 1.25 of its length: its pitch, and its quality beside other programs'."""

import numpy as np
import pytest
from time_stretch import by_atempo, by_neteq, by_wsola, parts, pitches, quality

from testbed.codecs.neteq.sync_buffer import SyncBuffer
from testbed.kernels.expand import OVERLAP_SAMPLES
from testbed.kernels.time_stretch import Splice
from testbed.metrics.plcmos import Plcmos


def source_places(samples, splices):
    """Return the place in the source of each sample that was played."""
    places = list(range(-OVERLAP_SAMPLES, samples))
    for is_removal, splice in splices:
        at, period = splice.at + (splice.period + 1) // 2, splice.period
        if is_removal:
            del places[at : at + period]
        else:
            places[at:at] = places[at - period : at]
    return np.array(places)


def stretched(pcm, ratio, monkeypatch):
    """Return the speech at a ratio, and its splices."""
    splices: list[tuple[bool, Splice]] = []

    class Noting(SyncBuffer):
        def accelerate(self, *given):
            splice = super().accelerate(*given)
            splices.extend([(True, splice)] if splice else [])
            return splice

        def preemptive_expand(self, *given):
            splice = super().preemptive_expand(*given)
            splices.extend([(False, splice)] if splice else [])
            return splice

    monkeypatch.setattr("time_stretch.SyncBuffer", Noting)
    return by_neteq(pcm, ratio), splices


@pytest.mark.parametrize("ratio", [0.8, 1.25])
def test_stretched_speech_keeps_its_pitch_within_one_per_cent(ratio, monkeypatch):
    speech = next(parts())[: 3 * 16_000]
    sound, splices = stretched(speech, ratio, monkeypatch)
    assert len(sound) == pytest.approx(ratio * len(speech), rel=0.02)
    places = source_places(len(speech), splices)
    assert len(places) == len(sound)
    before, after = pitches(speech), pitches(sound)
    centres = places[160 * np.arange(len(after)) + 320]
    changes = after / before[np.clip(np.rint((centres - 320) / 160).astype(int), 0, len(before) - 1)]
    assert np.isfinite(changes).sum() > 50
    assert np.nanmedian(changes) == pytest.approx(1, abs=0.003)
    assert np.mean(np.abs(changes[np.isfinite(changes)] - 1) < 0.02) > 0.85


@pytest.mark.long
@pytest.mark.parametrize(
    ("ratio", "worse_than_atempo", "worse_than_wsola"), [(0.8, 0.25, 0.2), (1.25, 0.1, -0.3)]
)
def test_stretched_speech_sounds_about_as_good_as_that_of_other_programs(
    ratio, worse_than_atempo, worse_than_wsola
):
    """NetEq's 4.07 at 0.8 beside 4.19 and 4.14; at 1.25 its 4.52 beside 4.53 and 3.85."""
    plcmos, speech = Plcmos(), list(parts())

    def score(stretch):
        return quality(plcmos, [stretch(part, ratio) for part in speech])

    ours = score(by_neteq)
    assert ours > score(by_atempo) - worse_than_atempo
    assert ours > score(by_wsola) - worse_than_wsola
