"""The engine numba against libopus's own decoder, and against itself in other batches."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.codecs.encoding import encode
from testbed.codecs.engines.batched import NumbaEngine
from testbed.codecs.engines.engine import Job, decode_one
from testbed.codecs.engines.episodes import REMEMBERED_MS, Episode, episodes
from testbed.codecs.engines.libopus import LibopusEngine
from testbed.codecs.opus.packet import split
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import int16_from_float
from testbed.codecs.recovery import Action
from testbed.scenario.loading import Speech
from testbed.speech import load_clips

from .jobs import CLASSIC, DEEP_PLC, ENHANCED, job, losses, packets


def decibels(signal, noise) -> float:
    """Return the ratio of two signals' power, both of them with a bit's noise added."""
    power = [float(np.sum(x.astype(np.float64) ** 2)) + len(x) for x in (signal, noise)]
    return 10 * np.log10(power[0] / power[1])


def compared(jobs) -> Iterator[tuple[Job, np.ndarray, np.ndarray]]:
    numba, libopus = (dict(each.decode(enumerate(jobs))) for each in (NumbaEngine(), LibopusEngine()))
    for index, one in enumerate(jobs):
        yield one, numba[index], libopus[index]


@pytest.mark.parametrize("complexity", [CLASSIC, DEEP_PLC, ENHANCED])
@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
def test_without_loss_the_engines_give_the_same_samples(frame_ms, complexity):
    sent = packets(frame_ms)
    for _, numba, libopus in compared([job(sent, (), complexity, frame_ms=frame_ms)]):
        assert np.array_equal(numba, libopus)


@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
def test_without_networks_episodes_equal_libopus_to_the_sample(frame_ms):
    """Classic concealment and LBRR: only where decoding agrees again may the clean decoding go on."""
    sent, size = packets(frame_ms), 16 * frame_ms
    jobs = [
        job(sent, range(start, start + count), CLASSIC, lbrr=True, dred=False, frame_ms=frame_ms)
        for start in range(0, len(sent) - 8, 7)
        for count in (1, 3)
    ]
    for done, numba, libopus in compared(jobs):
        other = np.flatnonzero(done.actions != Action.DECODE)
        end = (other[-1] + 1) * size
        assert np.array_equal(numba[:end], libopus[:end])
        settled = end + 16 * 240
        if len(numba) > settled + 3200:
            assert decibels(libopus[settled:], numba[settled:] - libopus[settled:].astype(int)) > 35


@pytest.mark.parametrize("frame_ms", [20, 40, 60])
def test_lbrr_is_libopus_s_and_calls_in_which_it_covers_only_a_part_of_a_packet_are(frame_ms):
    sent, size = packets(frame_ms, seconds=10), 16 * frame_ms
    partial = [len(set(split(packet).lbrr_frames)) > 1 for packet in sent]
    assert any(partial) == (frame_ms > 20)
    jobs = [
        job(sent, [frame], lbrr=True, dred=False, frame_ms=frame_ms) for frame in range(2, len(sent) - 1, 3)
    ]
    for done, numba, libopus in compared([each for each in jobs if Action.DECODE_LBRR in each.actions]):
        (lost,) = np.flatnonzero(done.actions != Action.DECODE)
        end = (lost + 1) * size if frame_ms == 20 else None
        assert np.array_equal(numba[:end], libopus[:end])


@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
@pytest.mark.parametrize("dred", [False, True], ids=["predicted", "dred"])
def test_a_first_gap_sounds_as_libopus_makes_it(frame_ms, dred):
    sent, size = packets(frame_ms), 16 * frame_ms
    starts = range(3, len(sent) - 14, max(1, len(sent) // 14))
    jobs = [
        job(sent, range(start, start + 80 // frame_ms + 1), dred=dred, frame_ms=frame_ms) for start in starts
    ]
    likeness, ratios = [], []
    for done, numba, libopus in compared(jobs):
        lost = np.flatnonzero(done.actions != Action.DECODE)
        gap = slice(lost[0] * size, (lost[-1] + 1) * size)
        first = slice(lost[0] * size, lost[0] * size + 320)
        if libopus[first].std() < 100:
            continue
        likeness.append(np.corrcoef(numba[first], libopus[first])[0, 1])
        ratios.append(decibels(libopus[gap], numba[gap] - libopus[gap].astype(int)))
    assert len(likeness) >= 5
    assert min(likeness) > 0.95
    assert np.median(likeness) > 0.999
    assert np.median(ratios) > 20


@pytest.mark.parametrize(("dred", "at_least_db"), [(True, 25), (False, 12)])
def test_gaps_that_follow_closely_go_on_from_what_was_played(dred, at_least_db):
    """With DRED's features the sound is libopus's; what is predicted from heard sound differs a little."""
    sent = packets()
    lost = [*range(40, 44), *range(46, 48), 49]
    for _, numba, libopus in compared([job(sent, lost, dred=dred)]):
        for gap in (slice(40 * 320, 44 * 320), slice(46 * 320, 48 * 320), slice(49 * 320, 50 * 320)):
            assert decibels(libopus[gap], numba[gap] - libopus[gap].astype(int)) > at_least_db


def test_before_anything_was_received_there_is_silence_as_with_libopus():
    sent = packets()
    for _, numba, libopus in compared([job(sent, range(5), dred=False), job(sent, range(5), dred=True)]):
        assert not numba[: 5 * 320].any()
        assert np.array_equal(numba[: 5 * 320], libopus[: 5 * 320])


def test_a_call_of_which_nothing_arrives_is_silent():
    sent = packets()
    numba = decode_one(NumbaEngine(), job(sent, range(len(sent))))
    assert numba.shape == (len(sent) * 320,)
    assert not numba.any()


@pytest.mark.parametrize("sent", [packets(bandwidth="narrowband", dred_ms=0), (b"\x48",) * 40])
def test_speech_that_is_not_wideband_is_left_to_libopus(sent):
    lost = [7, 8, 20]
    for _, numba, libopus in compared([job(sent, lost, dred=False)]):
        assert np.array_equal(numba, libopus)


def test_dred_reaches_as_far_as_who_decodes_it_reads():
    numba, libopus = NumbaEngine(), LibopusEngine()
    assert libopus.dred_reach_samples(packets()) == numba.dred_reach_samples(packets(bandwidth="narrowband"))
    assert numba.dred_reach_samples(packets()) > 9 * libopus.dred_reach_samples(packets())
    assert numba.dred_reach_samples(packets(frame_ms=60)) == libopus.dred_reach_samples(packets(frame_ms=60))


def test_gaps_that_begin_alike_sound_as_they_do_alone():
    """Of several lengths, some with another gap after them, some with DRED for all frames or for some."""
    sent = packets(seconds=2)
    losses = [range(30, 33), [30], range(30, 37), [30, 31, 34], [30, 33, 34, 35], range(30, 60)]
    jobs = [job(sent, lost, dred=dred) for dred in (False, True) for lost in losses]
    for index, pcm in NumbaEngine().decode(enumerate(jobs)):
        assert np.array_equal(pcm, decode_one(NumbaEngine(), jobs[index]))


@given(losses(), st.booleans(), st.sampled_from([10, 20, 40, 60]))
def test_episodes_hold_every_frame_that_is_not_its_own_packet_s(lost, lbrr, frame_ms):
    sent = (b"\x48abc",) * 100
    done = job(sent, lost, lbrr=lbrr, frame_ms=frame_ms)
    found = episodes(done)
    assert sorted(set(lost)) == [
        episode.start + index
        for episode in found
        for index, action in enumerate(episode.actions)
        if action != Action.DECODE
    ]
    for before, after in itertools.pairwise(found):
        assert (after.start - before.stop) * frame_ms >= REMEMBERED_MS
    for episode in found:
        assert episode.actions == done.actions[episode.start : episode.stop].tobytes()
        parts = episode.stretches()
        assert [begin for begin, *_ in parts] == [0, *(end for *_, end in parts[:-1])]
        assert parts[-1][2] == len(episode.actions)
        for begin, concealed, end in parts:
            assert all(
                action in (Action.CONCEAL, Action.DECODE_DRED) for action in episode.actions[begin:concealed]
            )
            assert all(
                action in (Action.DECODE, Action.DECODE_LBRR) for action in episode.actions[concealed:end]
            )


def test_equal_losses_of_several_calls_are_one_episode():
    sent = packets(seconds=2)
    first, second = job(sent, [30, 31, 60]), job(sent, [30, 31, 80])
    assert episodes(first)[0] == episodes(second)[0]
    assert episodes(first)[1] != episodes(second)[1]
    assert isinstance(episodes(first)[0], Episode)


def silence(count):
    return np.zeros(count)


def clipped(count):
    return np.where(np.sin(np.arange(count) * 2 * np.pi * 180 / 16_000) > 0, 32767, -32768)


def band_limited(count):
    """Noise below 1 kHz."""
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(count))
    spectrum[count // 16 :] = 0
    return 8000 * np.fft.irfft(spectrum, count)


def one_click(count):
    return np.where(np.arange(count) == count // 2, 32767, 0)


@pytest.mark.parametrize("signal", [silence, clipped, band_limited, one_click])
def test_strange_sound_is_taken_as_libopus_takes_it(signal):
    pcm = np.clip(np.rint(signal(32_000)), -32768, 32767).astype(np.int16)
    told = EncoderSettings(bitrate_bps=88_000, expected_loss_percent=20, dred_depth_ms=1000, signal="voice")
    sent = tuple(frame.payload for frame in encode(pcm, told).frames)
    assert {packet[0] >> 3 for packet in sent} == {9}, "SILK, wideband, 20 ms"
    for dred in (False, True):
        for _, numba, libopus in compared([job(sent, [*range(20, 25), 27, *range(60, 90)], dred=dred)]):
            assert np.array_equal(numba[: 20 * 320], libopus[: 20 * 320])
            assert decibels(libopus[-10 * 320 :], numba[-10 * 320 :] - libopus[-10 * 320 :].astype(int)) > -1
            assert np.abs(numba.astype(int)).max() <= 1.5 * np.abs(libopus.astype(int)).max() + 50


def test_ten_minutes_differ_from_libopus_s_only_after_losses():
    told = EncoderSettings(bitrate_bps=24_000, complexity=0)
    clip = int16_from_float(load_clips(Speech(corpus="packaged"), Path())[1].pcm)
    sent = tuple(frame.payload for frame in encode(np.resize(clip, 600 * 16_000), told).frames)
    lost = [start + index for start in range(100, len(sent) - 100, 3000) for index in range(4)]
    for done, numba, libopus in compared([job(sent, lost, dred=False)]):
        difference = np.abs(numba.astype(int) - libopus).reshape(-1, 320).max(axis=1)
        assert len(difference) == len(done.sent)
        changed = np.flatnonzero(difference > 400)
        assert all(any(0 <= frame - start < 60 for start in lost) for frame in changed)
