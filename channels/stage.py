"""Interface of stages, and the loss, rate and delay of a list of stages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from testbed.channels.clock import Clock
from testbed.channels.packet import Packet
from testbed.errors import plugin_code

Out = Callable[[Packet], None]
OnDrop = Callable[[Packet, str], None]
Later = Callable[[int, Callable[[Any], object], Any], None]


@dataclass(frozen=True)
class StageContext:
    """Dependencies of a stage: clock, random stream, output and drop callback.

    Attributes
    ----------
    env
        The simulation's clock, in integer nanoseconds.
    rng
        The stage's own random stream.
    out
        Called with each packet that leaves the stage.
    drop
        Called with each packet that the stage drops, and the name of the cause, such as ``"loss"``.
    folder
        The folder that relative file names are relative to.
    in_background
        Whether the stage schedules in the background of the clock.
    """

    env: Clock
    rng: np.random.Generator
    out: Out
    drop: OnDrop
    folder: Path = field(default_factory=Path)
    in_background: bool = False

    @property
    def later(self) -> Later:
        """Schedule a call after a delay: ``later(delay_ns, out, packet)``."""
        return self.env.background if self.in_background else self.env.later


class Stage(Protocol):
    """Passes packets on to `StageContext.out`: later, twice, or never, with a named cause."""

    def put(self, packet: Packet) -> None:
        """Take a packet at the present simulated time."""


class BuildsStage(Protocol):
    """Builds a stage."""

    def build(self, context: StageContext) -> Stage:
        """Return a fresh stage."""


class StageParameters(BuildsStage, Protocol):
    """Parameters of a stage: a validated entry of a scenario's `channel:`, of a class in `STAGES`.

    Optional attributes: `reorders`, true if the stage can change the order of packets; `duplicates`, true if
    it can deliver a packet twice; `serializes`, true if a packet's size matters; `causes`, the causes of its
    drops, by default its name; `least_delay_ms`, the delay of every packet; the method `mean_kbps`, its
    capacity (see `Link.mean_kbps`); and, of a stage that replays a file, the method `doubt(folder)`, which
    returns how else the file could be read, or "".

    `examples` are parameters for the contract suite.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]]

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return the long-run share of packets that the stage loses, 0 to 1; 0 where it cannot be known.

        Relative file names are relative to `folder`.
        """


def milliseconds(duration_ms: float) -> int:
    """Return a duration in whole nanoseconds."""
    return round(duration_ms * 1_000_000)


def mean_loss(stages: Sequence[StageParameters], folder: Path) -> float:
    """Return the long-run share of packets that a chain of stages loses, if each loses independently.

    A duplicated packet counts as a single one: the benefit of a second copy depends on how losses cluster.
    """
    arriving = 1.0
    for parameters in stages:
        with plugin_code(parameters, "mean_loss()"):
            arriving *= 1 - parameters.mean_loss(folder)
    return 1 - arriving


def capacity_kbps(stages: Sequence[StageParameters], duration_ms: float, folder: Path) -> float:
    """Return the mean capacity of a chain of stages in its first `duration_ms`; inf without limit."""
    rates_kbps = [
        parameters.mean_kbps(duration_ms, folder) for parameters in stages if hasattr(parameters, "mean_kbps")
    ]
    return min(rates_kbps, default=inf)


def least_delay_ms(stages: Sequence[StageParameters]) -> float:
    """Return the smallest known delay of a chain of stages."""
    return sum(getattr(parameters, "least_delay_ms", 0.0) for parameters in stages)
