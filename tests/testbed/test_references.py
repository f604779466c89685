"""References under stretching: as long as the sound, aligned with it, and blind to the stretch alone."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.adaptive.played import Edit, EditKind, Heard
from testbed.call import CallSettings, Simulation, listen, simulate
from testbed.channels.jitter.gamma import GammaJitter
from testbed.channels.realization import Realization
from testbed.codecs.encoding import Encoding, encode
from testbed.codecs.engines.libopus import LibopusEngine
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import float_from_int16, int16_from_float
from testbed.errors import MetricError
from testbed.metrics import METRICS
from testbed.metrics.metric import Signal
from testbed.metrics.scorer import scorer
from testbed.playout.adaptive import AdaptivePlayout
from testbed.playout.fixed import FixedPlayout
from testbed.playout.policy import Playout
from testbed.recording import read_recording
from testbed.references import References, warped
from testbed.speech import PACKAGED

REMOVED, INSERTED, TIME, SKIPPED = EditKind


@pytest.fixture(scope="module")
def speech() -> Signal:
    return read_recording(PACKAGED / "en-allison-1.flac").pcm


def score(metric: str, references: References, heard: Signal) -> float:
    return scorer(metric)(references.of(metric), heard).value


@given(st.lists(st.tuples(st.sampled_from(EditKind), st.integers(0, 400), st.integers(1, 240)), max_size=30))
def test_the_reference_is_as_long_as_the_edits_make_it(drawn: list[tuple[EditKind, int, int]]) -> None:
    edits, at = [], 0
    for kind, gap, samples in drawn:
        edits.append(Edit(kind, at + gap, samples))
        at += gap + (samples if edits[-1].inserted < 0 else 0)
    clip = np.ones(at, np.float32)
    assert len(warped(clip, edits)) == at + sum(edit.inserted for edit in edits)


def test_each_edit_is_made_at_its_place() -> None:
    ramp = np.arange(40, dtype=np.float32)
    assert warped(ramp, [Edit(SKIPPED, 10, 5)]).tolist() == [*range(10), *range(15, 40)]
    assert warped(ramp, [Edit(TIME, 10, 3)]).tolist() == [*range(10), 0, 0, 0, *range(10, 40)]
    both = [Edit(SKIPPED, 10, 5), Edit(TIME, 20, 3)]
    assert warped(ramp, both).tolist() == [*range(10), *range(15, 20), 0, 0, 0, *range(20, 40)]
    period = np.tile(np.arange(8, dtype=np.float32), 5)
    assert warped(period, [Edit(REMOVED, 16, 8)]).tolist() == period[:32].tolist()
    assert warped(period, [Edit(INSERTED, 16, 8)]).tolist() == np.tile(period[:8], 6).tolist()


def test_a_metric_gets_the_reference_that_it_declares(speech: Signal) -> None:
    references = References(speech, [Edit(TIME, 16_000, 320)])
    lengths = {name: len(references.of(name)) - len(speech) for name in METRICS if METRICS[name].hears}
    stretched = {name for name, longer in lengths.items() if longer == 320}
    assert stretched == {"pesq_wb", "estoi", "visqol"}
    assert all(longer == 0 for name, longer in lengths.items() if name not in stretched)


def test_equal_lengths_are_demanded_where_signals_must_be_aligned(speech: Signal) -> None:
    with pytest.raises(MetricError, match="equally long"):
        scorer("estoi")(speech, speech[:-320])
    assert scorer("pesq_wb_unwarped")(speech, speech[:-320]).value > 4
    assert scorer("plcmos")(speech, speech[:-320]).value > 4


def bad_stretch(sound: Signal) -> tuple[Signal, list[Edit]]:
    """Return a sound without 7 ms in every 60 ms, whatever its pitch, and the edits."""
    edits = [Edit(REMOVED, at, 113) for at in range(960, len(sound) - 960, 960)]
    return warped(sound, edits), edits


def test_a_bad_stretch_cancels_in_estoi_but_not_in_plcmos(speech: Signal) -> None:
    heard, edits = bad_stretch(speech)
    references = References(speech, edits)
    assert score("estoi", references, heard) == pytest.approx(1, abs=1e-6)
    assert score("pesq_wb", references, heard) > 4.6
    assert score("plcmos", References(speech), speech) - score("plcmos", references, heard) > 0.5
    assert score("pesq_wb_unwarped", references, heard) < 3


@cache
def encoding() -> Encoding:
    pcm = int16_from_float(read_recording(PACKAGED / "en-allison-1.flac").pcm)
    return encode(pcm, EncoderSettings(bitrate_bps=24_000, complexity=5))


def call(playout: Playout) -> Simulation:
    """Return a call without loss, whose packets come with jitter."""
    jitter = GammaJitter(mean_ms=60, std_ms=30)
    channel = Realization([jitter], [np.random.default_rng(2)])
    return simulate(encoding(), CallSettings((), playout, 10), channel)


def test_an_adaptive_call_without_damage_scores_as_a_fixed_one(speech: Signal) -> None:
    fixed = call(FixedPlayout(policy="fixed", delay_ms=400))
    adaptive = call(AdaptivePlayout(policy="adaptive"))
    heard = {
        playout: listen(made, len(speech), LibopusEngine())
        for playout, made in (("fixed", fixed), ("adaptive", adaptive))
    }
    assert any(edit.kind in (REMOVED, INSERTED) for edit in heard["adaptive"].edits)
    scores = {name: estoi(speech, each) for name, each in heard.items()}
    assert scores["adaptive"] == pytest.approx(scores["fixed"], abs=0.02)


def estoi(clip: Signal, heard: Heard) -> float:
    references = References(clip, heard.edits)
    assert len(references.of("estoi")) == len(heard.pcm)
    return score("estoi", references, float_from_int16(heard.pcm))
