"""The stage `trace`: replay of the losses, and if recorded the delays, of a recorded call.

A trace of losses has one entry per packet of the call. A trace of arrivals, whose packets may have been sent
at another pace than the call's, is followed by the time of sending: the first packet of the call starts it,
and each packet has the fate and the delay of the recorded packet sent nearest to it (of two equally near, the
earlier). A packet never overtakes where the recorded packets did not.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, model_validator

from testbed.channels.loss.model import LossStage
from testbed.channels.packet import Packet
from testbed.channels.recordings.delays import PACKET_INTERVAL_MS
from testbed.channels.recordings.file import read_cached, read_trace
from testbed.channels.recordings.kind import FATES, decide
from testbed.channels.recordings.parts import LOST, ArrivalTrace, LossTrace
from testbed.channels.stage import Stage, StageContext
from testbed.errors import ChannelError
from testbed.named_parameters import invalid
from testbed.parameters import FileName, Parameters


class Trace(Parameters):
    """Replay of a recorded call; `testbed.channels.recordings.file` lists the formats.

    opus_demo's own behaviour is ``offset_packets: 0, after_end: received``.

    Attributes
    ----------
    file
        Name of the trace, relative to the scenario's folder.
    offset_packets
        Entry that the call starts at; default: drawn by the realization, all entries equally likely.
    after_end
        Behaviour after the last entry: ``repeat`` starts again from the first; ``received`` delivers all
        further packets, with the smallest delay of the trace. A drawn offset always repeats.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = (
        {"file": "losses.txt"},
        {"file": "losses.txt", "offset_packets": 3, "after_end": "received"},
        {"file": "arrivals.csv"},
        {"file": "arrivals.csv", "offset_packets": 0, "after_end": "received"},
    )
    reorders: ClassVar[bool] = True

    file: FileName
    offset_packets: int | None = Field(None, ge=0)
    after_end: Literal["repeat", "received"] = "repeat"

    @model_validator(mode="after")
    def _possible(self, info: ValidationInfo) -> "Trace":
        if self.offset_packets is None and self.after_end == "received":
            raise invalid(
                "a trace that starts at a drawn offset repeats at its end; for 'received' say where it "
                "starts too, as in offset_packets: 0",
                "after_end",
                value=self.after_end,
            )
        if info.context and "folder" in info.context:
            self._check_file(info.context["folder"])
        return self

    def _check_file(self, folder: Path) -> None:
        """Read the file as soon as its folder is known, so that a bad one is an error of the scenario."""
        try:
            length = len(read_trace(folder / self.file))
        except ChannelError as error:
            raise invalid(str(error), "file", value=self.file) from None
        if self.offset_packets is not None and self.offset_packets >= length:
            raise invalid(self._beyond(length), "offset_packets", value=self.offset_packets)

    def _beyond(self, length: int) -> str:
        most = length - 1
        return f"{self.file} has {length} packets: the offset can be 0 to {most}, not {self.offset_packets}"

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return the share of the trace's packets that were lost."""
        return read_trace(folder / self.file).mean_loss()

    def doubt(self, folder: Path = Path()) -> str:
        """Return an assumption about the file that it does not state; "" if there is none."""
        trace = read_trace(folder / self.file)
        if isinstance(trace, LossTrace):
            return f"{self.file}: {trace.doubt}" if trace.doubt else ""
        kind = read_cached(folder / self.file, decide).among(FATES)
        if kind != "delay_profile":
            return ""
        return f"{self.file}: a packet per {PACKET_INTERVAL_MS:g} ms is assumed, as in 3GPP's delay profiles"

    def build(self, context: StageContext) -> Stage:
        """Return a fresh stage; an unreadable trace or an offset beyond its end is a `ChannelError`."""
        trace = read_trace(context.folder / self.file)
        offset = self.offset_packets
        if offset is None:
            offset = int(context.rng.integers(len(trace)))
        elif offset >= len(trace):
            raise ChannelError(self._beyond(len(trace)))
        repeats = self.after_end == "repeat"
        if isinstance(trace, LossTrace):
            return LossStage(context, lambda _: _losses(trace.lost, offset, repeats), "trace")
        return ArrivalReplay(context, trace, offset, repeats)


def _losses(lost: bytes, offset: int, repeats: bool) -> Iterator[bool]:
    after_end = chain.from_iterable(repeat(lost)) if repeats else repeat(0)
    return map(bool, chain(lost[offset:], after_end))


class ArrivalReplay:
    """Gives each packet the fate of the recorded packet sent nearest to it.

    Parameters
    ----------
    context
        Dependencies of the stage.
    trace
        The recording.
    offset
        Entry of the recording at which the first packet of the call is sent.
    repeats
        Whether the recording starts again at its end, one mean packet interval after its last entry.
    """

    def __init__(self, context: StageContext, trace: ArrivalTrace, offset: int, repeats: bool) -> None:
        self._env = context.env
        self._later = context.later
        self._out = context.out
        self._drop = context.drop
        self._send_ns, self._delay_ns = trace.send_ns, trace.delay_ns
        self._offset_ns = trace.send_ns[offset] - trace.send_ns[0]
        span_ns = trace.send_ns[-1] - trace.send_ns[0]
        self._interval_ns = span_ns // (len(trace.send_ns) - 1)
        self._period_ns = span_ns + self._interval_ns
        self._repeats = repeats
        arrived = [delay for delay in trace.delay_ns if delay != LOST]
        self._smallest_ns = min(arrived, default=0)
        self._start_ns: int | None = None
        self._latest_recorded_ns = -(2**63)
        self._latest_ns = 0

    def put(self, packet: Packet) -> None:
        """Drop the packet, or pass it on with the recorded delay."""
        if self._start_ns is None:
            self._start_ns = packet.sent_ns - self._offset_ns
        elapsed_ns = max(0, packet.sent_ns - self._start_ns)
        rounds, within_ns = divmod(elapsed_ns, self._period_ns)
        if rounds and not self._repeats:
            recorded_ns, delay_ns = elapsed_ns + self._smallest_ns, self._smallest_ns
        else:
            entry = self._nearest(self._send_ns[0] + within_ns)
            delay_ns = self._delay_ns[entry]
            if delay_ns == LOST:
                self._drop(packet, "trace")
                return
            recorded_ns = rounds * self._period_ns + self._send_ns[entry] - self._send_ns[0] + delay_ns
        now_ns = self._env.now
        arrival_ns = now_ns + delay_ns
        if recorded_ns >= self._latest_recorded_ns:
            self._latest_recorded_ns = recorded_ns
            self._latest_ns = arrival_ns = max(arrival_ns, self._latest_ns)
        self._later(arrival_ns - now_ns, self._out, packet)

    def _nearest(self, sent_ns: int) -> int:
        after = bisect_left(self._send_ns, sent_ns)
        if after == 0:
            return 0
        if after == len(self._send_ns):
            return after - 1
        before_is_nearer = sent_ns - self._send_ns[after - 1] <= self._send_ns[after] - sent_ns
        return after - before_is_nearer
