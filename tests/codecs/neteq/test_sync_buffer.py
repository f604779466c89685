"""Sound that goes through NetEq's operations, as it is played."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import noise, pitch_hz, vowel

from testbed.codecs.neteq.sync_buffer import SyncBuffer
from testbed.kernels.expand import OVERLAP_SAMPLES

TICK = 160


def filled(sound):
    """Return a buffer that has played all of a sound, in frames of 20 ms."""
    buffer, played = SyncBuffer(), []
    for start in range(0, len(sound), 2 * TICK):
        buffer.normal(sound[start : start + 2 * TICK])
        played += [buffer.play(TICK), buffer.play(TICK)]
    return buffer, played


def expanded(buffer, ticks):
    """Return what is played while nothing is decoded."""
    played = []
    for _ in range(ticks):
        buffer.expand(TICK)
        played.append(buffer.play(TICK))
    return played


def steepest(sound):
    return int(np.abs(np.diff(sound.astype(int))).max())


def test_decoded_sound_is_played_as_it_is_after_the_overlap():
    sound = noise(3200, 2000)
    buffer, played = filled(sound)
    assert buffer.ready_samples == 0
    played.append(buffer.play(OVERLAP_SAMPLES))
    assert np.array_equal(np.concatenate(played), np.r_[np.zeros(OVERLAP_SAMPLES), sound])
    assert (buffer.next_position, buffer.end_position) == (3210, 3210)


@pytest.mark.parametrize("pitch", [80, 125, 210, 330])
def test_a_sustained_vowel_goes_on_with_its_pitch(pitch):
    buffer, _ = filled(vowel(6400, pitch))
    gap = np.concatenate(expanded(buffer, 6))
    assert pitch_hz(gap, 0.8 * pitch, 1.25 * pitch) == pytest.approx(pitch, rel=0.01)
    assert np.std(gap[:320]) == pytest.approx(np.std(vowel(6400, pitch)), rel=0.1)


def test_a_long_gap_fades_to_silence():
    buffer, _ = filled(vowel(6400, 120))
    played = expanded(buffer, 100)
    loudness = [np.abs(tick.astype(int)).max() for tick in played]
    assert loudness[0] > 6000
    assert loudness[60] == 0
    assert buffer.mute_factor == 0
    assert not np.concatenate(played[60:]).any()


@pytest.mark.parametrize("ticks", [1, 2, 4, 9, 40])
@pytest.mark.parametrize("way", ["normal", "merge", "merge in place"])
def test_no_join_clicks(ticks, way):
    """Steps between samples are no larger than in the vowel itself, but for what a louder sum allows."""
    sound = vowel(16_000, 140)
    buffer, played = filled(sound[:6400])
    played += expanded(buffer, ticks)
    following = sound[6400 + ticks * TICK if way != "normal" else 6400 :][:1600]
    if way == "normal":
        buffer.normal(following)
    else:
        place = None if way == "merge" else OVERLAP_SAMPLES + 6400 + ticks * TICK
        assert place in (None, buffer.merge(following, place))
    played += [buffer.play(TICK) for _ in range(9)]
    assert steepest(np.concatenate(played)) <= 1.3 * steepest(sound)


def test_a_merge_finds_the_phase_and_says_where_decoded_sound_begins():
    sound, period = vowel(16_000, 125), 128
    buffer, played = filled(sound[:6400])
    played += expanded(buffer, 3)
    at = buffer.merge(sound[6400 + 3 * TICK :])
    played.append(buffer.play(2000))
    heard = np.concatenate(played)
    moved = at - OVERLAP_SAMPLES - (6400 + 3 * TICK)
    assert abs((moved + period // 2) % period - period // 2) <= 3
    assert np.array_equal(heard[at + 600 :][:1000], sound[6400 + 3 * TICK + 600 :][:1000])


def test_a_late_packet_is_played_in_full_after_the_continuation():
    sound = vowel(16_000, 125)
    buffer, _ = filled(sound[:6400])
    expanded(buffer, 4)
    end = buffer.end_position
    buffer.normal(sound[6400:9600])
    assert buffer.end_position == end + 3200
    assert not buffer.is_expanding
    heard = buffer.play(end - buffer.next_position + 3200)
    assert np.array_equal(heard[-2700:], sound[6900:9600])


def test_stretching_says_what_it_did():
    sound = vowel(16_000, 125)
    buffer, _ = filled(sound[:6400])
    splice = buffer.accelerate(sound[6400:6880])
    assert splice is not None
    assert splice.period == pytest.approx(128, abs=1)
    assert 6400 <= splice.at < 6880
    assert buffer.ready_samples == 480 - splice.period
    splice = buffer.preemptive_expand()
    assert splice is not None
    assert splice.at >= buffer.next_position
    assert buffer.preemptive_expand(noise(480, 5000)) is None


NAMES = ("normal", "merge", "place", "expand", "accelerate", "fast", "preemptive", "append", "play")
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.integers(0, 1000),
        st.sampled_from(["zero", "noise", "square", "vowel", "low", "one"]),
    ),
    max_size=30,
)


def some(kind, samples):
    """Return one of the sounds that are hard on arithmetic."""
    return {
        "zero": np.zeros(samples, np.int16),
        "noise": noise(samples, 40_000),
        "square": np.where(np.arange(samples) // 50 % 2, 32767, -32768).astype(np.int16),
        "vowel": vowel(samples, 100) if samples else np.zeros(0, np.int16),
        "low": np.full(samples, -32768, np.int16),
        "one": np.arange(samples, dtype=np.int16) % 2,
    }[kind]


def carried_out(operations):
    buffer, played = SyncBuffer(), []
    for operation, samples, kind in operations:
        sound, before = some(kind, samples), buffer.end_position
        if operation == "normal":
            buffer.normal(sound)
            assert buffer.end_position == before + samples
        elif operation in ("merge", "place"):
            at = buffer.merge(sound, None if operation == "merge" else before - samples)
            assert buffer.next_position <= at <= before + 250
            assert buffer.end_position == (at + samples if samples else before)
        elif operation == "expand":
            buffer.expand(samples)
            assert samples <= buffer.ready_samples < max(samples, before - buffer.next_position) + 240
        elif operation == "append":
            buffer.append(sound)
        elif operation != "play":
            splice = (
                buffer.preemptive_expand(sound)
                if operation == "preemptive"
                else buffer.accelerate(sound, operation == "fast")
            )
            change = (splice.period if splice else 0) * (1 if operation == "preemptive" else -1)
            assert buffer.end_position == before + samples + change
        played.append(buffer.play(min(TICK, max(0, buffer.ready_samples))))
    return np.concatenate([np.zeros(0, np.int16), *played])


@settings(max_examples=60)
@given(OPERATIONS)
def test_any_sound_goes_through_any_operations_and_the_same_comes_out_again(operations):
    heard = carried_out(operations)
    assert heard.dtype == np.int16
    carried_out([("normal", 640, "noise"), ("expand", 500, "zero")])
    assert np.array_equal(carried_out(operations), heard)


@settings(max_examples=20)
@given(OPERATIONS)
def test_silence_in_is_silence_out(operations):
    assert not carried_out([(operation, samples, "zero") for operation, samples, _ in operations]).any()
