"""Decisions by the delay of the sound that is played: NetEq today."""

from testbed.neteq.controller import CONCEALING, NeteqController
from testbed.neteq.status import LastMode, Operation, ReceiverStatus


class ByPlayoutDelay(NeteqController):
    """Compares the delay of what is played, behind the fastest recent packet, with the target delay."""

    def _observe(self, status: ReceiverStatus) -> None:
        if status.last not in (LastMode.COMFORT_NOISE, *CONCEALING):
            self._filter.update(status.span_samples, status.removed_samples, self.target_delay_ms)

    def _postpones(self, status: ReceiverStatus) -> bool:
        if status.waiting_span_samples >= self._postpone_samples() or status.holds_dtx:
            return False
        faded = status.last in CONCEALING and status.mute_factor_q14 < 1 << 13
        return faded or status.last == LastMode.COMFORT_NOISE

    def _delay_and_limits(self, status: ReceiverStatus, now_ms: int) -> tuple[int, int, int]:
        delay_ms = self._history.delay_ms(status.target_timestamp - status.left_samples, now_ms)
        low_ms = self.target_delay_ms
        margin_ms = self.parameters.high_limit_margin_ms
        return delay_ms, low_ms, low_ms + self._history.max_delay_ms() + margin_ms

    def _future_packet(self, status: ReceiverStatus, leap_samples: int) -> Operation:
        most_ms = self.target_delay_ms + self.parameters.target_window_ms // 2
        fits = status.waiting_span_samples // self._samples_per_ms <= most_ms
        if fits and leap_samples > status.concealed_samples:
            return self._without_packet(status)
        if leap_samples != status.concealed_samples:
            self._filter.set_level(status.waiting_span_samples)
        if status.last == LastMode.EXPAND:
            return Operation.MERGE
        if status.last in (LastMode.CODEC_PLC, LastMode.COMFORT_NOISE):
            return Operation.NORMAL
        return Operation.EXPAND
