"""The scenario of a flow study, as immutable objects."""

from collections.abc import Iterator
from itertools import pairwise

from pydantic import Field

from testbed.channels import StageSpec
from testbed.channels.cross_traffic.model import FLOW_PREFIX
from testbed.channels.stage import StageParameters
from testbed.congestion import ControllerSpec
from testbed.congestion.reporting import Reporting
from testbed.parameters import Parameters
from testbed.scenario.base import BaseScenario
from testbed.scenario.document import KeyPath
from testbed.scenario.flow_media import Adaptive, Media

DIRECTIONS = ("forward", "backward")
_RATES = ("min_kbps", "start_kbps", "max_kbps")


class Flow(Parameters):
    """One flow of media, whose feedback takes the other direction.

    Attributes
    ----------
    name
        Name of the flow in tables: letters, digits, spaces and . _ -.
    media
        Media that it sends.
    start_s
        Time at which it begins to send.
    stop_s
        Time at which it stops; default: the end of the study.
    pauses_s
        Pauses, each [from, to], in order of time.
    direction
        Direction of the media: ``forward`` or ``backward``.
    access_delay_ms
        Delay of its packets before the shared stages, and of its feedback after them.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$", max_length=40)
    media: Media
    start_s: float = Field(0.0, ge=0, le=1e5)
    stop_s: float | None = Field(None, gt=0, le=1e5)
    pauses_s: tuple[tuple[float, float], ...] = Field((), max_length=100)
    direction: str = Field("forward", pattern="^(forward|backward)$")
    access_delay_ms: float = Field(0.0, ge=0, le=60_000)

    @property
    def is_controlled(self) -> bool:
        """True if the flow follows a congestion controller."""
        return isinstance(self.media, Adaptive)

    def spans_s(self, duration_s: float) -> list[tuple[float, float]]:
        """Return the spans [from, to] in which it sends within a duration, in order."""
        stop_s = duration_s if self.stop_s is None else min(self.stop_s, duration_s)
        edges = [self.start_s, *(edge for pause in self.pauses_s for edge in pause), stop_s]
        cut = [min(edge, stop_s) for edge in edges]
        return [(start, stop) for start, stop in zip(cut[::2], cut[1::2], strict=True) if start < stop]


class FlowScenario(BaseScenario):
    """A flow study: flows of media that share links, under one congestion controller.

    Attributes
    ----------
    flows
        The flows.
    duration_s
        Simulated duration.
    congestion
        Controller of every adaptive flow, within the rates of its media. With ``none`` media is sent at its
        highest rate.
    feedback
        Feedback of the receivers.
    forward
        Stages that all packets of this direction share, feedback included, in the order in which a packet
        meets them.
    backward
        The same for the other direction.
    """

    flows: list[Flow] = Field(min_length=1, max_length=200)
    duration_s: float = Field(gt=0, le=10_000)
    congestion: ControllerSpec
    feedback: Reporting = Field(default_factory=Reporting)
    forward: list[StageSpec]
    backward: list[StageSpec]

    def stages(self, direction: str) -> list[StageParameters]:
        """Return the parameters of the stages of a direction."""
        return [spec.parameters for spec in (self.forward if direction == "forward" else self.backward)]

    def going(self, direction: str) -> list[Flow]:
        """Return the flows whose media takes a direction."""
        return [flow for flow in self.flows if flow.direction == direction]

    def contradictions(self) -> Iterator[tuple[KeyPath, str]]:
        """Yield mistakes in the combination of values, each as a location and a reason."""
        names: dict[str, int] = {}
        for index, flow in enumerate(self.flows):
            where = ("flows", index)
            if flow.name in names:
                yield (*where, "name"), f"{flow.name!r} is the name of flows.{names[flow.name]} too"
            names[flow.name] = index
            if flow.name.startswith(FLOW_PREFIX):
                yield (*where, "name"), f"names that begin with {FLOW_PREFIX!r} are of cross traffic"
            if flow.start_s >= self.duration_s:
                yield (*where, "start_s"), f"must be before the end, duration_s {self.duration_s:g}"
            if flow.stop_s is not None and flow.stop_s <= flow.start_s:
                yield (*where, "stop_s"), f"must be later than start_s, {flow.start_s:g}"
            edges = [flow.start_s, *(edge for pause in flow.pauses_s for edge in pause)]
            if any(one >= other for one, other in pairwise(edges)):
                yield (
                    (*where, "pauses_s"),
                    "must be [from, to] in s, one after the other, the first after start_s",
                )
        for name in _RATES:
            if name in self.congestion.model_fields_set:
                yield ("congestion", name), "the rates are those of each flow's media: give it there"
        if self.congestion.needs_arrivals and not self.feedback.arrivals_known:
            yield (
                ("feedback", "format"),
                f"{self.congestion.controller} needs to know when packets arrived: transport_wide or ccfb",
            )
