"""A sender that omits pauses and a receiver that knows them from losses, against a plain model of both."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.call import CallSettings, Simulation, simulate
from testbed.channels.realization import Realization
from testbed.codecs.encoding import Encoding
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.recovery import Action, Recovery
from testbed.codecs.rtp import red
from testbed.codecs.rtp.packet import OPUS_PAYLOAD_TYPE, RtpPacket
from testbed.pauses import Arrival, pauses_between
from testbed.playout.fixed import FixedPlayout
from testbed.playout.offline import Offline
from testbed.timeline import NEVER

from . import packets
from .fates import Fates

PRIMARY, RED, LBRR, DRED, PLC, DTX = Recovery
DECODE, DECODE_LBRR, DECODE_DRED, CONCEAL, FILL_PAUSE = Action
MS = 1_000_000
OFFLINE = Offline(policy="offline")
VOICE, QUIET, CELT, UNSENT = "vqcs"
"""Frames: with voice, without voice, of a mode that does not say, and of a pause."""


def encoding(kinds: str, frame_ms: int = 20, lbrr: bool = False, dred_ms: int = 0) -> Encoding:
    frames = [
        packets.UNSENT
        if kind == UNSENT
        else packets.frame(number, mode="celt")
        if kind == CELT
        else packets.frame(number, frame_ms=frame_ms, voice=kind == VOICE, lbrr=lbrr, dred_ms=dred_ms)
        for number, kind in enumerate(kinds)
    ]
    return Encoding(EncoderSettings(24_000, frame_ms=frame_ms), frames, lookahead_samples=104, seconds=0.0)


def call(
    made: Encoding, delays_ms: list[float | None], playout: Any = OFFLINE, distances: tuple[int, ...] = ()
) -> Simulation:
    rngs = [np.random.default_rng(0)]
    settings = CallSettings(distances, playout, 10, omits_pauses=True)
    return simulate(made, settings, Realization([Fates(delays_ms)], rngs))


def lose(kinds: str, *frames: int) -> list[float | None]:
    """Return no delay for the packets of some frames, and an immediate arrival for all others."""
    sent = [frame for frame, kind in enumerate(kinds) if kind != UNSENT]
    return [None if frame in frames else 0.0 for frame in sent]


def recovered(simulation: Simulation) -> list[int]:
    return simulation.timeline.recovered_by.tolist()


@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
def test_sequence_numbers_count_packets_timestamps_count_time_and_pauses_end_with_a_marker(
    frame_ms: int,
) -> None:
    kinds = "vvsssvsv"
    simulation = call(encoding(kinds, frame_ms), [0.0] * 4)
    packets = [RtpPacket.parse(packet.payload) for packet in simulation.sent]
    assert [packet.sequence for packet in packets] == [0, 1, 2, 3]
    assert [packet.timestamp // (48 * frame_ms) for packet in packets] == [0, 1, 5, 7]
    assert [packet.marker for packet in packets] == [True, False, True, True]
    timeline = simulation.timeline
    sent_ms = [frame_ms * (frame + 1) if kind == VOICE else NEVER for frame, kind in enumerate(kinds)]
    assert [at if at == NEVER else at / MS for at in timeline.sent_ns.tolist()] == sent_ms
    assert (timeline.size_bytes > 0).tolist() == timeline.is_sent.tolist()


def test_red_copies_no_frame_that_was_not_sent() -> None:
    made = encoding("vvssvvv")
    simulation = call(made, [0.0] * 5, distances=(3, 1))
    carried = []
    for packet in simulation.sent:
        copies, _, _ = red.parse(RtpPacket.parse(packet.payload).payload)
        carried.append([(copy.timestamp_offset // 960, copy.data) for copy in copies])
        assert all(copy.payload_type == OPUS_PAYLOAD_TYPE for copy in copies)
    assert carried == [
        [],
        [(1, made.frames[0].payload)],
        [(3, made.frames[1].payload)],
        [(1, made.frames[4].payload)],
        [(1, made.frames[5].payload)],
    ]


def test_without_loss_a_missing_frame_is_a_pause_and_nothing_is_repaired_in_it() -> None:
    kinds = "vvqqsssqsssqvvsv"
    simulation = call(encoding(kinds, lbrr=True, dred_ms=1000), lose(kinds))
    assert recovered(simulation) == [DTX if kind == UNSENT else PRIMARY for kind in kinds]
    assert simulation.job.actions.tolist() == [FILL_PAUSE if kind == UNSENT else DECODE for kind in kinds]
    assert simulation.packet_loss == 0


def test_the_first_packet_after_a_pause_is_lost_the_next_one_has_no_marker() -> None:
    kinds = "vqsssvv"
    simulation = call(encoding(kinds, lbrr=True, dred_ms=500), lose(kinds, 5))
    assert simulation.job.actions.tolist() == [DECODE] * 2 + [FILL_PAUSE] * 3 + [DECODE_LBRR, DECODE]
    assert recovered(simulation) == [PRIMARY, PRIMARY, DTX, DTX, DTX, LBRR, PRIMARY]
    assert simulation.timeline.dropped_by == ("",) * 5 + ("fate", "")
    assert simulation.packet_loss == 1 / 4


def test_the_last_packets_before_a_pause_are_lost_the_next_one_has_a_marker() -> None:
    kinds = "vqqsssvv"
    simulation = call(encoding(kinds, lbrr=True, dred_ms=500), lose(kinds, 1, 2))
    actions = [DECODE] + [DECODE_DRED] * 2 + [FILL_PAUSE] * 3 + [DECODE] * 2
    assert simulation.job.actions.tolist() == actions
    assert recovered(simulation) == [PRIMARY, DRED, DRED, DTX, DTX, DTX, PRIMARY, PRIMARY]


def test_both_ends_of_a_pause_are_lost_and_the_packet_after_tells_of_one() -> None:
    kinds = "vqqsssvv"
    simulation = call(encoding(kinds, dred_ms=500), lose(kinds, 2, 6))
    # Two of five were sent. That they were not neighbours nobody can know.
    assert simulation.job.actions.tolist()[2:7] == [FILL_PAUSE] * 3 + [DECODE_DRED] * 2
    # What is counted is what was: a pause is a pause, and a lost frame was concealed with noise.
    assert recovered(simulation)[2:7] == [PLC, DTX, DTX, DTX, DRED]


@pytest.mark.parametrize(
    ("last", "missing"),
    [(VOICE, CONCEAL), (QUIET, FILL_PAUSE), (CELT, FILL_PAUSE)],
    ids=["voice", "quiet", "celt"],
)
@pytest.mark.parametrize("kind", [UNSENT, QUIET], ids=["pause", "loss"])
def test_until_the_next_packet_comes_the_voice_of_the_last_one_decides(
    last: str, missing: int, kind: str
) -> None:
    kinds = "v" + last + 10 * kind + "vv"
    delays_ms = lose(kinds, *range(2, 12))
    simulation = call(encoding(kinds), delays_ms, FixedPlayout(policy="fixed", delay_ms=60))
    # Frame 12 is at hand 60 ms before it is due, that is when frame 9 is.
    known = FILL_PAUSE if kind == UNSENT else CONCEAL
    assert simulation.job.actions.tolist()[2:12] == [missing] * 7 + [known] * 3
    assert recovered(simulation)[2:12] == [DTX if kind == UNSENT else PLC] * 10


def test_a_call_that_ends_in_a_pause_ends_in_noise() -> None:
    kinds = "vqsss"
    for playout in (OFFLINE, FixedPlayout(policy="fixed", delay_ms=60)):
        simulation = call(encoding(kinds), lose(kinds), playout)
        assert simulation.job.actions.tolist() == [DECODE, DECODE, FILL_PAUSE, FILL_PAUSE, FILL_PAUSE]
        assert (np.diff(simulation.timeline.played_ns) >= 0).all()


def test_before_the_first_packet_there_is_nothing_to_pause() -> None:
    kinds = "qqssqv"
    simulation = call(encoding(kinds), lose(kinds, 0, 1))
    assert simulation.job.actions.tolist() == [CONCEAL] * 4 + [DECODE] * 2


@pytest.mark.parametrize("sequence", [5, 0xFFFF, 0xFFFE])
def test_sequence_numbers_wrap(sequence: int) -> None:
    def between(lost: int, marker: bool) -> list[int]:
        after = Arrival(14, (sequence + 1 + lost) & 0xFFFF, marker)
        return list(pauses_between(Arrival(10, sequence, False), after, range(11, 14)))

    assert between(0, True) == between(0, False) == [11, 12, 13]
    assert between(1, True) == [12, 13]
    assert between(1, False) == [11, 12]
    assert between(3, True) == between(3, False) == []


def says_pause(made: str, fates: list[float | None], red_distances: Any, frame: int, now_ms: float) -> bool:
    """Say from all that is at hand whether a missing frame is taken for a pause: the plain model."""
    sent = [index for index, kind in enumerate(made) if kind != UNSENT]
    there = [
        index
        for index, fate in zip(sent, fates, strict=True)
        if fate is not None and 20 * (index + 1) + fate <= now_ms
    ]
    copied = {index - distance for index in there for distance in red_distances} & set(sent)
    before = [index for index in there if index < frame]
    after = [index for index in there if index > frame]
    if not before:
        return False
    if not after:
        return made[before[-1]] != VOICE
    gap = range(before[-1] + 1, after[0])
    lost = sum(index in gap and index not in copied for index in sent)
    missing = [index for index in gap if index not in copied]
    follows_pause = made[after[0] - 1] == UNSENT
    return frame in (missing[lost:] if follows_pause else missing[: len(missing) - lost])


@given(
    st.lists(
        st.tuples(
            st.sampled_from([VOICE, QUIET, CELT, UNSENT, UNSENT]),
            st.one_of(st.none(), st.floats(0, 200)),
        ),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([(), (1,), (2, 1)]),
    st.one_of(st.none(), st.integers(0, 300)),
)
def test_random_calls_are_played_as_a_plain_model_plays_them(
    drawn: list[tuple[str, float | None]], distances: tuple[int, ...], delay_ms: int | None
) -> None:
    kinds = VOICE + "".join(kind for kind, _ in drawn)
    fates = [0.0, *(fate for kind, fate in drawn if kind != UNSENT)]
    playout = OFFLINE if delay_ms is None else FixedPlayout(policy="fixed", delay_ms=delay_ms)
    simulation = call(encoding(kinds), fates, playout, distances)
    timeline, actions = simulation.timeline, simulation.job.actions.tolist()
    assert sum(timeline.count(way) for way in (PRIMARY, RED, LBRR, DRED, PLC, DTX)) == len(kinds)
    assert timeline.is_sent.tolist() == [kind != UNSENT for kind in kinds]
    assert len(simulation.sent) == int(timeline.is_sent.sum())
    for frame, kind in enumerate(kinds):
        assert (timeline.recovered_by[frame] == DTX) == (kind == UNSENT)
        now_ms = 1e9 if delay_ms is None else 20 * (frame + 1) + delay_ms
        if actions[frame] != DECODE:
            assert actions[frame] == (
                FILL_PAUSE if says_pause(kinds, fates, distances, frame, now_ms) else CONCEAL
            )
    if delay_ms is not None:  # the first packet is the fastest, and takes no time
        buffered = call(encoding(kinds), fates, FixedPlayout(policy="fixed", buffer_ms=delay_ms), distances)
        assert recovered(buffered) == recovered(simulation)
        assert buffered.job.actions.tolist() == actions
    lost = sum(fate is None for fate in fates)
    assert sum(cause != "" for cause in timeline.dropped_by) == lost
    assert simulation.packet_loss == lost / len(fates)
