"""Decision of what to play in each tick: the part that both ways to decide have in common."""

from abc import ABC, abstractmethod

from testbed.neteq.arrival_history import ArrivalHistory
from testbed.neteq.buffer_level_filter import BufferLevelFilter
from testbed.neteq.delay_constraints import DelayConstraints
from testbed.neteq.delay_manager import DelayManager
from testbed.neteq.parameters import NeteqParameters
from testbed.neteq.status import STRETCHES, TICK_MS, FrameArrival, LastMode, Operation, ReceiverStatus

CONCEALING = (LastMode.EXPAND, LastMode.CODEC_PLC)


class NeteqController(ABC):
    """Decides once per tick of 10 ms what is played.

    Times are those of the last tick: an arrival between two ticks has the time of the earlier one.

    Parameters
    ----------
    parameters
        Its constants.
    samples_per_ms
        Clock of all media times and lengths.
    """

    def __init__(self, parameters: NeteqParameters, samples_per_ms: int) -> None:
        self.parameters = parameters
        self._samples_per_ms = samples_per_ms
        self._delay_manager = DelayManager(parameters)
        self._constraints = DelayConstraints(parameters)
        self._history = ArrivalHistory(parameters.history_ms, samples_per_ms)
        self._filter = BufferLevelFilter()
        self._may_stretch_ms = 0
        self._packet_samples = 0
        self._is_new_stream = True

    @property
    def target_delay_ms(self) -> int:
        """The target delay within its bounds."""
        return self._constraints.clamp(self._delay_manager.target_delay_ms)

    @property
    def filtered_level_samples(self) -> int:
        """The smoothed level of the packet buffer."""
        return self._filter.level_samples

    def delay_ms(self, timestamp: int, now_ms: int) -> int:
        """Return the delay behind the fastest recent packet of a media time that is played now."""
        return self._history.delay_ms(timestamp, now_ms)

    def restart(self) -> None:
        """Begin a new stream with the next packet: after a change of SSRC, or an overflow of the buffer."""
        self._is_new_stream = True

    def packet_arrived(self, arrival: FrameArrival, now_ms: int) -> int | None:
        """Take the arrival of a frame that the buffer accepted; return its delay, if it counts.

        What arrives before the first decision of a stream with a packet does not count.
        """
        if self._is_new_stream or (arrival.is_redundant and not self.parameters.count_redundancy):
            return None
        if arrival.samples != self._packet_samples:
            self._packet_samples = arrival.samples
            self._constraints.packet_ms = arrival.samples // self._samples_per_ms
        if not self._history.insert(arrival.timestamp, arrival.samples, now_ms) or len(self._history) < 2:
            return None
        delay_ms = self._history.delay_ms(arrival.timestamp, now_ms)
        self._delay_manager.update(delay_ms, not self._history.is_newest(arrival.timestamp), now_ms)
        return delay_ms

    def decide(self, status: ReceiverStatus, now_ms: int) -> Operation:
        """Return what to play in the tick at `now_ms`; the first packet of a stream is played at once."""
        if status.removed_samples:
            self._may_stretch_ms = now_ms + self.parameters.stretch_pause_ms
        self._observe(status)
        if self._is_new_stream:
            if status.next_timestamp is None:
                return self._without_packet(status)
            self._start_stream(now_ms)
            return Operation.NORMAL
        if status.next_timestamp is None or self._postpones(status):
            return self._without_packet(status)
        if status.next_timestamp == status.target_timestamp:
            operation = self._expected_packet(status, now_ms)
        else:
            operation = self._future_packet(status, status.next_timestamp - status.target_timestamp)
        if status.next_is_dtx and operation in (*STRETCHES, Operation.MERGE):
            return Operation.NORMAL
        return operation

    @abstractmethod
    def _observe(self, status: ReceiverStatus) -> None:
        """Follow the level of the buffer."""

    @abstractmethod
    def _postpones(self, status: ReceiverStatus) -> bool:
        """Return whether the packet that is there is not decoded yet, so that the buffer fills."""

    @abstractmethod
    def _delay_and_limits(self, status: ReceiverStatus, now_ms: int) -> tuple[int, int, int]:
        """Return what is compared, the limit below which sound is slowed, and that of acceleration."""

    @abstractmethod
    def _future_packet(self, status: ReceiverStatus, leap_samples: int) -> Operation:
        """Decide on a packet that comes after a gap of `leap_samples`."""

    def _expected_packet(self, status: ReceiverStatus, now_ms: int) -> Operation:
        if not self.parameters.allow_stretching or status.last == LastMode.EXPAND:
            return Operation.NORMAL
        delay, low, high = self._delay_and_limits(status, now_ms)
        if delay >= high * self.parameters.fast_accelerate_multiple:
            return Operation.FAST_ACCELERATE
        if now_ms >= self._may_stretch_ms:
            if delay >= high:
                return Operation.ACCELERATE
            if delay < low:
                return Operation.PREEMPTIVE_EXPAND
        return Operation.NORMAL

    def _without_packet(self, status: ReceiverStatus) -> Operation:
        timeout_ms = self.parameters.cng_timeout_ms
        if status.last != LastMode.COMFORT_NOISE or (
            timeout_ms is not None and status.concealed_samples > timeout_ms * self._samples_per_ms
        ):
            return Operation.EXPAND
        return Operation.COMFORT_NOISE

    def _start_stream(self, now_ms: int) -> None:
        self._is_new_stream = False
        self._packet_samples = 0
        self._may_stretch_ms = now_ms + self.parameters.stretch_pause_ms + TICK_MS
        self._delay_manager.reset()
        self._filter.reset()
        self._history.reset()

    def _postpone_samples(self) -> int:
        return self.target_delay_ms * self._samples_per_ms * self.parameters.postpone_percent // 100
