"""The stage `link`: a queue, a rate at which packets are sent in turn, and a propagation delay."""

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator, model_validator

from testbed.channels.cross_traffic import CROSS_TRAFFIC, SharedLink
from testbed.channels.cross_traffic.model import CrossTraffic
from testbed.channels.link.mahimahi import OpportunityLink, read_delivery_trace
from testbed.channels.link.rate import Rate, RateLink
from testbed.channels.queue import QUEUES, QueueParameters
from testbed.channels.queue.drop_tail import DropTail
from testbed.channels.stage import Stage, StageContext, milliseconds
from testbed.errors import ChannelError
from testbed.named_parameters import invalid
from testbed.parameters import FileName, Parameters

_HIGHEST_KBPS = 1e7


class Step(Parameters):
    """Rate of a link from a time on.

    Attributes
    ----------
    from_ms
        Simulated time at which it begins.
    rate_kbps
        The rate, 1 kb/s or more; 0 is an outage.
    """

    from_ms: float = Field(ge=0, le=1e9)
    rate_kbps: float = Field(ge=0, le=_HIGHEST_KBPS)

    @field_validator("rate_kbps")
    @classmethod
    def _not_nearly_nothing(cls, rate_kbps: float) -> float:
        if 0 < rate_kbps < 1:
            raise invalid("must be 1 or more, or 0 for an outage", value=rate_kbps)
        return rate_kbps


class Link(Parameters):
    """A link of constant rate (`rate_kbps`), of a rate in steps (`steps`) or of recorded capacity (`trace`).

    Rates count the bytes of `Packet.size_bytes`, headers included.

    Attributes
    ----------
    rate_kbps
        Constant rate, 1 kb/s or more.
    steps
        Rates in order of time: the first from 0 ms; the last has no end and is above 0.
    trace
        Name of a Mahimahi delivery trace, relative to the scenario's folder.
    offset_ms
        Place in the trace at which the simulation begins; default: drawn by the realization.
    delay_ms
        Propagation delay, after a packet was sent.
    queue
        Queue before the link; default: drop-tail of 300 ms.
    cross_traffic
        Traffic of others through the same queue. Its packets leave the channel behind the link.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = (
        {"rate_kbps": 64, "delay_ms": 20, "queue": {"discipline": "drop_tail", "limit_packets": 10}},
        {
            "steps": [
                {"from_ms": 0, "rate_kbps": 300},
                {"from_ms": 500, "rate_kbps": 0},
                {"from_ms": 900, "rate_kbps": 9},
            ]
        },
        {"trace": "capacity.up"},
        {"trace": "capacity.up", "offset_ms": 0, "queue": {"discipline": "drop_tail", "limit_bytes": 4000}},
        *({"rate_kbps": 64, "queue": example} for example in QUEUES.examples),
        *({"rate_kbps": 64, "cross_traffic": [example]} for example in CROSS_TRAFFIC.examples),
        {
            "rate_kbps": 64,
            "delay_ms": 20,
            "queue": {"discipline": "fq_codel", "limit_packets": 20},
            "cross_traffic": list(CROSS_TRAFFIC.examples),
        },
        {"trace": "capacity.up", "cross_traffic": [{"model": "tcp"}]},
    )
    serializes: ClassVar[bool] = True

    rate_kbps: float | None = Field(None, ge=1, le=_HIGHEST_KBPS)
    steps: tuple[Step, ...] | None = None
    trace: FileName | None = None
    offset_ms: float | None = Field(None, ge=0, le=1e10)
    delay_ms: float = Field(0.0, ge=0, le=60_000)
    queue: Annotated[QueueParameters, QUEUES] = DropTail()
    cross_traffic: tuple[Annotated[CrossTraffic, CROSS_TRAFFIC], ...] = ()

    @model_validator(mode="after")
    def _one_capacity(self, info: ValidationInfo) -> "Link":
        given = [name for name in ("rate_kbps", "steps", "trace") if getattr(self, name) is not None]
        if len(given) != 1:
            what = f"{given[0]!r} is set, too" if given else "none is set"
            raise invalid(f"give exactly one of rate_kbps, steps and trace: {what}", *given[1:2])
        if self.offset_ms is not None and self.trace is None:
            raise invalid("is a place in a trace: give trace, too", "offset_ms", value=self.offset_ms)
        if self.steps is not None:
            self._check_steps(self.steps)
        if self.trace is not None and info.context and "folder" in info.context:
            try:
                read_delivery_trace(info.context["folder"] / self.trace)
            except ChannelError as error:
                raise invalid(str(error), "trace", value=self.trace) from None
        return self

    @staticmethod
    def _check_steps(steps: tuple[Step, ...]) -> None:
        if not steps:
            raise invalid("needs at least one step", "steps", value=steps)
        if steps[0].from_ms != 0:
            raise invalid("the first step must be from 0 ms", "steps", 0, "from_ms", value=steps[0].from_ms)
        for index, (one, other) in enumerate(pairwise(steps), start=1):
            if milliseconds(other.from_ms) <= milliseconds(one.from_ms):
                raise invalid(
                    "must be later than the step before it", "steps", index, "from_ms", value=other.from_ms
                )
        if steps[-1].rate_kbps == 0:
            last = len(steps) - 1
            raise invalid(
                "the last step has no end, so its rate must be above 0", "steps", last, "rate_kbps", value=0
            )

    @property
    def causes(self) -> tuple[str, ...]:
        """The names under which the queue drops packets."""
        return self.queue.causes

    @property
    def _steps(self) -> tuple[Step, ...]:
        return self.steps or (Step(from_ms=0, rate_kbps=self.rate_kbps or 0),)

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return 0: the losses of the queue depend on the packets sent."""
        return 0.0

    @property
    def least_delay_ms(self) -> float:
        """Propagation delay; the transmission time depends on a packet's size."""
        return self.delay_ms

    def mean_kbps(self, duration_ms: float, folder: Path = Path()) -> float:
        """Return the mean rate over the first `duration_ms` of a simulation; of a trace, over all of it."""
        if self.trace is not None:
            return read_delivery_trace(folder / self.trace).mean_bps / 1000
        steps = self._steps
        ends_ms = [*(step.from_ms for step in steps[1:]), duration_ms]
        spans_ms = [
            max(0.0, min(end_ms, duration_ms) - step.from_ms)
            for step, end_ms in zip(steps, ends_ms, strict=True)
        ]
        rates_kbps = [step.rate_kbps for step in steps]
        return sum(span * rate for span, rate in zip(spans_ms, rates_kbps, strict=True)) / duration_ms

    def build(self, context: StageContext) -> Stage:
        """Return a fresh stage; an unreadable trace is a `ChannelError`."""
        if self.cross_traffic:
            return SharedLink(context, self._link, self.cross_traffic)
        return self._link(context)

    def _link(self, context: StageContext) -> Stage:
        delay_ns = milliseconds(self.delay_ms)
        if self.trace is not None:
            trace = read_delivery_trace(context.folder / self.trace)
            if self.offset_ms is None:
                offset_ns = int(context.rng.integers(trace.period_ns))
            else:
                offset_ns = milliseconds(self.offset_ms)
            return OpportunityLink(context, trace, offset_ns, self.queue, delay_ns)
        starts_ns = [milliseconds(step.from_ms) for step in self._steps]
        rate = Rate(starts_ns, [round(step.rate_kbps * 1000) for step in self._steps])
        return RateLink(context, rate, self.queue, delay_ns)
