"""The target delay and its bounds; values of libwebrtc's delay_manager_ and delay_constraints_unittest.cc."""

from typing import Any

import pytest
from pydantic import ValidationError

from testbed.neteq.buffer_level_filter import BufferLevelFilter
from testbed.neteq.delay_constraints import DelayConstraints
from testbed.neteq.delay_manager import DelayManager
from testbed.neteq.parameters import NeteqParameters

FRAME_MS = 20


def constraints(packet_ms: int = 0, **bounds: Any) -> DelayConstraints:
    made = DelayConstraints(NeteqParameters(**bounds))
    made.packet_ms = packet_ms
    return made


def test_the_target_delay_is_80_ms_until_the_first_estimate() -> None:
    manager = DelayManager(NeteqParameters())
    assert manager.target_delay_ms == 80
    manager.update(0, False, 0)
    assert manager.target_delay_ms == 80


def test_without_jitter_the_target_delay_falls_to_20_ms() -> None:
    manager = DelayManager(NeteqParameters())
    for count in range(50):
        manager.update(0, False, count * FRAME_MS)
    assert manager.target_delay_ms == 20


def test_reordered_packets_count_by_cost_alone() -> None:
    manager = DelayManager(NeteqParameters())
    for count in range(200):
        manager.update(0, False, count * FRAME_MS)
        manager.update(60, True, count * FRAME_MS)
    assert manager.target_delay_ms == 80
    without = DelayManager(NeteqParameters(use_reorder_optimizer=False))
    for count in range(200):
        without.update(0, False, count * FRAME_MS)
        without.update(60, True, count * FRAME_MS)
    assert without.target_delay_ms == 80, "then as any other delay"


def test_reset_returns_to_the_start_delay() -> None:
    manager = DelayManager(NeteqParameters(start_delay_ms=60))
    for count in range(50):
        manager.update(0, False, count * FRAME_MS)
    manager.reset()
    assert manager.target_delay_ms == 60


def test_without_bounds_a_delay_stays() -> None:
    assert [constraints().clamp(delay_ms) for delay_ms in (0, 100)] == [0, 100]


@pytest.mark.parametrize(
    ("bounds", "delay_ms", "clamped_ms"),
    [
        ({"max_delay_ms": 60}, 100, 60),
        ({"min_delay_ms": 140}, 20, 140),
        ({"min_delay_ms": 20, "max_delay_ms": 400}, 10, 20),
        ({"min_delay_ms": 4001, "packet_ms": FRAME_MS}, 20, 3000),
        ({"most_packets": 50, "max_delay_ms": 500, "packet_ms": FRAME_MS}, 900, 500),
        ({"most_packets": 50, "packet_ms": 10}, 900, 375),
    ],
)
def test_a_delay_is_clamped_to_its_bounds(bounds: dict[str, int], delay_ms: int, clamped_ms: int) -> None:
    assert constraints(**bounds).clamp(delay_ms) == clamped_ms


@pytest.mark.parametrize("min_delay_ms", [-1, 10_001])
def test_a_least_delay_beyond_ten_seconds_is_refused(min_delay_ms: int) -> None:
    with pytest.raises(ValidationError):
        NeteqParameters(min_delay_ms=min_delay_ms)


def test_slowing_down_in_every_tick_is_refused_since_it_would_never_end() -> None:
    with pytest.raises(ValidationError, match="stretch_pause_ms"):
        NeteqParameters(stretch_pause_ms=0)


def test_a_least_delay_above_the_largest_is_refused() -> None:
    with pytest.raises(ValidationError, match="min_delay_ms"):
        NeteqParameters(min_delay_ms=80, max_delay_ms=60)


@pytest.mark.parametrize(("target_delay_ms", "level"), [(20, 18), (60, 15), (140, 11), (160, 8)])
def test_the_level_is_smoothed_the_more_the_longer_the_target_delay(target_delay_ms: int, level: int) -> None:
    smoothed = BufferLevelFilter()
    assert smoothed.level_samples == 0
    for _ in range(10):
        smoothed.update(100, 0, target_delay_ms)
    assert smoothed.level_samples == level


@pytest.mark.parametrize("times", [10, 30, 50])
@pytest.mark.parametrize("value", [100, 150, 200])
def test_the_level_closes_its_distance_exponentially(times: int, value: int) -> None:
    smoothed = BufferLevelFilter()
    for _ in range(times):
        smoothed.update(value, 0, 20)
    assert smoothed.level_samples == pytest.approx((1 - (251 / 256) ** times) * value, abs=1)


def test_stretched_samples_move_the_level_at_once() -> None:
    smoothed = BufferLevelFilter()
    smoothed.set_level(18)
    smoothed.update(18, 3, 20)
    assert smoothed.level_samples == 15
    smoothed.update(15, -3, 20)
    assert smoothed.level_samples == 18
    smoothed.update(18, 1000, 20)
    assert smoothed.level_samples == 0
