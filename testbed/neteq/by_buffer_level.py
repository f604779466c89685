"""Decisions by the smoothed level of the packet buffer: NetEq of 2022."""

from testbed.neteq.controller import CONCEALING, NeteqController
from testbed.neteq.status import TICK_MS, LastMode, Operation, ReceiverStatus


class ByBufferLevel(NeteqController):
    """Compares the smoothed level of the packet buffer with the target delay, as libwebrtc M106 does."""

    _concealed_ticks = 0
    _skipped_noise_samples = 0

    @property
    def target_delay_ms(self) -> int:
        """The target delay within its bounds, and at least a packet."""
        return max(super().target_delay_ms, self._packet_samples // self._samples_per_ms)

    def _observe(self, status: ReceiverStatus) -> None:
        self._concealed_ticks = self._concealed_ticks + 1 if status.last in CONCEALING else 0
        faded = (
            status.last == LastMode.EXPAND and not status.mute_factor_q14 and status.next_timestamp is None
        )
        if status.last != LastMode.COMFORT_NOISE and not faded:
            removed = status.removed_samples + self._skipped_noise_samples
            self._filter.update(status.span_samples, removed, self.target_delay_ms)
            self._skipped_noise_samples = 0

    def _postpones(self, status: ReceiverStatus) -> bool:
        return (
            status.last in CONCEALING
            and not self._reinits()
            and status.mute_factor_q14 < 1 << 13
            and status.span_samples < self._postpone_samples()
            and not status.holds_dtx
        )

    def _delay_and_limits(self, status: ReceiverStatus, now_ms: int) -> tuple[int, int, int]:
        per_ms = self._samples_per_ms
        target = self.target_delay_ms * per_ms
        low = max(target * 3 // 4, target - self.parameters.deceleration_offset_ms * per_ms)
        high = max(target, low + self.parameters.high_limit_margin_ms * per_ms)
        return self.filtered_level_samples, low, high

    def _future_packet(self, status: ReceiverStatus, leap_samples: int) -> Operation:
        if self._reinits():
            return Operation.NORMAL
        if status.last in CONCEALING and self._waits(leap_samples):
            return Operation.EXPAND
        if status.last == LastMode.COMFORT_NOISE:
            return self._after_noise(status, leap_samples)
        if status.last == LastMode.CODEC_PLC:
            return Operation.NORMAL
        return Operation.MERGE if status.last == LastMode.EXPAND else Operation.EXPAND

    def _reinits(self) -> bool:
        return self._concealed_ticks * TICK_MS > self.parameters.reinit_after_ms

    def _waits(self, leap_samples: int) -> bool:
        concealed_ms = self._concealed_ticks * TICK_MS
        return (
            leap_samples < self.parameters.reinit_after_ms * self._samples_per_ms
            and concealed_ms < self.parameters.packet_wait_ms
            and leap_samples > concealed_ms * self._samples_per_ms
            and self.filtered_level_samples < self.target_delay_ms * self._samples_per_ms
        )

    def _after_noise(self, status: ReceiverStatus, leap_samples: int) -> Operation:
        """Keep the delay from before the pause, within the window around the target delay."""
        half_ms = self.parameters.target_window_ms // 2
        span_ms = status.span_samples // self._samples_per_ms
        is_full = span_ms > self.target_delay_ms + half_ms
        is_low = span_ms < max(0, self.target_delay_ms - half_ms)
        if is_full or (status.concealed_samples >= leap_samples and not is_low):
            self._skipped_noise_samples = leap_samples - status.concealed_samples
            return Operation.NORMAL
        return Operation.COMFORT_NOISE
