"""Sources of played frames: by hand for each kind of repair, and invariants over random networks."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from testbed.call import CallSettings, Simulation, simulate
from testbed.channels.duplicate import Duplicate
from testbed.channels.loss.bernoulli import Bernoulli
from testbed.channels.realization import Realization
from testbed.codecs.encoded_frame import EncodedFrame
from testbed.codecs.encoding import Encoding, encode
from testbed.codecs.engines.engine import decode_one
from testbed.codecs.engines.libopus import LibopusEngine
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import int16_from_float
from testbed.codecs.recovery import Action, Recovery
from testbed.playout.fixed import FixedPlayout
from testbed.playout.offline import Offline
from testbed.scenario.loading import Speech
from testbed.speech import load_clips
from testbed.timeline import NEVER

from . import packets
from .fates import Fates

PRIMARY, RED, LBRR, DRED, PLC, _ = Recovery
DECODE, DECODE_LBRR, DECODE_DRED, CONCEAL = list(Action)[:4]
FRAME_NS = 20_000_000
OFFLINE = Offline(policy="offline")


def encoding(count: int, lbrr: bool = False, dred_ms: int = 0) -> Encoding:
    return of_frames([packets.frame(number, lbrr=lbrr, dred_ms=dred_ms) for number in range(count)])


def of_frames(frames: list[EncodedFrame]) -> Encoding:
    return Encoding(EncoderSettings(bitrate_bps=24_000), frames, lookahead_samples=104, seconds=0.0)


def call(
    made: Encoding, delays_ms: list[float | None], playout: Any, distances: tuple[int, ...] = ()
) -> Simulation:
    rngs = [np.random.default_rng(0)]
    return simulate(made, CallSettings(distances, playout, 10), Realization([Fates(delays_ms)], rngs))


def decisions(simulation: Simulation) -> list[tuple[int, int]]:
    timeline = simulation.timeline
    return list(zip(timeline.recovered_by.tolist(), timeline.source_frame.tolist(), strict=True))


def test_all_that_arrives_is_played_from_its_own_packet() -> None:
    simulation = call(encoding(4), [40, 40, 40, 40], OFFLINE)
    assert decisions(simulation) == [(PRIMARY, 0), (PRIMARY, 1), (PRIMARY, 2), (PRIMARY, 3)]
    assert simulation.job.actions.tolist() == [DECODE] * 4
    assert simulation.timeline.sent_ns.tolist() == [FRAME_NS * n for n in (1, 2, 3, 4)]
    assert (simulation.timeline.arrived_ns - simulation.timeline.sent_ns == 40_000_000).all()
    assert simulation.packet_loss == 0


def test_a_gap_is_concealed_when_nothing_repairs_it() -> None:
    simulation = call(encoding(3), [0, None, 0], OFFLINE)
    assert decisions(simulation) == [(PRIMARY, 0), (PLC, NEVER), (PRIMARY, 2)]
    assert simulation.job.actions.tolist() == [DECODE, CONCEAL, DECODE]
    assert simulation.timeline.dropped_by == ("", "fate", "")
    assert simulation.timeline.arrived_ns.tolist()[1] == NEVER


def test_lbrr_repairs_the_last_frame_of_a_gap_and_dred_the_others() -> None:
    simulation = call(encoding(6, lbrr=True, dred_ms=500), [0, None, None, None, 0, 0], OFFLINE)
    assert decisions(simulation)[1:4] == [(DRED, 4), (DRED, 4), (LBRR, 4)]
    assert simulation.job.actions.tolist()[1:4] == [DECODE_DRED, DECODE_DRED, DECODE_LBRR]


def test_dred_reaches_as_far_as_it_was_sent() -> None:
    simulation = call(encoding(6, dred_ms=40), [0, None, None, None, None, 0], OFFLINE)
    # The gap's early frames are out of reach, but the decoder is shown what there is, as in opus_demo.
    assert decisions(simulation)[1:5] == [(PLC, 5), (PLC, 5), (DRED, 5), (DRED, 5)]
    assert simulation.job.actions.tolist()[1:5] == [DECODE_DRED] * 4


def test_the_engine_reads_only_the_newest_of_deep_dred() -> None:
    made = encoding(81, dred_ms=2015)
    delays_ms: list[float | None] = [0.0, *[None] * 79, 0.0]
    rngs = [np.random.default_rng(0)]
    # libopus reads 26 chunks of 40 ms, of which 25 ms are in the packet's own audio: 1015 ms, 51 frames
    for parameters, frames_reached in (({}, 51), ({"dred_reach_samples": 16 * 10_000}, 79)):
        simulation = simulate(
            made, CallSettings((), OFFLINE, 10, **parameters), Realization([Fates(delays_ms)], rngs)
        )
        recovered = [recovery for recovery, _ in decisions(simulation)]
        assert recovered == [PRIMARY, *[PLC] * (79 - frames_reached), *[DRED] * frames_reached, PRIMARY]


def test_before_the_first_packet_only_its_lbrr_is_of_use() -> None:
    delays_ms = [None, None, None, 0.0, None, 0.0]
    simulation = call(encoding(6, dred_ms=500), delays_ms, OFFLINE)
    assert decisions(simulation) == [(PLC, NEVER)] * 3 + [(PRIMARY, 3), (DRED, 5), (PRIMARY, 5)]
    assert simulation.job.actions.tolist()[:3] == [CONCEAL] * 3
    simulation = call(encoding(6, lbrr=True, dred_ms=500), delays_ms, OFFLINE)
    assert decisions(simulation)[:4] == [(PLC, NEVER), (PLC, NEVER), (LBRR, 3), (PRIMARY, 3)]
    assert simulation.job.actions.tolist()[:3] == [CONCEAL, CONCEAL, DECODE_LBRR]


def test_a_pause_leaves_the_decoder_as_it_was() -> None:
    frames = encoding(6, dred_ms=500).frames
    narrowband = packets.frame(0, bandwidth="narrowband", dred_ms=500)
    pause = packets.UNSENT
    for heard, recovery in ((frames[0], DRED), (narrowband, PLC)):
        made = of_frames([heard, pause, pause, *frames[3:]])
        assert decisions(call(made, [0, 0, 0, None, None, 0], OFFLINE))[3:5] == [(recovery, 5)] * 2
    made = of_frames([pause, pause, *frames[2:]])
    assert decisions(call(made, [0, 0, None, None, 0, 0], OFFLINE))[2:4] == [(PLC, NEVER)] * 2


SPLICE, LOST = 60, range(57, 62)
ENCODERS: dict[str, dict[str, Any]] = {
    "silk narrowband": {"bandwidth": "narrowband", "bitrate_bps": 50_000, "inband_fec": True},
    "silk mediumband": {"bandwidth": "mediumband", "bitrate_bps": 60_000, "inband_fec": True},
    "silk wideband": {"bitrate_bps": 60_000, "inband_fec": True},
    "celt narrowband": {"bandwidth": "narrowband", "bitrate_bps": 160_000},
    "celt wideband": {"bitrate_bps": 160_000},
}


@cache
def spoken(encoder: str) -> tuple[EncodedFrame, ...]:
    """Return 1.4 s of speech with DRED and, in SILK's mode, LBRR."""
    pcm = int16_from_float(load_clips(Speech(corpus="packaged"), Path())[0].pcm)[: 70 * 320]
    told = EncoderSettings(expected_loss_percent=20, dred_depth_ms=500, **ENCODERS[encoder])
    frames = tuple(encode(pcm, told).frames)
    assert {f"{frame.mode} {frame.bandwidth}" for frame in frames[3:]} == {encoder}
    return frames


