"""No congestion control: a constant target rate, independent of feedback."""

from typing import ClassVar, Literal

from testbed.congestion.controller import ControllerParameters
from testbed.congestion.feedback import Feedback


class NoControl(ControllerParameters):
    """A constant target of `start_kbps`."""

    needs_arrivals: ClassVar[bool] = False
    controller: Literal["none"] = "none"

    def build(self) -> "Constant":
        return Constant(self.start_kbps)


class Constant:
    """A constant target."""

    def __init__(self, kbps: float) -> None:
        self._kbps = kbps

    def on_feedback(self, feedback: Feedback) -> float:
        return self._kbps

    def target_kbps(self, now_ns: int) -> float:
        return self._kbps
