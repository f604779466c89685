"""Decisions per tick; values of libwebrtc's decision_logic_unittest.cc, of today and of M106."""

from typing import Any

import pytest

from testbed.neteq.controller import NeteqController
from testbed.neteq.create import create_controller
from testbed.neteq.parameters import NeteqParameters
from testbed.neteq.presets import CONTROLLERS
from testbed.neteq.status import FrameArrival, LastMode, Operation, ReceiverStatus

PER_MS = 8
TARGET = 1234 * PER_MS
FADED = 0
START_MS = 60


def started(**parameters: Any) -> NeteqController:
    """A controller at `START_MS`, whose pause after the start is over."""
    made = create_controller(NeteqParameters(**parameters), PER_MS)
    assert made.decide(ReceiverStatus(LastMode.NORMAL, 0, 0), 0) == Operation.NORMAL
    return made


def with_delays(
    playout_ms: int, target_ms: int = 100, **parameters: Any
) -> tuple[NeteqController, ReceiverStatus]:
    """A controller with a target delay, and a status in which the sound is `playout_ms` late."""
    made = started(start_delay_ms=target_ms, **parameters)
    made.packet_arrived(FrameArrival(TARGET, 20 * PER_MS), START_MS)
    played = TARGET - playout_ms * PER_MS
    return made, at(LastMode.NORMAL, target_timestamp=played, next_timestamp=played)


def with_level(level_ms: int, target_ms: int = 100) -> tuple[NeteqController, ReceiverStatus]:
    """A controller that decides by the buffer level, whose smoothed level has settled."""
    made = started(start_delay_ms=target_ms, decide_by="buffer_level")
    status = at(LastMode.NORMAL, level_ms)
    for _ in range(2000):
        made.decide(status._replace(next_timestamp=None), 0)
    return made, status


def at(last: LastMode, buffered_ms: int = 100, **rest: Any) -> ReceiverStatus:
    values = {
        "target_timestamp": TARGET,
        "next_timestamp": TARGET,
        "mute_factor_q14": FADED,
        "span_samples": buffered_ms * PER_MS,
        "waiting_span_samples": buffered_ms * PER_MS,
    }
    return ReceiverStatus(last, **(values | rest))


@pytest.mark.parametrize(
    ("playout_ms", "operation"),
    [
        (100, Operation.NORMAL),
        (119, Operation.NORMAL),
        (120, Operation.ACCELERATE),
        (150, Operation.ACCELERATE),
        (480, Operation.FAST_ACCELERATE),
        (500, Operation.FAST_ACCELERATE),
        (99, Operation.PREEMPTIVE_EXPAND),
        (50, Operation.PREEMPTIVE_EXPAND),
    ],
)
def test_the_delay_of_the_sound_played_decides_on_stretching(playout_ms: int, operation: Operation) -> None:
    controller, status = with_delays(playout_ms)
    assert controller.decide(status, START_MS) == operation


@pytest.mark.parametrize(
    ("level_ms", "target_ms", "operation"),
    [
        (90, 100, Operation.NORMAL),
        (110, 100, Operation.ACCELERATE),
        (400, 100, Operation.FAST_ACCELERATE),
        (50, 100, Operation.PREEMPTIVE_EXPAND),
        (400, 500, Operation.PREEMPTIVE_EXPAND),
        (420, 500, Operation.NORMAL),
        (30, 40, Operation.NORMAL),
        (55, 40, Operation.ACCELERATE),
    ],
)
def test_in_m106_the_smoothed_level_decides_on_stretching(
    level_ms: int, target_ms: int, operation: Operation
) -> None:
    controller, status = with_level(level_ms, target_ms)
    assert controller.decide(status, START_MS) == operation


def test_the_slowest_recent_packet_raises_the_limit_of_acceleration() -> None:
    controller, status = with_delays(150)
    controller.packet_arrived(FrameArrival(TARGET + 20 * PER_MS, 20 * PER_MS), START_MS + 60)
    assert controller.decide(status, START_MS) == Operation.NORMAL, "150 < 100 + 40 + 20"


def test_between_two_stretches_are_50_ms() -> None:
    controller, status = with_delays(150)
    controller.decide(status._replace(last=LastMode.STRETCHED, removed_samples=80), START_MS + 10)
    steady = status._replace(last=LastMode.STRETCHED)
    decided = [controller.decide(steady, START_MS + 10 + ms) for ms in range(0, 60, 10)]
    assert decided == [Operation.NORMAL] * 5 + [Operation.ACCELERATE]


def test_after_the_start_of_a_stream_stretching_waits_for_60_ms() -> None:
    controller, status = with_delays(150)
    assert [controller.decide(status, now_ms) for now_ms in (50, 60)] == [
        Operation.NORMAL,
        Operation.ACCELERATE,
    ]


