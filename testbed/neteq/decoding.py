"""Amount of sound to decode for an operation; stretching needs 30 ms."""

from testbed.neteq.status import STRETCHES, TICK_MS, Operation


def plan_decoding(
    operation: Operation, left_samples: int, frame_samples: int, samples_per_ms: int
) -> tuple[Operation, int]:
    """Return the operation that the decoded sound allows, and how many more samples to decode for it.

    Packets are decoded as long as fewer samples were, and each follows on the one before. An acceleration for
    which that leaves less than 30 ms becomes normal: see `has_enough_to_accelerate`.

    Parameters
    ----------
    operation
        The controller's decision.
    left_samples
        Decoded sound that was not played yet.
    frame_samples
        Length of the frame decoded last.
    samples_per_ms
        Clock of the lengths.
    """
    tick = TICK_MS * samples_per_ms
    if operation in STRETCHES:
        return _plan_stretch(operation, left_samples, frame_samples, tick)
    if operation == Operation.MERGE:
        return operation, tick
    if left_samples >= tick:
        return Operation.NORMAL, 0
    return operation, tick if operation == Operation.NORMAL else 0


def has_enough_to_accelerate(available_samples: int, samples_per_ms: int) -> bool:
    """Return whether the decoded sound, that left before included, is enough to remove a period from."""
    return available_samples >= 3 * TICK_MS * samples_per_ms


def _plan_stretch(
    operation: Operation, left_samples: int, frame_samples: int, tick: int
) -> tuple[Operation, int]:
    if left_samples >= 3 * tick:
        return operation, 0
    slows = operation == Operation.PREEMPTIVE_EXPAND
    is_long = frame_samples >= 3 * tick
    if is_long and left_samples >= tick:
        return (operation if slows else Operation.NORMAL), 0
    if not is_long and left_samples < 2 * tick:
        return (operation if slows else Operation.NORMAL), 2 * tick
    return operation, tick
