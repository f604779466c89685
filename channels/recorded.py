"""The stage `recorded`: replay of a recorded network of any kind, which is detected by content.

`testbed.channels.recordings.kind` detects it. Losses and arrivals are replayed as by `trace`; a delivery
trace is the capacity of a link, as in `link`.
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import ValidationInfo, field_validator

from testbed.channels.link import Link
from testbed.channels.link.mahimahi import read_delivery_trace
from testbed.channels.queue import QUEUES, QueueParameters
from testbed.channels.queue.drop_tail import DropTail
from testbed.channels.recordings.file import read_cached, read_trace
from testbed.channels.recordings.kind import CAPACITY, decide
from testbed.channels.stage import Stage, StageContext, capacity_kbps
from testbed.channels.trace import Trace
from testbed.errors import ChannelError
from testbed.named_parameters import invalid
from testbed.parameters import FileName, Parameters


class Recorded(Parameters):
    """Replay of a recorded network, from a place that the realization draws.

    Attributes
    ----------
    file
        Flags of loss, an error pattern of G.192, a delay profile, a table of ``send_ms,arrival_ms``, or a
        Mahimahi delivery trace; relative to the scenario's folder.
    queue
        Queue before the link, where the file is a delivery trace.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = (
        {"file": "losses.txt"},
        {"file": "arrivals.csv"},
        {"file": "capacity.up"},
    )
    reorders: ClassVar[bool] = True
    serializes: ClassVar[bool] = True

    @property
    def causes(self) -> tuple[str, ...]:
        """The names under which packets are dropped."""
        return ("trace", *self.queue.causes)

    file: FileName
    queue: Annotated[QueueParameters, QUEUES] = DropTail()

    @field_validator("file")
    @classmethod
    def _readable(cls, file: str, info: ValidationInfo) -> str:
        """Read the file if the scenario's folder is known: a bad one is an error of the scenario."""
        if info.context and "folder" in info.context:
            try:
                _is_capacity(info.context["folder"] / file)
            except ChannelError as error:
                raise invalid(str(error), value=file) from None
        return file

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return the share of a trace's packets that were lost; 0 for a link: its queue's are not known."""
        return self._stage(folder).mean_loss(folder)

    def mean_kbps(self, duration_ms: float, folder: Path = Path()) -> float:
        """Return the mean rate of a link; infinite for a trace of losses or arrivals."""
        return capacity_kbps([self._stage(folder)], duration_ms, folder)

    def doubt(self, folder: Path = Path()) -> str:
        """Return the other kinds that the file could be, or an assumption about it; "" if there is none."""
        stage = self._stage(folder)
        other = read_cached(folder / self.file, decide).doubt
        if other:
            return f"{self.file}: {other}"
        return stage.doubt(folder) if isinstance(stage, Trace) else ""

    def build(self, context: StageContext) -> Stage:
        """Return a fresh stage."""
        return self._stage(context.folder).build(context)

    def _stage(self, folder: Path) -> Link | Trace:
        if _is_capacity(folder / self.file):
            return Link(trace=self.file, queue=self.queue)
        return Trace(file=self.file)


def _is_capacity(path: Path) -> bool:
    """Return whether a file is a delivery trace; one that cannot be replayed is a `ChannelError`."""
    decision = read_cached(path, decide)
    if decision.kind is None:
        raise ChannelError(f"{path}: {decision.doubt}")
    if decision.kind == CAPACITY:
        read_delivery_trace(path)
        return True
    read_trace(path)
    return False