def test_a_stretch_that_found_no_period_starts_no_pause() -> None:
    controller, status = with_delays(150)
    status = status._replace(last=LastMode.NOT_STRETCHED)
    assert controller.decide(status, START_MS) == Operation.ACCELERATE


def test_far_too_much_delay_is_taken_back_without_a_pause() -> None:
    controller, status = with_delays(500)
    status = status._replace(last=LastMode.STRETCHED, removed_samples=80)
    assert controller.decide(status, START_MS) == Operation.FAST_ACCELERATE


@pytest.mark.parametrize("playout_ms", [50, 150, 500])
def test_nothing_is_stretched_where_it_is_not_allowed(playout_ms: int) -> None:
    controller, status = with_delays(playout_ms, allow_stretching=False)
    assert controller.decide(status, START_MS) == Operation.NORMAL
    controller, status = with_delays(playout_ms)
    assert controller.decide(status._replace(last=LastMode.EXPAND), START_MS) == Operation.NORMAL
    assert controller.decide(status._replace(next_is_dtx=True), START_MS) == Operation.NORMAL


@pytest.mark.parametrize("name", CONTROLLERS)
@pytest.mark.parametrize("last", [LastMode.EXPAND, LastMode.CODEC_PLC])
def test_after_long_concealment_half_of_the_target_delay_is_buffered_first(name: str, last: LastMode) -> None:
    parameters = CONTROLLERS[name].model_copy(update={"start_delay_ms": 500})
    controller = create_controller(parameters, PER_MS)
    controller.decide(at(LastMode.NORMAL), 0)
    assert controller.decide(at(last, 200), START_MS) == Operation.EXPAND
    assert controller.decide(at(last, 249), START_MS) == Operation.EXPAND
    for status in (at(last, 250), at(last, 200, holds_dtx=True), at(last, 200, mute_factor_q14=1 << 13)):
        assert controller.decide(status, START_MS) != Operation.EXPAND


def test_comfort_noise_goes_on_until_enough_is_buffered() -> None:
    controller = started(start_delay_ms=500)
    low = at(
        LastMode.COMFORT_NOISE, 200, concealed_samples=400 * PER_MS, next_timestamp=TARGET + 400 * PER_MS
    )
    assert controller.decide(low, START_MS) == Operation.COMFORT_NOISE
    high = at(
        LastMode.COMFORT_NOISE, 600, concealed_samples=200 * PER_MS, next_timestamp=TARGET + 400 * PER_MS
    )
    assert controller.decide(high, START_MS) == Operation.NORMAL


def test_in_m106_comfort_noise_ends_within_a_window_around_the_target_delay() -> None:
    controller = started(start_delay_ms=500, decide_by="buffer_level")
    later = TARGET + 400 * PER_MS
    enough = {"concealed_samples": 400 * PER_MS, "next_timestamp": later}
    assert controller.decide(at(LastMode.COMFORT_NOISE, 400, **enough), START_MS) == Operation.COMFORT_NOISE
    assert controller.decide(at(LastMode.COMFORT_NOISE, 450, **enough), START_MS) == Operation.NORMAL
    early = at(LastMode.COMFORT_NOISE, 600, concealed_samples=200 * PER_MS, next_timestamp=later)
    assert controller.decide(early, START_MS) == Operation.NORMAL
    before = controller.filtered_level_samples
    controller.decide(at(LastMode.NORMAL, 400), START_MS)
    assert controller.filtered_level_samples == max(0, before - 200 * PER_MS), (
        "what was skipped counts as removed"
    )


def test_comfort_noise_without_packets_ends_after_a_second() -> None:
    controller = started()
    status = at(LastMode.COMFORT_NOISE, 0, next_timestamp=None)
    early, late = (status._replace(concealed_samples=ms * PER_MS) for ms in (500, 1010))
    assert controller.decide(early, START_MS) == Operation.COMFORT_NOISE
    assert controller.decide(late, START_MS) == Operation.EXPAND
    endless = create_controller(CONTROLLERS["neteq_m106"], PER_MS)
    endless.decide(at(LastMode.NORMAL), 0)
    assert endless.decide(late, START_MS) == Operation.COMFORT_NOISE


@pytest.mark.parametrize("name", CONTROLLERS)
def test_without_a_packet_the_gap_is_concealed(name: str) -> None:
    controller = create_controller(CONTROLLERS[name], PER_MS)
    for last in (LastMode.NORMAL, LastMode.EXPAND, LastMode.CODEC_PLC, LastMode.MERGE, LastMode.STRETCHED):
        assert controller.decide(at(last, 0, next_timestamp=None), 0) == Operation.EXPAND


