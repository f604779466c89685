"""Delays of frames and concealments: by hand for a fixed buffer; none where there is no playout time."""

from typing import Any

import numpy as np
import pytest

from testbed.adaptive.played import EditKind, Played
from testbed.call import CallSettings, Simulation, simulate
from testbed.channels.realization import Realization
from testbed.codecs.encoding import Encoding
from testbed.codecs.opus.settings import EncoderSettings
from testbed.playout.adaptive import AdaptivePlayout
from testbed.playout.fixed import FixedPlayout
from testbed.playout.offline import Offline

from . import packets
from .fates import Fates


def call(
    delays_ms: list[float | None], playout: Any, distances: tuple[int, ...] = (), lbrr: bool = False
) -> Simulation:
    frames = [packets.frame(number, lbrr=lbrr) for number in range(len(delays_ms))]
    made = Encoding(EncoderSettings(bitrate_bps=24_000), frames, lookahead_samples=104, seconds=0.0)
    rngs = [np.random.default_rng(0)]
    return simulate(made, CallSettings(distances, playout, 10), Realization([Fates(delays_ms)], rngs))


def fixed(**waits: float) -> FixedPlayout:
    return FixedPlayout(policy="fixed", **waits)


def test_the_parts_of_a_delay_add_up_from_mouth_to_ear() -> None:
    delays = call([30, 50, 75, 40], fixed(delay_ms=80)).delays
    assert (delays.capture_ms, delays.lookahead_ms) == (20, 6.5)
    assert delays.network_ms.tolist() == [30, 50, 75, 40]
    assert delays.buffer_ms.tolist() == [50, 30, 5, 40]
    parts = delays.capture_ms + delays.lookahead_ms + delays.network_ms + delays.buffer_ms
    assert delays.mouth_to_ear_ms.tolist() == parts.tolist() == [106.5] * 4


def test_a_frame_of_a_later_packet_waits_in_the_buffer_as_long_as_the_packet() -> None:
    for repairs in ({"distances": (1,)}, {"lbrr": True}):
        delays = call([30, None, 35, 40], fixed(buffer_ms=60), **repairs).delays
        # frame 1 came with packet 2, 20 ms after its own would have been sent
        assert delays.buffer_ms.tolist() == [60, 35, 55, 50]
        assert np.isnan(delays.network_ms).tolist() == [False, True, False, False]


def test_a_concealed_frame_is_heard_but_waits_for_nothing() -> None:
    delays = call([30, None, 35, 200], fixed(delay_ms=100)).delays
    assert np.isnan(delays.buffer_ms).tolist() == [False, True, False, True]
    assert delays.network_ms[3] == 200, "it came too late"
    assert delays.mouth_to_ear_ms.tolist() == [126.5] * 4


def test_an_offline_receiver_has_no_time_of_playing() -> None:
    delays = call([30, 40], Offline(policy="offline")).delays
    assert delays.network_ms.tolist() == [30, 40]
    assert np.isnan([delays.buffer_ms, delays.mouth_to_ear_ms]).all()


@pytest.mark.parametrize(
    ("delays_ms", "lengths"),
    [([0, 0], []), ([None, 0], [1]), ([0, None, None, 0, None, 0, None], [2, 1, 1]), ([0, *[None] * 8], [8])],
)
def test_a_concealment_is_a_run_of_concealed_frames(delays_ms, lengths) -> None:
    assert call(delays_ms, fixed(delay_ms=40)).timeline.concealments.tolist() == lengths


def test_the_delay_of_an_adaptive_receiver_grows_by_what_it_inserts_and_falls_by_what_it_removes() -> None:
    rng = np.random.default_rng(5)
    made = call([float(delay) for delay in rng.gamma(2.0, 30.0, 400)], AdaptivePlayout(policy="adaptive"))
    delays_ms, played = made.delays.mouth_to_ear_ms, made.sound
    assert isinstance(played, Played)
    inserted = [(edit.media_sample / 16, edit.inserted / 16) for edit in played.edits]
    for frame in range(1, 400):
        change_ms = sum(size for at, size in inserted if 0 < at <= 20 * frame)
        assert delays_ms[frame] - delays_ms[0] == pytest.approx(change_ms, abs=1e-3), frame
    kinds = {kind: made.edited_ms(kind) for kind in EditKind}
    assert kinds[EditKind.INSERTED_PERIOD] > 0
    grown_ms = kinds[EditKind.INSERTED_PERIOD] + kinds[EditKind.INSERTED_TIME]
    shrunk_ms = kinds[EditKind.REMOVED_PERIOD] + kinds[EditKind.SKIPPED]
    assert sum(size for _, size in inserted) == pytest.approx(grown_ms - shrunk_ms)