@pytest.mark.parametrize("after", ENCODERS)
@pytest.mark.parametrize("before", ENCODERS)
def test_frames_count_as_lbrr_and_dred_if_libopus_plays_these(before: str, after: str) -> None:
    """A gap at a change of the encoder's mode and bandwidth, against the same gap without redundancy."""
    made = of_frames([*spoken(before)[:SPLICE], *spoken(after)[SPLICE:]])
    simulation = call(made, [None if frame in LOST else 0.0 for frame in range(len(made))], OFFLINE)
    job = simulation.job
    last = LOST[-1]
    assert made.frames[last + 1].has_lbrr == after.startswith("silk")
    assert made.frames[last + 1].dred_samples > 0

    def sound(concealed: range) -> NDArray[np.int16]:
        actions = job.actions.copy()
        actions[concealed.start : concealed.stop] = CONCEAL
        pcm = decode_one(LibopusEngine(), replace(job, actions=actions))
        return pcm.reshape(-1, 320)

    recovered = [recovery for recovery, _ in decisions(simulation)]
    heard, without_dred, without_lbrr = (
        sound(concealed) for concealed in (range(0), LOST, range(last, last + 1))
    )
    dred_is_heard = not np.array_equal(heard[LOST[0] : last], without_dred[LOST[0] : last])
    assert recovered[LOST[0] : last] == [DRED if dred_is_heard else PLC] * (len(LOST) - 1)
    assert dred_is_heard == (before not in ("silk narrowband", "silk mediumband"))
    lbrr_is_heard = not np.array_equal(heard[last], without_lbrr[last])
    if made.frames[last + 1].has_lbrr:
        assert recovered[last] == (LBRR if lbrr_is_heard else PLC)
        assert lbrr_is_heard == before.startswith("silk")


