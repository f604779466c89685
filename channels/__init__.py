"""What the network does to a packet: a channel is a list of stages that packets meet in order.

`STAGES` lists what there is: a new stage is a file, which declares its parameters and builds what acts on
packets (see `testbed.channels.stage`), and a line here.
"""

from typing import Any, ClassVar

from testbed.channels.delay import Delay
from testbed.channels.duplicate import Duplicate
from testbed.channels.jitter import Jitter
from testbed.channels.link import Link
from testbed.channels.loss import Loss
from testbed.channels.recorded import Recorded
from testbed.channels.spec import SingleKeySpec
from testbed.channels.spikes import Spikes
from testbed.channels.trace import Trace

STAGES: dict[str, Any] = {
    "delay": Delay,
    "duplicate": Duplicate,
    "jitter": Jitter,
    "link": Link,
    "loss": Loss,
    "recorded": Recorded,
    "spikes": Spikes,
    "trace": Trace,
}


class StageSpec(SingleKeySpec):
    """One entry of a scenario's `channel:`, as in `{loss: {model: bernoulli, rate: 0.1}}`.

    `parameters` is a `testbed.channels.stage.StageParameters`.
    """

    what: ClassVar[str] = "stage"
    registry: ClassVar = STAGES


__all__ = ["STAGES", "StageSpec"]
