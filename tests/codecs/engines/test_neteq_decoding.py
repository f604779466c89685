"""NetEq's concealment of calls with a fixed delay: the frames stay in their places."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from testbed.codecs.engines.batched import NumbaEngine
from testbed.codecs.engines.engine import decode_one
from testbed.codecs.engines.libopus import LibopusEngine
from testbed.codecs.recovery import Action

from .jobs import CLASSIC, job, losses, packets

FADE, RISE = 120, 500


def with_neteq(sent, lost, frame_ms=20, **options):
    made = job(sent, lost, CLASSIC, dred=False, frame_ms=frame_ms, **options)
    return replace(made, concealer="neteq")


def sound(one):
    return decode_one(LibopusEngine(), one)


@pytest.mark.parametrize("frame_ms", [10, 20, 60])
def test_without_loss_the_sound_is_that_of_libopus(frame_ms):
    sent = packets(frame_ms, dred_ms=0, seconds=1)
    whole = with_neteq(sent, [], frame_ms)
    assert np.array_equal(sound(whole), sound(replace(whole, concealer="codec")))


@pytest.mark.parametrize("frame_ms", [10, 20, 60])
def test_libopus_is_not_told_of_the_loss(frame_ms):
    """Apart from gaps and their ends, packets sound as if they followed each other."""
    sent = packets(frame_ms, dred_ms=0, seconds=2)
    frames, size = len(sent), 16 * frame_ms
    lost = [frames // 2, frames // 2 + 1]
    heard = sound(with_neteq(sent, lost, frame_ms)).reshape(frames, size)
    kept = [frame for frame in range(frames) if frame not in lost]
    joined = sound(with_neteq(tuple(sent[frame] for frame in kept), [], frame_ms)).reshape(-1, size)
    after = lost[-1] + 1
    assert np.array_equal(heard[: lost[0] - 1], joined[: lost[0] - 1])
    assert np.array_equal(heard[lost[0] - 1, :-10], joined[lost[0] - 1, :-10])
    assert np.array_equal(heard[after:].ravel()[RISE:], joined[lost[0] :].ravel()[RISE:])
    assert not np.array_equal(heard[after, :FADE], joined[lost[0], :FADE])


def test_what_is_recovered_is_not_concealed():
    sent = packets(seconds=2)
    recovered = with_neteq(sent, [40], lbrr=True)
    assert recovered.actions[40] == Action.DECODE_LBRR
    heard = sound(recovered)[40 * 320 : 41 * 320]
    assert np.array_equal(heard, sound(replace(recovered, concealer="codec"))[40 * 320 : 41 * 320])


@settings(max_examples=8, deadline=None)
@given(losses())
def test_both_engines_agree_and_no_call_depends_on_another(lost):
    sent = packets(seconds=2)
    one = with_neteq(sent, [frame for frame in lost if frame < len(sent)])
    heard = sound(one)
    assert (heard.dtype, heard.shape) == (np.int16, (len(sent) * 320,))
    others = {"other": with_neteq(sent, [20]), "one": one, "libopus": replace(one, concealer="codec")}
    for engine in (LibopusEngine(), NumbaEngine()):
        assert np.array_equal(dict(engine.decode(others.items()))["one"], heard)


def test_a_call_of_which_nothing_arrives_is_silent():
    sent = packets(seconds=1)
    assert not sound(with_neteq(sent, range(len(sent)))).any()


@pytest.mark.parametrize("opus_config", [28, 29])
def test_frames_shorter_than_a_tick_are_played_in_full(opus_config):
    """CELT of 2.5 and 5 ms, which other encoders send."""
    sent = [bytes([opus_config << 3, number, 7]) for number in range(100)]
    lost = replace(with_neteq(sent, [40, 41, 42, 99]), frame_samples=40 * (opus_config - 27))
    assert len(sound(lost)) == len(sent) * lost.frame_samples