@pytest.mark.parametrize("encoder", ENCODERS)
def test_concealment_before_the_first_packet_is_silence_without_aftereffect(encoder: str) -> None:
    """DRED that libopus is given before it can play it, it would play in the next gap that has none."""
    made, first = of_frames(list(spoken(encoder))), LOST[-1] + 1
    delays_ms = [0.0 if first <= frame < first + 3 else None for frame in range(len(made))]
    late, prompt = (
        call(made, delays_ms, OFFLINE),
        call(of_frames(made.frames[first - 1 :]), delays_ms[first - 1 :], OFFLINE),
    )
    pcm, without_silence = (decode_one(LibopusEngine(), each.job) for each in (late, prompt))
    is_silent = (pcm.reshape(-1, 320) == 0).all(axis=1).tolist()
    recovered = [recovery for recovery, _ in decisions(late)]
    assert [recovery == PLC for recovery in recovered[:first]] == is_silent[:first]
    assert recovered[first - 1] == (LBRR if encoder.startswith("silk") else PLC)
    assert DRED not in recovered
    assert np.array_equal(pcm[(first - 1) * 320 :], without_silence)


def test_a_red_copy_is_as_good_as_the_frame_and_its_lbrr_counts_too() -> None:
    simulation = call(encoding(5, lbrr=True), [0, None, None, 0, 0], OFFLINE, distances=(1,))
    # Frame 2 comes as a copy in packet 3, and its LBRR repairs frame 1.
    assert decisions(simulation)[1:3] == [(LBRR, 3), (RED, 3)]
    assert simulation.job.sources.tolist()[1:3] == [2, 2]
    assert simulation.job.payloads[2] == packets.frame(2, lbrr=True).payload


def test_red_carries_copies_at_the_distances_asked_and_counts_their_bytes() -> None:
    made = encoding(6)
    simulation = call(made, [0, None, None, 0, 0, 0], OFFLINE, distances=(3, 2))
    assert decisions(simulation)[1:3] == [(RED, 3), (RED, 4)]
    ip_udp_rtp, red_header = 40, 1 + 4 + 4
    size = len(made.frames[0].payload)
    assert simulation.timeline.size_bytes.tolist()[3:] == [ip_udp_rtp + red_header + 3 * size] * 3


def test_with_a_fixed_delay_what_comes_in_the_last_nanosecond_is_in_time_and_later_is_late() -> None:
    playout = FixedPlayout(policy="fixed", delay_ms=60)
    simulation = call(encoding(3), [60, 60.000001, 59.9], playout)
    assert [recovery for recovery, _ in decisions(simulation)] == [PRIMARY, PLC, PRIMARY]
    assert simulation.timeline.late.tolist() == [False, True, False]
    assert (simulation.timeline.played_ns - simulation.timeline.sent_ns == 60_000_000).all()