def test_a_gap_is_concealed_in_full_length() -> None:
    controller = started()
    gap = at(LastMode.EXPAND, 20, next_timestamp=TARGET + 20 * PER_MS, mute_factor_q14=1 << 14)
    assert controller.decide(gap._replace(last=LastMode.NORMAL), START_MS) == Operation.EXPAND
    assert controller.decide(gap._replace(concealed_samples=10 * PER_MS), START_MS) == Operation.EXPAND
    done = gap._replace(concealed_samples=20 * PER_MS)
    assert controller.decide(done, START_MS) == Operation.MERGE
    assert controller.decide(done._replace(last=LastMode.CODEC_PLC), START_MS) == Operation.NORMAL
    assert controller.decide(done._replace(last=LastMode.NORMAL), START_MS) == Operation.EXPAND
    assert controller.decide(done._replace(next_is_dtx=True), START_MS) == Operation.NORMAL


def test_a_gap_is_cut_short_when_the_buffer_exceeds_the_target_delay_by_50_ms() -> None:
    controller = started()
    gap = {"next_timestamp": TARGET + 100 * PER_MS, "concealed_samples": 10 * PER_MS}
    assert controller.decide(at(LastMode.EXPAND, 130, **gap), START_MS) == Operation.EXPAND
    assert controller.decide(at(LastMode.EXPAND, 131, **gap), START_MS) == Operation.MERGE


def test_in_m106_a_gap_is_cut_short_after_100_ms_and_by_a_full_buffer() -> None:
    gap = at(LastMode.EXPAND, 40, next_timestamp=TARGET + 300 * PER_MS, mute_factor_q14=1 << 14)
    controller = started(decide_by="buffer_level")
    decided = [controller.decide(gap, START_MS + 10 * tick) for tick in range(10)]
    assert decided == [Operation.EXPAND] * 9 + [Operation.MERGE]
    controller, status = with_level(120)
    assert controller.decide(gap._replace(span_samples=status.span_samples), START_MS) == Operation.MERGE


def test_in_m106_a_packet_is_played_at_once_after_a_second_of_concealment() -> None:
    controller = started(decide_by="buffer_level", start_delay_ms=500)
    concealed = at(LastMode.EXPAND, 0, next_timestamp=None)
    for tick in range(100):
        assert controller.decide(concealed, tick * 10) == Operation.EXPAND
    assert (
        controller.decide(at(LastMode.EXPAND, 20, next_timestamp=TARGET + 900 * PER_MS), 1000)
        == Operation.NORMAL
    )


@pytest.mark.parametrize("name", CONTROLLERS)
def test_the_first_packet_of_a_stream_is_played_at_once(name: str) -> None:
    controller = create_controller(CONTROLLERS[name], PER_MS)
    silent = at(LastMode.EXPAND, 0, next_timestamp=None)
    assert controller.decide(silent, 0) == Operation.EXPAND
    assert controller.packet_arrived(FrameArrival(TARGET, 160), 0) is None
    assert controller.decide(at(LastMode.EXPAND, 0), 10) == Operation.NORMAL
    assert controller.decide(at(LastMode.EXPAND, 0), 20) == Operation.EXPAND
    controller.restart()
    assert controller.decide(at(LastMode.EXPAND, 0), 30) == Operation.NORMAL


def test_delays_are_known_from_the_second_packet_on() -> None:
    controller = started()
    assert controller.packet_arrived(FrameArrival(0, 160), 0) is None
    assert controller.packet_arrived(FrameArrival(160, 160), 30) == 10
    assert controller.packet_arrived(FrameArrival(160, 160), 50) is None, "a duplicate"


def test_redundant_copies_count_today_and_not_in_m106() -> None:
    for name, expected_ms in (("neteq", 40), ("neteq_m106", None)):
        controller = create_controller(CONTROLLERS[name], PER_MS)
        controller.decide(at(LastMode.NORMAL), 0)
        controller.packet_arrived(FrameArrival(0, 160), 0)
        controller.packet_arrived(FrameArrival(320, 160), 60)
        assert controller.packet_arrived(FrameArrival(160, 160, is_redundant=True), 60) == expected_ms


def test_in_m106_the_target_delay_is_at_least_a_packet() -> None:
    controller = started(decide_by="buffer_level", start_delay_ms=20)
    assert controller.target_delay_ms == 20
    controller.packet_arrived(FrameArrival(0, 60 * PER_MS), 0)
    assert controller.target_delay_ms == 60


def test_signals_target_delay_is_at_most_500_ms_and_three_quarters_of_its_buffer() -> None:
    controller = create_controller(CONTROLLERS["signal"].model_copy(update={"start_delay_ms": 900}), PER_MS)
    assert controller.target_delay_ms == 500
    controller.decide(at(LastMode.NORMAL), 0)
    controller.packet_arrived(FrameArrival(0, 10 * PER_MS), 0)
    assert controller.target_delay_ms == 375
