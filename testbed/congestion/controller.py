"""Interface of a congestion controller, and the base of all: bounds, and a timeout without feedback."""

from typing import Any, ClassVar, Protocol

from pydantic import Field, model_validator

from testbed.congestion.feedback import Feedback
from testbed.parameters import Parameters

SILENCE_FACTOR = 0.5


class Controller(Protocol):
    """Feedback in, target rate out: a plain state machine whose time is a parameter.

    A target is in kb/s on the wire: payload, RTP with its extensions, UDP and IPv4.
    """

    def on_feedback(self, feedback: Feedback) -> float:
        """Take a report and return the new target."""

    def target_kbps(self, now_ns: int) -> float:
        """Return the target in force at `now_ns`; called before each packet."""


class ControllerParameters(Parameters):
    """Parameters of every controller. Rates are in kb/s on the wire, all headers included.

    The class attribute `needs_arrivals` says whether the controller needs reports of single packets
    (`Reporting.arrivals_known`).

    Attributes
    ----------
    controller
        Name of the controller.
    min_kbps
        Lowest target rate.
    start_kbps
        Target rate before any feedback.
    max_kbps
        Highest target rate.
    feedback_timeout_ms
        Time without feedback after which the target is halved, and halved again each time it passes, down to
        `min_kbps`. The target resumes from there. (The drafts give no limit; RFC 8083 would end the call.)
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = ({},)
    needs_arrivals: ClassVar[bool] = True

    controller: str
    min_kbps: float = Field(24.0, gt=0, le=1e6)
    start_kbps: float = Field(48.0, gt=0, le=1e6)
    max_kbps: float = Field(160.0, gt=0, le=1e6)
    feedback_timeout_ms: float = Field(1000.0, ge=100, le=1e6)

    @model_validator(mode="after")
    def _ordered(self) -> "ControllerParameters":
        if not self.min_kbps <= self.start_kbps <= self.max_kbps:
            raise ValueError(
                f"rates must be in order: min_kbps {self.min_kbps:g}, start_kbps {self.start_kbps:g}, "
                f"max_kbps {self.max_kbps:g}"
            )
        return self

    def build(self) -> Controller:
        """Return a fresh controller."""
        raise NotImplementedError


class BoundedController:
    """Base of the controllers: keeps the target within bounds, and lowers it while no feedback arrives.

    Parameters
    ----------
    parameters
        Bounds and timeout.
    """

    def __init__(self, parameters: ControllerParameters) -> None:
        self._bounds = parameters
        self._target_kbps = parameters.start_kbps
        self._timeout_ns = round(1e6 * parameters.feedback_timeout_ms)
        self._heard_ns: int | None = None

    def on_feedback(self, feedback: Feedback) -> float:
        """Take a report and return the new target."""
        resumed_from = self.target_kbps(feedback.now_ns)
        if resumed_from < self._target_kbps:
            self._target_kbps = resumed_from
            self.resume(resumed_from)
        self._heard_ns = max(self._heard_ns or 0, feedback.now_ns)
        self._target_kbps = self._bounded(self.update(feedback))
        return self._target_kbps

    def target_kbps(self, now_ns: int) -> float:
        """Return the target in force, lowered for each timeout that passed since the last feedback.

        Before any feedback the timeout runs from the first call, the beginning of the flow.
        """
        if self._heard_ns is None:
            self._heard_ns = now_ns
        silent = max(0, now_ns - self._heard_ns) // self._timeout_ns
        return self._bounded(self._target_kbps * SILENCE_FACTOR ** min(silent, 64))

    def update(self, feedback: Feedback) -> float:
        """Return the target after a report, in kb/s, before the bounds are applied."""
        raise NotImplementedError

    def resume(self, target_kbps: float) -> None:
        """Continue from the target after timeouts; the state before them is void."""

    def _bounded(self, kbps: float) -> float:
        return min(self._bounds.max_kbps, max(self._bounds.min_kbps, kbps))
