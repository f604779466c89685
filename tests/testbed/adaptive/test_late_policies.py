"""Late policies: the fate of sound that arrives while its time is being concealed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from testbed.adaptive.played import EditKind, Played
from testbed.codecs.encoded_frame import EncodedFrame
from testbed.codecs.encoding import encode
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.recovery import Recovery
from testbed.playout.adaptive import AdaptivePlayout
from tests.testbed.receiver import packets

from .calls import inserted_ms, play, sent

PRIMARY, RED, LBRR, DRED, PLC, DTX = (int(each) for each in Recovery)
COUNT = 150
LATE, FRAME_MS = 60, 40
FRAMES = [packets.frame(number, frame_ms=FRAME_MS) for number in range(COUNT)]
# Short delays, so that what is late is late by much; 50 frames are enough for the target delay to settle.
STEADY: dict[str, Any] = {"start_delay_ms": 0, "preset": "signal", "allow_stretching": False}
LATE_POLICIES = ["drop", "splice", "stall", {"wait": {"most_ms": 200}}]


def late_by(delay_ms: float, late: Any, frames: Sequence[EncodedFrame] = FRAMES, **given: Any) -> Played:
    """Play a call of which a frame, and those behind it in order, arrive late."""
    late_ms = {LATE + n: delay_ms - FRAME_MS * n for n in range(int(delay_ms // FRAME_MS) + 1)}
    late_ms = {number: by for number, by in late_ms.items() if by > 0}
    return play(
        sent(frames, late_ms=late_ms, frame_ms=FRAME_MS), COUNT, FRAME_MS, late=late, **{**STEADY, **given}
    )


def delays_ms(played: Played) -> Any:
    """Return by frame the delay from its being sent until it is played."""
    return played.played_ns / 1e6 - FRAME_MS * np.arange(1, COUNT + 1)


@pytest.mark.parametrize("late", LATE_POLICIES, ids=str)
def test_what_is_in_time_is_played_by_all_policies_alike(late: Any) -> None:
    played = play(sent(FRAMES, frame_ms=FRAME_MS), COUNT, FRAME_MS, late=late, **STEADY)
    assert played.recovered_by.tolist() == [PRIMARY] * COUNT
    assert not played.edits


@pytest.mark.parametrize("concealer", ["codec", "neteq"])
def test_stall_plays_all_in_full_and_the_delay_grows_by_the_concealed_time(concealer: str) -> None:
    played = late_by(100, "stall", concealer=concealer)
    assert played.recovered_by.tolist() == [PRIMARY] * COUNT
    stalled_ms = inserted_ms(played, EditKind.INSERTED_TIME)
    assert 90 <= stalled_ms <= 115
    assert np.allclose(delays_ms(played)[LATE:], delays_ms(played)[0] + stalled_ms)


@pytest.mark.parametrize("concealer", ["codec", "neteq"])
def test_drop_loses_what_is_late_and_the_delay_stays(concealer: str) -> None:
    played = late_by(100, "drop", concealer=concealer)
    lost = [number for number, source in enumerate(played.recovered_by) if source == PLC]
    assert lost == [LATE, LATE + 1, LATE + 2]
    assert inserted_ms(played, EditKind.INSERTED_TIME) == 0
    assert np.allclose(delays_ms(played), delays_ms(played)[0])


@pytest.mark.parametrize("concealer", ["codec", "neteq"])
def test_splice_plays_what_is_not_yet_concealed_and_the_delay_stays(concealer: str) -> None:
    played = late_by(90, "splice", concealer=concealer)
    # Of the third frame, which arrives 10 ms late, 30 ms are played.
    assert played.recovered_by.tolist()[LATE : LATE + 3] == [PLC, PLC, PRIMARY]
    assert inserted_ms(played, EditKind.INSERTED_TIME) == 0
    assert np.allclose(delays_ms(played), delays_ms(played)[0])
    concealed_ms = sum(each.samples for each in played.concealments) / 16
    assert concealed_ms == pytest.approx(90, abs=0.1 if concealer == "codec" else 2)


def test_a_wait_gives_a_copy_the_time_to_come() -> None:
    frames = [packets.frame(number) for number in range(COUNT)]
    arrivals = sent(frames, lost=[LATE], copies=[3])
    stall, wait = (
        play(arrivals, COUNT, late=late, **STEADY) for late in ("stall", {"wait": {"most_ms": 100}})
    )
    assert stall.recovered_by[LATE] == PLC
    assert inserted_ms(stall, EditKind.INSERTED_TIME) == 0
    assert wait.recovered_by[LATE] == RED
    assert inserted_ms(wait, EditKind.INSERTED_TIME) == pytest.approx(60, abs=10)


def test_a_wait_in_vain_ends_at_its_bound() -> None:
    frames = [packets.frame(number) for number in range(COUNT)]
    played = play(sent(frames, lost=[LATE]), COUNT, late={"wait": {"most_ms": 100}}, **STEADY)
    assert played.recovered_by[LATE] == PLC
    target_ms = played.levels.target_ms[-1]
    assert 60 <= inserted_ms(played, EditKind.INSERTED_TIME) <= 100 + target_ms


def test_acceleration_takes_back_what_a_stall_added() -> None:
    tone = (8000 * np.sin(2 * np.pi * 200 / 16_000 * np.arange(COUNT * FRAME_MS * 16))).astype(np.int16)
    voiced = encode(tone, EncoderSettings(24_000, complexity=0, frame_ms=FRAME_MS)).frames[:COUNT]
    played = late_by(100, "stall", voiced, allow_stretching=True, max_delay_ms=20)
    assert delays_ms(played)[-1] <= delays_ms(played)[LATE + 1] - 40
    assert inserted_ms(played, EditKind.REMOVED_PERIOD) >= 40


@pytest.mark.parametrize("late", ["drop", "splice"])
def test_no_policy_is_deaf_after_the_network_has_become_slower(late: str) -> None:
    slower = dict.fromkeys(range(30, 150), 200.0)
    frames = [packets.frame(number) for number in range(150)]
    played = play(sent(frames, late_ms=slower), 150, late=late, preset="signal")
    assert played.recovered_by.tolist()[-30:] == [PRIMARY] * 30


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("late", LATE_POLICIES)
def test_a_policy_is_the_same_in_plain_data(late: Any) -> None:
    playout = AdaptivePlayout.model_validate({"policy": "adaptive", "late": late})
    assert playout.model_dump(mode="json")["late"] == late
