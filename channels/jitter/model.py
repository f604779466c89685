"""The base of jitter models: one delay per packet, correlated with the delays of its neighbours."""

from collections.abc import Callable, Iterator
from math import sqrt
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from testbed.channels.packet import Packet
from testbed.channels.per_packet import PerPacket
from testbed.channels.stage import Stage, StageContext
from testbed.named_parameters import invalid
from testbed.parameters import Parameters

BLOCK = 512
"""Number of packets whose random numbers a law draws at a time."""


class JitterModel(Parameters):
    """Base of the jitter models: turns standard normal numbers into delays.

    The normal numbers are a first-order autoregression: those of two packets that are k apart have the
    correlation ``correlation ** k``.

    Attributes
    ----------
    mean_ms
        Mean delay, above 0 ms.
    std_ms
        Standard deviation of the delay, above 0 ms and at most ten times the mean.
    correlation
        Correlation of the normal numbers of consecutive packets, from 0 to below 1.
    reorder
        Whether a packet may overtake those sent before it. If not, it arrives with them at the earliest.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]]

    mean_ms: float = Field(gt=0, le=60_000)
    std_ms: float = Field(gt=0, le=60_000)
    correlation: float = Field(0.0, ge=0, lt=1)
    reorder: bool = False

    @model_validator(mode="after")
    def _bounded(self) -> "JitterModel":
        if self.std_ms > 10 * self.mean_ms:
            most = 10 * self.mean_ms
            raise invalid(f"must be at most ten times mean_ms, {most:g}", "std_ms", value=self.std_ms)
        return self

    def shape(self, normal: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the delays in ms, 0 or more, that belong to standard normal numbers; increasing."""
        raise NotImplementedError

    @property
    def reorders(self) -> bool:
        """True if the stage can change the order of packets."""
        return self.reorder

    def delays_ns(self, rng: np.random.Generator) -> Iterator[int]:
        """Yield for each packet, endlessly, its delay in nanoseconds; each takes one random number."""
        kept, fresh = self.correlation, sqrt(1 - self.correlation**2)
        latest = rng.standard_normal()
        while True:
            normal = np.empty(BLOCK)
            for index, number in enumerate(rng.standard_normal(BLOCK).tolist()):
                normal[index] = latest
                latest = kept * latest + fresh * number
            yield from np.rint(self.shape(normal) * 1e6).astype(np.int64).tolist()

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return 0: nothing is lost."""
        return 0.0

    def build(self, context: StageContext) -> Stage:
        """Return a fresh stage."""
        return JitterStage(context, self.delays_ns, self.reorder)


class JitterStage:
    """Delays each packet by its own time.

    Parameters
    ----------
    context
        Dependencies of the stage.
    delays_ns
        Makes an endless sequence from a random stream: the delay of each packet of a flow, 0 or more.
    reorder
        Whether a packet may overtake those before it.
    """

    def __init__(
        self,
        context: StageContext,
        delays_ns: Callable[[np.random.Generator], Iterator[int]],
        reorder: bool,
    ) -> None:
        self._env = context.env
        self._later = context.later
        self._out = context.out
        self._delay_ns = PerPacket(delays_ns, context.rng).take
        self._reorder = reorder
        self._latest_ns = 0

    def put(self, packet: Packet) -> None:
        """Take a packet; it leaves after its delay."""
        delay_ns = self._delay_ns(packet)
        if not self._reorder:
            now_ns = self._env.now
            self._latest_ns = max(self._latest_ns, now_ns + delay_ns)
            delay_ns = self._latest_ns - now_ns
        self._later(delay_ns, self._out, packet)
