"""The congestion controller `aimd`: additive increase, multiplicative decrease on loss."""

from typing import ClassVar, Literal

from pydantic import Field

from testbed.congestion.controller import BoundedController, ControllerParameters
from testbed.congestion.feedback import Feedback


class Aimd(ControllerParameters):
    """Additive increase, and multiplicative decrease on each report of a loss.

    Attributes
    ----------
    increase_kbps
        Increase of the target rate per report without loss.
    decrease
        Factor of the target rate that remains after a report of a loss.
    """

    needs_arrivals: ClassVar[bool] = True

    controller: Literal["aimd"] = "aimd"
    increase_kbps: float = Field(1.0, gt=0, le=1000)
    decrease: float = Field(0.8, gt=0, lt=1)

    def build(self) -> "AimdController":
        """Return a fresh controller."""
        return AimdController(self)


class AimdController(BoundedController):
    """State of one sender's additive increase, multiplicative decrease."""

    def __init__(self, parameters: Aimd) -> None:
        super().__init__(parameters)
        self._parameters = parameters

    def update(self, feedback: Feedback) -> float:
        """Return the target that a report leads to."""
        target_kbps = self.target_kbps(feedback.now_ns)
        if any(packet.lost for packet in feedback.packets):
            return target_kbps * self._parameters.decrease
        return target_kbps + self._parameters.increase_kbps
