"""Amount of sound decoded for an operation: stretching works on 30 ms."""

import pytest

from testbed.neteq.decoding import has_enough_to_accelerate, plan_decoding
from testbed.neteq.status import STRETCHES, Operation

PER_MS = 16

NORMAL, EXPAND, ACCELERATE, SLOW = (
    Operation.NORMAL,
    Operation.EXPAND,
    Operation.ACCELERATE,
    Operation.PREEMPTIVE_EXPAND,
)


def plan(operation: Operation, left_ms: float, frame_ms: int = 20) -> tuple[Operation, float]:
    planned, samples = plan_decoding(operation, int(left_ms * PER_MS), frame_ms * PER_MS, PER_MS)
    return planned, samples / PER_MS


@pytest.mark.parametrize("operation", [NORMAL, EXPAND, Operation.COMFORT_NOISE])
def test_sound_that_is_left_is_played_first(operation: Operation) -> None:
    assert plan(operation, 10) == (NORMAL, 0)
    assert plan(operation, 9)[0] == operation


def test_normal_operation_decodes_a_tick_and_concealment_nothing() -> None:
    assert plan(NORMAL, 0) == (NORMAL, 10)
    assert plan(EXPAND, 0) == (EXPAND, 0)
    assert plan(Operation.COMFORT_NOISE, 0) == (Operation.COMFORT_NOISE, 0)


def test_a_merge_decodes_a_tick_even_if_sound_is_left() -> None:
    assert plan(Operation.MERGE, 20) == (Operation.MERGE, 10)


@pytest.mark.parametrize("operation", STRETCHES)
@pytest.mark.parametrize("frame_ms", [10, 20, 60])
def test_a_stretch_decodes_nothing_if_30_ms_are_left(operation: Operation, frame_ms: int) -> None:
    assert plan(operation, 30, frame_ms) == (operation, 0)


@pytest.mark.parametrize(
    ("left_ms", "frame_ms", "accelerate", "slow"),
    [
        (0, 20, (NORMAL, 20), (SLOW, 20)),
        (10, 20, (NORMAL, 20), (SLOW, 20)),
        (20, 20, (ACCELERATE, 10), (SLOW, 10)),
        (0, 60, (ACCELERATE, 10), (SLOW, 10)),
        (10, 60, (NORMAL, 0), (SLOW, 0)),
        (29, 60, (NORMAL, 0), (SLOW, 0)),
    ],
)
def test_acceleration_waits_until_one_packet_suffices(
    left_ms: int, frame_ms: int, accelerate: tuple[Operation, int], slow: tuple[Operation, int]
) -> None:
    assert plan(ACCELERATE, left_ms, frame_ms) == accelerate
    assert plan(SLOW, left_ms, frame_ms) == slow


def test_acceleration_needs_30_ms() -> None:
    assert has_enough_to_accelerate(480, PER_MS)
    assert not has_enough_to_accelerate(479, PER_MS)