def test_a_repair_must_be_there_before_the_frame_must_play() -> None:
    made = encoding(8, dred_ms=1000)
    delays = [40.0, None, None, None, None, None, 40.0, 40.0]
    # Frame 6 arrives 40 ms after it was sent; frame n is due 60 ms after it was sent, 20 n ms earlier.
    simulation = call(made, delays, FixedPlayout(policy="fixed", delay_ms=60))
    assert [recovery for recovery, _ in decisions(simulation)] == [
        PRIMARY,
        *[PLC] * 4,
        DRED,
        PRIMARY,
        PRIMARY,
    ]
    simulation = call(made, delays, FixedPlayout(policy="fixed", delay_ms=140))
    assert [recovery for recovery, _ in decisions(simulation)] == [PRIMARY, *[DRED] * 5, PRIMARY, PRIMARY]


def test_offline_each_frame_is_played_when_it_first_could_be_in_order() -> None:
    simulation = call(encoding(4, dred_ms=500), [10, None, 30, 0], OFFLINE)
    played_ms = simulation.timeline.played_ns / 1e6
    assert played_ms.tolist() == [30, 90, 90, 90]


networks = st.lists(st.one_of(st.none(), st.floats(0, 400)), min_size=1, max_size=60)
repairs = st.tuples(
    st.booleans(), st.sampled_from([0, 20, 100, 1000]), st.sampled_from([(), (1,), (2, 1), (5,)])
)


@given(networks, repairs, st.one_of(st.none(), st.floats(0, 500)))
def test_invariants(delays_ms: list[float | None], repair: Any, delay_ms: float | None) -> None:
    lbrr, dred_ms, distances = repair
    playout = OFFLINE if delay_ms is None else FixedPlayout(policy="fixed", delay_ms=delay_ms)
    made = encoding(len(delays_ms), lbrr, dred_ms)
    simulation = call(made, delays_ms, playout, distances)
    timeline = simulation.timeline
    assert sum(timeline.count(recovery) for recovery in (PRIMARY, RED, LBRR, DRED, PLC)) == len(delays_ms)
    for frame, (recovery, source) in enumerate(decisions(simulation)):
        lost = delays_ms[frame] is None
        assert lost == (timeline.dropped_by[frame] == "fate") == (timeline.arrived_ns[frame] == NEVER)
        if recovery == RED:
            assert source - frame in distances
        if recovery == PRIMARY:
            assert source == frame
            assert NEVER < timeline.arrived_ns[frame] <= timeline.played_ns[frame]
        if recovery == LBRR:
            assert lbrr
            assert simulation.job.sources[frame] == frame + 1
        if recovery == DRED:
            assert {PRIMARY, RED} & set(timeline.recovered_by[:frame].tolist())
            assert frame < simulation.job.sources[frame] <= frame + dred_ms // 20 + 1
        if source != NEVER:
            needed = simulation.job.sources[frame]
            assert simulation.job.payloads[needed] == made.frames[needed].payload
            assert delays_ms[source] is not None
        if timeline.late[frame]:
            assert delay_ms is not None
            assert recovery != PRIMARY
    assert (np.diff(timeline.played_ns) >= 0).all()


@given(networks, repairs, st.floats(0, 300), st.floats(0, 300))
def test_waiting_longer_never_loses_a_frame(
    delays_ms: list[float | None], repair: Any, delay_ms: float, more_ms: float
) -> None:
    lbrr, dred_ms, distances = repair
    made = encoding(len(delays_ms), lbrr, dred_ms)
    waits = (delay_ms, delay_ms + more_ms, delay_ms + more_ms + 10_000)
    primaries = [
        call(
            made, delays_ms, FixedPlayout(policy="fixed", delay_ms=min(10_000, wait)), distances
        ).timeline.count(PRIMARY)
        for wait in waits
    ]
    offline = call(made, delays_ms, OFFLINE, distances).timeline.count(PRIMARY)
    assert primaries == sorted(primaries)
    assert primaries[-1] == offline == sum(delay is not None for delay in delays_ms)


@given(networks, repairs, st.floats(0, 300))
def test_a_buffer_is_a_delay_that_counts_from_the_fastest_packet(
    delays_ms: list[float | None], repair: Any, buffer_ms: float
) -> None:
    lbrr, dred_ms, distances = repair
    made = encoding(len(delays_ms), lbrr, dred_ms)
    arrived_ns = [round(delay * 1e6) for delay in delays_ms if delay is not None]
    delay_ms = (min(arrived_ns, default=0) + round(buffer_ms * 1e6)) / 1e6
    buffered = call(made, delays_ms, FixedPlayout(policy="fixed", buffer_ms=buffer_ms), distances)
    delayed = call(made, delays_ms, FixedPlayout(policy="fixed", delay_ms=delay_ms), distances)
    for name in ("arrived_ns", "played_ns", "recovered_by", "source_frame", "late"):
        assert np.array_equal(getattr(buffered.timeline, name), getattr(delayed.timeline, name)), name
    assert np.array_equal(buffered.job.actions, delayed.job.actions)


@given(networks, repairs)
def test_the_buffer_needed_is_the_smallest_that_repairs_the_same(
    delays_ms: list[float | None], repair: Any
) -> None:
    lbrr, dred_ms, distances = repair
    fates = [0.0, *delays_ms]  # a decoder that has decoded nothing takes no DRED
    made = encoding(len(fates), lbrr, dred_ms)
    offline = call(made, fates, OFFLINE, distances).timeline
    repaired = np.isin(offline.recovered_by, (RED, LBRR, DRED))
    needed_ms = offline.buffer_needed_ms(100)
    assert np.isnan(needed_ms) == (not repaired.any())
    if not repaired.any():
        return

    def repairs_the_same(buffer_ms: float) -> bool:
        timeline = call(made, fates, FixedPlayout(policy="fixed", buffer_ms=buffer_ms), distances).timeline
        return all(
            np.array_equal(getattr(timeline, name)[repaired], getattr(offline, name)[repaired])
            for name in ("recovered_by", "source_frame")
        )

    assert repairs_the_same(needed_ms)
    assert not repairs_the_same(needed_ms - 1e-6)
    assert offline.buffer_needed_ms(0) <= offline.buffer_needed_ms(95) <= needed_ms


def test_the_buffer_needed_by_hand() -> None:
    # Frame 1 is repaired by the packet of frame 3: sent 40 ms later, and 15 ms slower than the fastest.
    simulation = call(encoding(5, dred_ms=500), [30, None, None, 45, 35], OFFLINE)
    timeline = simulation.timeline
    assert timeline.smallest_delay_ms == 30
    assert timeline.buffer_needed_ms(0) == 35
    assert timeline.buffer_needed_ms(100) == 55
    assert np.isnan(call(encoding(3), [30, None, 30], OFFLINE).timeline.buffer_needed_ms(100))


def test_offline_a_concealed_frame_is_played_when_the_next_one_shows_that_it_is_missing() -> None:
    simulation = call(encoding(4), [10, None, 30, None], OFFLINE)
    assert decisions(simulation)[1] == (PLC, NEVER)
    assert (simulation.timeline.played_ns / 1e6).tolist() == [30, 90, 90, 90]


def test_a_doubled_packet_is_lost_only_if_neither_copy_arrives() -> None:
    stages = [Duplicate(rate=1), Bernoulli(model="bernoulli", rate=0.3)]
    rngs = [np.random.default_rng(seed) for seed in (1, 2)]
    simulation = simulate(encoding(300), CallSettings((), OFFLINE, 10), Realization(stages, rngs))
    timeline = simulation.timeline
    assert [cause != "" for cause in timeline.dropped_by] == (timeline.arrived_ns == NEVER).tolist()
    assert round(300 * simulation.packet_loss) == 300 - timeline.count(PRIMARY)
    assert 0 < simulation.packet_loss < 0.2
